"""The whole story of a virtual machine, unattended: the guest of `make demo`, and all that its owner
would do with it, on each firmware and each kind of image."""

import functools
import hashlib
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

from disks import check_ext4, run
from machine import Failure, Qmp
from scenarios import scenario
from screens import Vnc, type_by_vnc

SEABIOS = '/usr/share/seabios'
FIRMWARE = {
    'ours': ['-device', 'VGA'],
    'seabios': ['-bios', f'{SEABIOS}/bios-256k.bin',
                '-device', f'VGA,romfile={SEABIOS}/vgabios-stdvga.bin'],
}
SIZE = 1 << 20  # of the files that are transferred
CLOCK = 3       # seconds that the guest's clock may differ from the host's
PATIENCE = 300  # seconds until a login prompt, where the CPU is an emulated one


class Server:
    """The host's web server, which the guest reaches as 10.0.2.2: it serves a directory."""

    def __init__(self, directory):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            """Says nothing of requests."""

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass
        handler = functools.partial(Quiet, directory=directory)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as some:
        some.bind(('127.0.0.1', 0))
        return some.getsockname()[1]


def make_cd(bench, name):
    """A CD with one file, which says the CD's name."""
    tree, image = bench.file(name), bench.file(f'{name}.iso')
    os.mkdir(tree)
    with open(os.path.join(tree, 'name'), 'w', encoding='ascii') as file:
        file.write(f'{name}\n')
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', image, tree], check=True,
                   stderr=subprocess.DEVNULL)
    return image


class Story:
    """A machine and the chapters of its life; each is timed."""

    def __init__(self, bench, vm, forwarded):
        self.bench, self.vm, self.forwarded = bench, vm, forwarded
        self.qmp = Qmp(self.appears('qmp'))
        self.vnc = Vnc(self.appears('vnc'))
        self.begin = time.monotonic()

    def appears(self, name):
        """The path of a socket, as soon as the machine listens there."""
        path = self.bench.file(name)
        deadline = time.monotonic() + 60
        with socket.socket(socket.AF_UNIX) as probe:
            while probe.connect_ex(path):
                if time.monotonic() > deadline:
                    raise Failure(f'no socket {name}{self.vm.last_words()}')
                time.sleep(0.1)
        return path

    def chapter(self, title):
        now = time.monotonic()
        self.bench.say(f'{title} ({now - self.begin:.1f} s)')
        self.begin = now

    def boots(self):
        """Firmware, GRUB, Linux, and a login prompt on the serial port."""
        self.vm.expect('^.*GRUB: loading Linux', PATIENCE)
        self.vm.expect('^guest login: ', PATIENCE)
        self.chapter('boots by GRUB to a login prompt')

    def log_in(self):
        """Root's login on the serial port; the shell gets the prompt that vm.shell() knows."""
        self.vm.process.stdin.write(b'root\n')
        self.vm.expect('^.*# ', 60)
        self.vm.process.stdin.write(b"PS1='guest# '; . /selftest/lib\n")
        self.vm.shell('grep -q " /disk " /proc/mounts')
        self.chapter('login by the serial port')

    def screenshot(self, kind):
        path = os.path.join(self.bench.options.log, f'{self.bench.name}.{kind}')
        self.qmp('screendump', filename=path, format='png' if kind == 'png' else 'text')
        return path

    def shows(self, pattern):
        """Waits for the regular expression on the screen."""
        deadline = time.monotonic() + 120
        while True:
            with open(self.screenshot('txt'), encoding='utf-8') as file:
                text = file.read()
            if re.search(pattern, text, re.MULTILINE):
                return
            if time.monotonic() > deadline:
                raise Failure(f'not on the screen: {pattern}; it shows:\n{text.rstrip()}')
            time.sleep(0.5)

    def log_in_on_screen(self):
        """The screen shows the prompt too; root's login is typed in a viewer."""
        self.shows('^guest login:')
        self.screenshot('png')
        type_by_vnc(self.vnc, 'root\n')
        self.shows('^/root #')
        self.types('login')
        self.chapter('login by keys typed through VNC; screenshot')

    def types(self, what):
        """What is typed in the viewer is a command of the shell on the screen."""
        type_by_vnc(self.vnc, f'echo {what} $(tty) > /tmp/{what}\n')
        self.vm.shell(f'wait_until 60 grep -q "{what} /dev/tty1" /tmp/{what}', 90)

    def network(self, server, name):
        """A file from a server of the host by user networking, and one from the guest's server."""
        content = os.urandom(SIZE)
        with open(self.bench.file(f'served/{name}'), 'wb') as file:
            file.write(content)
        self.vm.shell('wait_until 30 ip route get 10.0.2.2')
        got = self.vm.shell(f'wget -q -O /www/{name} http://10.0.2.2:{server.port}/{name} && '
                            f'sha256sum /www/{name}', 120)
        if got.split()[0] != hashlib.sha256(content).hexdigest():
            raise Failure('the guest got another file than the one on the server')
        with urllib.request.urlopen(f'http://127.0.0.1:{self.forwarded}/{name}', None, 60) as answer:
            if answer.read() != content:
                raise Failure('through the forwarded port comes another file')
        self.chapter('network: a file in by libslirp, and out again by the forwarded port')

    def writes(self, content):
        count = len(content.split())
        self.vm.shell(f'seq {count} >/disk/story && sync', 120)
        self.reads(content)
        self.chapter('a file written to the disk, and sync')

    def reads(self, content):
        """The file that was written is there, read from the disk and not from memory."""
        got = self.vm.shell('echo 3 >/proc/sys/vm/drop_caches; sha256sum </disk/story', 120)
        if got.split()[0] != hashlib.sha256(content).hexdigest():
            raise Failure('the guest does not read back what it wrote')

    def change_cd(self, image):
        """QMP puts another CD in; the guest sees the first, and then the other one."""
        # Linux takes two looks to believe in a new medium; util-linux' mount has them, busybox' not.
        read = ': </dev/sr0; mount -t iso9660 -o ro /dev/sr0 /mnt && cat /mnt/name; umount /mnt'
        assert self.vm.shell(read).strip() == 'first', 'the first CD is not the first'
        self.qmp('blockdev-change-medium', device='ide1-cd0', filename=image, format='raw')
        assert self.vm.shell(read).strip() == 'second', 'the CD was changed, but the guest sees the old one'
        self.chapter('CD changed by QMP')

    def processors(self):
        """The second one works, goes and comes back."""
        online = self.vm.shell('cat /sys/devices/system/cpu/online; taskset 2 nproc').split()
        assert online == ['0-1', '1'], f'processors: {online}'
        self.vm.shell('cd /sys/devices/system/cpu/cpu1; echo 0 >online; echo 1 >online; cd /; '
                      'taskset 2 true')
        self.chapter('second processor online, taken away and back')

    def clock(self):
        """The guest's clock is the host's."""
        before = time.time()
        guest = int(self.vm.shell('date -u +%s'))
        after = time.time()
        if not before - CLOCK <= guest <= after + CLOCK:
            raise Failure(f'the guest has {guest}, the host {before:.1f} to {after:.1f}')
        self.chapter(f'clock: {guest - before:+.1f} s')

    def sleeps(self):
        """S3, and the RTC's alarm wakes the machine: late enough for a busy host to fall asleep."""
        slept = self.vm.shell('echo deep >/sys/power/mem_sleep; cd /sys/class/rtc/rtc0; '
                              'echo 0 >wakealarm; echo +15 >wakealarm; cd /; '
                              'echo mem >/sys/power/state && cat /sys/power/suspend_stats/success',
                              PATIENCE).split()[-1]
        assert slept == '1', f'{slept} times asleep, not once'
        self.chapter("suspend to RAM, and resume by the RTC's alarm")

    def reboots(self):
        self.vm.type('reboot -f')
        self.boots()
        self.log_in()

    def power_button(self):
        self.qmp('system_powerdown')
        self.vm.ends()
        self.chapter('power button')


def tell(bench, firmware, image):
    """All of it, on that firmware and that kind of image."""
    os.mkdir(bench.file('served'))
    disk = bench.file(f'disk.{image}')
    if image == 'raw':
        shutil.copy(bench.material('demo.img'), disk)
    else:
        run('qemu-img', 'convert', '-O', image, bench.material('demo.img'), disk)
    first, second = make_cd(bench, 'first'), make_cd(bench, 'second')
    content = ''.join(f'{n}\n' for n in range(1, 100001)).encode()
    forwarded = free_port()
    # -nic none is QEMU's way to say that there is no network card unless one is asked for.
    bench.options.command = bench.options.command.replace(' -nic none', '')
    with Server(bench.file('served')) as server, bench.machine(
            '-smp', '2', '-drive', f'file={disk},format={image}', '-cdrom', first,
            '-nic', f'user,model=e1000,hostfwd=tcp:127.0.0.1:{forwarded}-:80',
            '-vnc', f'unix:{bench.file("vnc")}',
            '-qmp', f'unix:{bench.file("qmp")},server=on,wait=off', *FIRMWARE[firmware]) as vm:
        story = Story(bench, vm, forwarded)
        story.boots()
        story.log_in()
        story.log_in_on_screen()
        story.network(server, 'morning')
        story.writes(content)
        story.change_cd(second)
        story.processors()
        story.clock()
        story.sleeps()
        story.types('awake')
        story.clock()
        story.network(server, 'evening')
        story.reads(content)
        story.reboots()
        story.reads(content)
        story.power_button()
    if image != 'raw':
        run('qemu-img', 'check', '-q', disk)
        run('qemu-img', 'convert', '-O', 'raw', disk, bench.file('raw'))
        disk = bench.file('raw')
    check_ext4(disk, 'story', content)


def register(firmware, image):
    """The scenario story-FIRMWARE-IMAGE."""
    def story(bench):
        tell(bench, firmware, image)
    name = {'ours': 'our BIOS and VGA BIOS', 'seabios': 'SeaBIOS and SeaVGABIOS'}[firmware]
    story.__name__ = f'story_{firmware}_{image}'
    story.__doc__ = f'All of a virtual machine\'s life by {name} from a {image} disk.'
    scenario('demo', firmware)(story)


for _firmware in FIRMWARE:
    for _image in 'qcow2', 'raw':
        register(_firmware, _image)
