"""Scenarios of disks: floppies, CDs, formats of images, and what survives reboots and kill -9."""

import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import time

from machine import Failure, Qmp
from scenarios import scenario

FLOPPY = 1440 << 10


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def floppy_firmware(bench, *arguments):
    """Runs the conformance program of tests/firmware/sector from A: and returns what it says."""
    image, said = bench.file('floppy.img'), bench.file('said')
    disk = bytearray(FLOPPY)
    for sector in range(64, FLOPPY // 512):
        struct.pack_into('<I', disk, sector * 512, sector)
    program = read(os.path.join(bench.options.build, 'tests/firmware/sector-floppy.bin'))
    disk[:len(program)] = program
    with open(image, 'wb') as file:
        file.write(disk)
    with bench.machine('-drive', f'file={image},format=raw,if=floppy', '-boot', 'a',
                       '-debugcon', f'file:{said}', *arguments, memory=64):
        for _ in range(120):
            time.sleep(0.5)
            text = read(said).decode() if os.path.exists(said) else ''
            if text.endswith(('passed\n', 'failed\n')):
                return text
    raise Failure(f'the program does not end; it said: {text}')


@scenario()
def floppy_bios(bench):
    """Our BIOS boots from a floppy; INT 13h reads, writes and verifies it."""
    text = floppy_firmware(bench)
    if not text.endswith('passed\n'):
        raise Failure(text)


@scenario(firmware='seabios')
def floppy_seabios(bench):
    """Debian's SeaBIOS does, but for the count of a failed read, which it has in its own way."""
    text = floppy_firmware(bench, '-bios', '/usr/share/seabios/bios-256k.bin')
    bad = [line for line in text.splitlines() if line.startswith('FAIL')]
    if [line for line in bad if not line.startswith('FAIL 13/02 sector 19')]:
        raise Failure(text)


@scenario()
def floppy_linux(bench):
    """Linux' driver reads a floppy by DMA, writes it, and sees that the other one is protected."""
    a, b = bench.file('a.img'), bench.file('b.img')
    content = os.urandom(FLOPPY)
    for path in a, b:
        with open(path, 'wb') as file:
            file.write(content)
    with bench.linux('then=shell', '-drive', f'file={a},format=raw,if=floppy',
                     '-drive', f'file={b},format=raw,if=floppy,readonly=on') as vm:
        vm.expect('^GUEST: ready', 180)
        got = vm.shell('dd if=/dev/fd0 bs=18k 2>/dev/null | sha256sum', 120).split()[0]
        if got != hashlib.sha256(content).hexdigest():
            raise Failure('what Linux reads from A: is not what is there')
        vm.shell('dd if=/dev/zero of=/dev/fd0 bs=18k seek=4 count=2 conv=fsync 2>/dev/null', 120)
        vm.type('dd if=/dev/zero of=/dev/fd1 bs=512 count=1; echo "PRO""TECTED=$?"')
        vm.expect('PROTECTED=1', 60)
        errors = vm.shell('dmesg | grep -i "fd0.*error\\|floppy.*timeout" || true')
        if errors:
            raise Failure(errors.strip())
        vm.type('poweroff -f')
        vm.ends()
    content = content[:4 * 18432] + bytes(2 * 18432) + content[6 * 18432:]
    if read(a) != content:
        raise Failure('what Linux wrote to A: is not in the image')


# ---- CDs as they come in their packages: they talk on the screen ----

def on_screen(bench, iso, *patterns, timeout=300, memory=64):
    """Boots a CD until each of the regular expressions was on the screen, and returns the last."""
    socket, picture = bench.file('qmp'), bench.file('screen')
    text = ''
    with bench.machine('-cdrom', bench.material(iso), '-boot', 'd', '-vga', 'std',
                       '-qmp', f'unix:{socket},server=on,wait=off', memory=memory) as vm:
        while not os.path.exists(socket):
            time.sleep(0.1)
        qmp = Qmp(socket)
        left = list(patterns)
        deadline = time.monotonic() + timeout
        while left:
            if time.monotonic() > deadline:
                raise Failure(f'not on the screen: {left[0]}; it shows:\n{text}')
            if vm.process.poll() is not None:
                raise Failure(f'the machine ended{vm.last_words()}')
            time.sleep(0.5)
            try:
                qmp('screendump', filename=picture, format='text')
            except Failure:  # the firmware has not set a mode yet
                continue
            text = read(picture).decode(errors='replace')
            left = [pattern for pattern in left if not re.search(pattern, text)]
    return text


@scenario('cds')
def memtest_iso(bench):
    """memtest86+'s own ISO boots; it tests memory and finds no error."""
    text = on_screen(bench, 'memtest-vga.iso', r'Memtest86\+ v6', r'Errors: *0', r'Test +#[1-9]',
                     memory=32)
    if re.search('Errors: *[1-9]', text):
        raise Failure(f'memtest86+ counts errors:\n{text}')


@scenario('cds')
def ipxe_iso(bench):
    """iPXE's own ISO boots."""
    on_screen(bench, 'ipxe.iso', r'iPXE initialising devices', r'iPXE 1\.\d', r'Features:.*HTTP')


# ---- Linux on IDE disks ----

@scenario()
def disk_dma(bench):
    """libata sets a DMA mode for disk and CD, and nothing goes wrong."""
    disk, cd = bench.file('disk.img'), bench.file('cd.iso')
    for path in disk, cd:
        with open(path, 'wb') as file:
            file.write(os.urandom(4 << 20))
    with bench.linux('then=shell', '-drive', f'file={disk},format=raw', '-cdrom', cd) as vm:
        vm.expect('^GUEST: ready', 180)
        vm.shell('dd if=/dev/sda of=/dev/null bs=64k; dd if=/dev/sr0 of=/dev/null bs=64k', 120)
        # The kernel's line "configured for MWDMA2" is not for what is found at boot, since 5.17.
        modes = vm.shell('cd /sys/class/ata_device; for d in *; do grep -q ata $d/class && '
                         'cat $d/xfer_mode; done; cd /').split()
        log = vm.shell('dmesg | grep "ata[0-9]"')
        complaints = vm.shell("dmesg | grep -iE 'ata[0-9].*(error|fail|exception|limit|PIO only)'"
                              " || true")
        vm.type('poweroff -f')
        vm.ends()
    if len(modes) != 2 or not all(re.match(r'XFER_(UDMA|MW_DMA)_', mode) for mode in modes):
        raise Failure(f'transfer modes: {modes}: {log}')
    if complaints:
        raise Failure(complaints.strip())


def boots_linux(bench, drive):
    """GRUB on this drive boots Linux, which sees it."""
    with bench.machine('-drive', drive) as vm:
        vm.expect('^.*GRUB: loading Linux')
        vm.expect('^GUEST: ready', 300)
        assert vm.shell('ls /sys/block').split().count('sda') == 1
        vm.shell('mount /dev/sda1 /mnt && echo written >/mnt/written && umount /mnt', 120)
        vm.type('poweroff -f')
        vm.ends()


def run(*command):
    """Runs a command of the host; what it says when it fails is a Failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f'{" ".join(command)}: {done.stdout[-300:]}{done.stderr[-300:]}')
    return done.stdout


@scenario('disks')
def linux_from_qcow2(bench):
    """Linux boots from a qcow2 image with a backing file, which stays as it is."""
    image, base = bench.file('disk.qcow2'), bench.material('disk-ext4.img')
    before = hashlib.sha256(read(base)).hexdigest()
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', image)
    boots_linux(bench, f'file={image},format=qcow2')
    run('qemu-img', 'check', '-q', image)
    assert hashlib.sha256(read(base)).hexdigest() == before
    run('qemu-img', 'convert', '-O', 'raw', image, bench.file('raw'))
    check_ext4(bench.file('raw'), 'written', b'written\n')


@scenario('disks')
def linux_from_vhd(bench):
    """Linux boots from a dynamic VHD image."""
    image = bench.file('disk.vhd')
    run('qemu-img', 'convert', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on',
        bench.material('disk-ext4.img'), image)
    boots_linux(bench, f'file={image},format=vpc')
    run('qemu-img', 'convert', '-f', 'vpc', '-O', 'raw', image, bench.file('raw'))
    check_ext4(bench.file('raw'), 'written', b'written\n')


def partition(image):
    """The file system of a disk's first partition (or of the whole disk), in a file of its own."""
    path = f'{image}.ext4'
    disk = read(image)
    offset = 2048 * 512 if disk[1080:1082] != b'\x53\xef' else 0
    with open(path, 'wb') as file:
        file.write(disk[offset:])
    return path


def checked_ext4(image):
    """The path of a copy of that file system, after its journal was replayed.

    It has no fault but those that e2fsck mends at every boot: the superblock's counts.
    """
    path = partition(image)
    done = subprocess.run(['e2fsck', '-fp', path], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise Failure(f'{image}: {done.stdout}{done.stderr}')
    run('e2fsck', '-fn', path)
    return path


def check_ext4(image, name, content):
    """The file system on the image is sound, and has this file."""
    path = checked_ext4(image)
    got = subprocess.run(['debugfs', '-R', f'cat /{name}', path], capture_output=True, check=True)
    if got.stdout != content:
        raise Failure(f'{name} is not what was written')


@scenario('disks')
def disk_survives_reboot(bench):
    """The guest writes, syncs and reboots by reset; it and the host read back what was written."""
    disk = bench.disk('disk-ext4.img')
    with bench.machine('-drive', disk) as vm:
        vm.expect('^GUEST: ready', 300)
        vm.shell('mount /dev/sda1 /mnt && seq 200000 >/mnt/data && sync', 120)
        vm.type('reboot -f')
        vm.expect('^GUEST: ready', 300)
        got = vm.shell('mount /dev/sda1 /mnt && sha256sum </mnt/data && umount /mnt', 120)
        vm.type('poweroff -f')
        vm.ends()
    content = ''.join(f'{n}\n' for n in range(1, 200001)).encode()
    if got.split()[0] != hashlib.sha256(content).hexdigest():
        raise Failure('the guest does not read back what it wrote')
    check_ext4(bench.file('disk-ext4.img'), 'data', content)


def cpu_seconds(process):
    """User and system time of a process so far."""
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as file:
        fields = file.read().rsplit(') ', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@scenario()
def disk_speed(bench):
    """A bench: dd in Linux, 64 MiB past the guest's cache; run it with --machine qemu-kvm too."""
    disk = bench.file('disk.img')
    with open(disk, 'wb') as file:
        file.write(os.urandom(64 << 20))
    with bench.linux('then=shell', '-drive', f'file={disk},format=raw') as vm:
        vm.expect('^GUEST: ready', 300)
        for what, arguments in (
                ('read, 1 MiB', 'if=/dev/sda of=/dev/null iflag=direct bs=1M count=64'),
                ('write, 1 MiB', 'if=/dev/zero of=/dev/sda oflag=direct bs=1M count=64'),
                ('read, 4 KiB', 'if=/dev/sda of=/dev/null iflag=direct bs=4k count=1000'),
                ('write, 4 KiB', 'if=/dev/zero of=/dev/sda oflag=direct bs=4k count=1000')):
            cpu = cpu_seconds(vm.process)
            times = vm.shell(f'read a b </proc/uptime; dd {arguments} 2>/dev/null && '
                             'read c d </proc/uptime && echo $a $c', 300).split()
            cpu = cpu_seconds(vm.process) - cpu
            seconds = float(times[1]) - float(times[0])
            print(f'# {what}: {seconds:.2f} s, {cpu:.2f} s of the host\'s CPUs', flush=True)
        vm.type('poweroff -f')
        vm.ends()


# ---- kill -9 ----

WRITER = ('i=0; while :; do for d in a b; do '
          'yes "{0} $i" | head -c 65536 >/tmp/data; '
          'dd if=/tmp/data of=/$d/f$i bs=64k conv=fsync 2>/dev/null && echo "SAVED $d $i"; '
          'done; i=$((i + 1)); done')

ON_CABLE = 'ls /sys/bus/scsi/devices/0:0:{0}:0/block'


def killed_while_writing(bench, number, raw, qcow2):
    """One round: the guest writes files to both disks until hvm-dm is killed.

    Returns how many files each file system must have.
    """
    saved = {b'a': 0, b'b': 0}
    with bench.linux('then=shell', '-drive', f'file={raw},format=raw',
                     '-drive', f'file={qcow2},format=qcow2') as vm:
        vm.expect('^GUEST: ready', 300)
        # By their place on the cable: the kernel probes in parallel, and sda is at times the slave.
        names = vm.shell(f'echo a=$({ON_CABLE.format(0)}) b=$({ON_CABLE.format(1)})').strip()
        bench.say(f'round {number}: {names}')
        vm.shell(f'mkdir -p /a /b && mount -t ext4 /dev/$({ON_CABLE.format(0)}) /a && '
                 f'mount -t ext4 /dev/$({ON_CABLE.format(1)}) /b && rm -f /a/f* /b/f* && sync', 120)
        vm.type(WRITER.format(number))
        vm.expect('^SAVED b 1\n', 120)
        saved = {b'a': 2, b'b': 2}
        # At any moment, or, every other time, as soon as a file is said to be durable.
        lines = random.randrange(1, 9) if number % 2 else 1000
        deadline = time.monotonic() + (random.uniform(0, 4) if number % 2 == 0 else 60)
        while time.monotonic() < deadline and lines:
            lines -= 1
            try:
                match = vm.expect(r'^SAVED (.) (\d+)\n', deadline - time.monotonic())
                saved[match[1]] = int(match[2]) + 1
            except Failure:
                break
        vm.process.kill()
        vm.process.wait()
    return saved


def check_files(bench, image, number, count):
    """The file system is sound and has what the guest was told is durable."""
    path = checked_ext4(image)
    os.makedirs(f'{path}.files', exist_ok=True)
    run('debugfs', '-R', f'rdump / {path}.files', path)
    for n in range(count):
        line = f'{number} {n}\n'.encode()
        file = f'{path}.files/f{n}'
        if not os.path.exists(file) or read(file) != (line * (65536 // len(line) + 1))[:65536]:
            shutil.copy(image, bench.options.log)
            raise Failure(f'round {number}: {image}: file {n} of {count} is not what was written')
    shutil.rmtree(f'{path}.files')


@scenario()
def kill_nine(bench):
    """File systems survive kill -9 of hvm-dm: raw and qcow2, --rounds times."""
    raw, qcow2, copy = bench.file('a.img'), bench.file('b.qcow2'), bench.file('copy')
    run('mke2fs', '-q', '-F', '-t', 'ext4', raw, '64M')
    run('qemu-img', 'convert', '-O', 'qcow2', raw, qcow2)
    for number in range(bench.options.rounds):
        saved = killed_while_writing(bench, number, raw, qcow2)
        check_files(bench, raw, number, saved[b'a'])
        done = subprocess.run(['qemu-img', 'check', qcow2], capture_output=True, text=True,
                              check=False)
        if done.returncode not in (0, 3):  # 3: clusters that nobody uses
            raise Failure(f'round {number}: {done.stdout}{done.stderr}')
        run('qemu-img', 'convert', '-O', 'raw', qcow2, copy)
        check_files(bench, copy, number, saved[b'b'])
        print(f'# round {number}: {saved[b"a"]} and {saved[b"b"]} files', flush=True)
