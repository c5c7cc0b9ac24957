"""What is done with whole guests. Each scenario gets a Bench and raises Failure."""

import hashlib
import os
import re
import subprocess
import time

from machine import Failure, Qmp

SCENARIOS = {}


def scenario(needs='linux', firmware=None):
    """Registers a scenario under its name, in the order of this file.

    `needs` is what tests/lab/guest/build must make for it; `firmware` is what it always runs on.
    """
    def register(function):
        function.needs = needs
        if firmware:
            function.firmware = firmware
        SCENARIOS[function.__name__.replace('_', '-')] = function
        return function
    return register


@scenario()
def linux_boots(bench):
    """One CPU: every chip of the machine, as Debian's kernel sees it, and ACPI power-off."""
    with bench.linux('selftest=acpi,smbios,pci,memory,input,interrupts,cpus,dmesg,rtc,clocksource '
                     'guest.mem=256 then=poweroff') as vm:
        vm.selftests()
        vm.ends()


@scenario()
def linux_two_cpus(bench):
    """Two CPUs, a shell on the serial port, a reboot and a power-off typed there."""
    with bench.linux('selftest=cpus,hotplug,interrupts,dmesg guest.cpus=2', '-smp', '2') as vm:
        vm.selftests()
        assert vm.shell('echo $((6 * 7))').strip() == '42'
        assert len(vm.shell('seq 5000').split()) == 5000
        vm.type('reboot -f')
        vm.expect('^GUEST: ready', 180)
        vm.selftests()
        vm.type('poweroff -f')
        vm.ends()


@scenario()
def network(bench):
    """The e1000 on the user-mode network."""
    with bench.linux('selftest=pci,net,dmesg guest.pci=8086:100e then=poweroff',
                     '-nic', 'user,model=e1000') as vm:
        vm.selftests()
        vm.ends()


@scenario()
def disk_and_cd(bench):
    """An IDE disk keeps what is written to it; a CD shows what it holds."""
    disk, cd = bench.file('disk.img'), bench.file('cd.iso')
    with open(disk, 'wb') as file:
        file.truncate(64 << 20)
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', cd, bench.sources], check=True,
                   stderr=subprocess.DEVNULL)
    with open(cd, 'rb') as file:
        content = file.read()
    with bench.linux('selftest=pci,disk,cdrom,dmesg guest.pci=8086:7010 guest.disk=sda '
                     'then=poweroff '
                     f'guest.cd={hashlib.sha256(content).hexdigest()} guest.cd_size={len(content)}',
                     '-drive', f'file={disk},format=raw', '-cdrom', cd) as vm:
        vm.selftests()
        vm.ends()
    # What the guest's file system wrote is there for the host as well.
    subprocess.run(['e2fsck', '-fn', disk], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@scenario()
def suspend_to_ram(bench):
    """S3, and the RTC's alarm wakes the machine."""
    with bench.linux('selftest=suspend,interrupts then=poweroff') as vm:
        vm.selftests()
        vm.ends()


@scenario()
def power_button(bench):
    """QMP's system_powerdown presses the ACPI power button."""
    path = os.path.join(bench.scratch, 'qmp')
    with bench.linux('then=button', '-qmp', f'unix:{path},server=on,wait=off') as vm:
        vm.expect('^GUEST: waiting for the power button', 180)
        Qmp(path)('system_powerdown')
        vm.expect('^GUEST: power button')
        vm.ends()


def replay(bench, recording):
    """Plays a recording with no CPU; it must be the same to the end."""
    command = [bench.options.command.split()[0], '-accel', f'replay,file={recording}']
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    bench.say(result.stdout.strip())
    if result.returncode != 0:
        raise Failure(f'exit status {result.returncode}: {result.stdout.strip()}')


@scenario()
def recorded(bench):
    """A boot of two CPUs with a disk and a network, recorded, replays bit for bit (hvm-dm only)."""
    disk, recording = bench.file('disk.img'), bench.file('recording')
    with open(disk, 'wb') as file:
        file.truncate(64 << 20)
    with bench.linux('selftest=pci,disk,net,interrupts,rtc guest.pci=8086:100e guest.disk=sda '
                     'then=poweroff guest.cpus=2', '-smp', '2', '-record', recording,
                     '-drive', f'file={disk},format=raw', '-nic', 'user,model=e1000') as vm:
        vm.selftests()
        vm.ends()
    bench.say(f'{os.path.getsize(recording)} bytes')
    os.unlink(disk)
    replay(bench, recording)
    bench.keep(recording)


def wait_until_running(socket, timeout=60):
    """Until a machine with this QMP socket has loaded its saved state."""
    deadline = time.monotonic() + timeout
    while not os.path.exists(socket) and time.monotonic() < deadline:
        time.sleep(0.1)
    qmp = Qmp(socket)
    while not qmp('query-status')['running']:
        if time.monotonic() > deadline:
            raise Failure(f'not running within {timeout} s')
        time.sleep(0.1)


@scenario()
def saved_and_restored(bench):
    """A guest with two CPUs goes on in another process, while it writes to its disk (hvm-dm only)."""
    disk, state, socket = bench.file('disk.img'), bench.file('state'), bench.file('qmp')
    subprocess.run(['mke2fs', '-q', '-F', '-t', 'ext4', disk, '64M'], check=True,
                   stdout=subprocess.DEVNULL)

    def start(*arguments):
        return bench.linux('then=shell guest.cpus=2', '-smp', '2', '-drive', f'file={disk},format=raw',
                           '-nic', 'user,model=e1000', '-qmp', f'unix:{socket},server=on,wait=off',
                           *arguments)

    with start() as vm:
        vm.expect('^GUEST: ready', 180)
        vm.shell('mkdir -p /a && mount -t ext4 /dev/sda /a && '
                 'dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null && '
                 'sha256sum </tmp/data >/tmp/sum', 180)
        vm.type('while cp /tmp/data /a/copy && cmp /tmp/data /a/copy; do echo round; done '
                '>/tmp/rounds 2>&1 &')
        time.sleep(3)
        qmp = Qmp(socket, 120)
        qmp('stop')
        qmp('xen-save-devices-state', filename=state)
        qmp('quit')
        vm.ends()
    bench.say(f'{os.path.getsize(state)} bytes')
    with start('-incoming', f'file:{state}') as vm:
        wait_until_running(socket)
        vm.process.stdin.write(b'\n')
        got = vm.shell('cat /tmp/rounds; sha256sum </tmp/data | cmp - /tmp/sum && sleep 5; '
                       'wc -l </tmp/rounds', 120)
        before, after = got.count('round'), int(got.split()[-1])
        bench.say(f'{before} rounds, {after} later')
        if after <= before or got.replace('round\n', '').strip() != str(after):
            raise Failure(f'the writer has not gone on: {got}')
        vm.type('. /selftest/lib; selftest net cpus interrupts clocksource rtc')
        vm.selftests()
        vm.shell('kill %1; wait; umount /a', 120)
        vm.type('poweroff -f')
        vm.ends()
    subprocess.run(['e2fsck', '-fn', disk], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@scenario('disks')
def grub_shell(bench):
    """The BIOS boots GRUB from a disk; its shell sees the PCI bus and reads the disk."""
    with bench.machine('-drive', bench.disk('grub-shell.img')) as vm:
        vm.expect('GRUB: shell\n')
        vm.type_slowly('lspci')
        vm.expect(r'00:00\.0 8086:1237')
        vm.type_slowly('cat (hd0,msdos1)/hello.txt')
        vm.expect('a file on the first disk')
        vm.type_slowly('reboot')
        vm.expect('GRUB: shell\n')
        vm.type_slowly('halt')
        vm.ends()


@scenario('disks')
def linux_from_disk(bench):
    """The BIOS boots GRUB, GRUB boots Linux, from an ext4 file system on an IDE disk."""
    with bench.machine('-drive', bench.disk('disk-ext4.img')) as vm:
        vm.expect('^.*GRUB: loading Linux')
        vm.expect('^GUEST: ready', 300)
        assert vm.shell('ls /sys/block').split().count('sda') == 1
        vm.type('poweroff -f')
        vm.ends()


@scenario('cds')
def installer_from_cd(bench):
    """isolinux boots Debian's installer from a CD."""
    with bench.machine('-cdrom', bench.material('installer.iso'), memory=512) as vm:
        vm.expect('^ISOLINUX 6')
        vm.expect('^Loading /initrd...ok', 120)
        vm.expect('^Starting system log daemon', 300)


@scenario('cds')
def memtest(bench):
    """memtest86+ starts from a CD and finds no error in the first of its tests."""
    with bench.machine('-cdrom', bench.material('memtest.iso'), memory=32) as vm:
        vm.expect('Memtest86\\+ v6')
        vm.expect(r'#[1-9] +\[', 600)
        text = vm.transcript()
        if 'Errors: 0' not in text or re.search('Errors: *[1-9]', text):
            raise Failure('memtest86+ counts errors')
