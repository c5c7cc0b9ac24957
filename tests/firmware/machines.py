"""Machines under test: Debian's QEMU, or hvm-dm, with a firmware that is told by the command line."""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'guest'))
from machine import Failure, Qmp  # noqa: E402  pylint: disable=wrong-import-position


class Skip(Exception):
    """What the case needs and is not installed."""


class Failed(Exception):
    """What a case found wrong, in one sentence."""


def need(*paths):
    """Skips the case unless all of these files or programs are there."""
    for path in paths:
        if not (os.path.exists(path) or shutil.which(path)):
            raise Skip(f'{path} is not installed')


def tool(*argv):
    """Runs a program of the host, quietly."""
    need(argv[0])
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def text_of(path):
    """A file's content; empty while there is none."""
    try:
        with open(path, 'rb') as f:
            return f.read().decode('latin-1')
    except FileNotFoundError:
        return ''


class Machine:
    """debug is the firmware's port 402h, e9 the conformance programs', serial COM1."""
    limit = 110  # seconds to wait for anything

    def __init__(self, args, work, *argv, card='VGA'):
        rom = args.vgabios
        if card == 'cirrus-vga':
            rom = rom.replace('-stdvga', '').replace('.bin', '-cirrus.bin')
        self.work = work
        self.files = {name: os.path.join(work, name) for name in ('debug', 'e9', 'serial')}
        self.socket = os.path.join(work, 'qmp')
        for path in list(self.files.values()) + [self.socket]:
            if os.path.exists(path):
                os.unlink(path)
        self.qmp = None
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            [*self.program(args), '-bios', args.bios, '-display', 'none', '-no-reboot', '-nic', 'none',
             '-vga', 'none', '-device', card + ',addr=2' + (f',romfile={rom}' if rom else ''),
             '-chardev', f'file,id=debug,path={self.files["debug"]}',
             '-device', 'isa-debugcon,iobase=0x402,chardev=debug',
             '-debugcon', f'file:{self.files["e9"]}', '-serial', f'file:{self.files["serial"]}',
             '-qmp', f'unix:{self.socket},server=on,wait=off', *argv], stdin=subprocess.DEVNULL)

    @staticmethod
    def program(args):
        """The machine's own words of the command line."""
        raise NotImplementedError

    def text(self, name):
        """What was written there so far."""
        return text_of(self.files[name])

    def monitor(self, command, **arguments):
        """A QMP command; False if the machine refuses it now or has ended."""
        try:
            if self.qmp is None:
                self.qmp = Qmp(self.socket)
            self.qmp(command, **arguments)
        except (Failure, OSError):
            return False
        return True

    def key(self, *names):
        """Presses keys together."""
        self.monitor('send-key', keys=[{'type': 'qcode', 'data': name} for name in names])

    def screen(self):
        """Width, height and the number of colours of the picture on the screen."""
        path = os.path.join(self.work, 'screen.ppm')
        if not self.monitor('screendump', filename=path):
            return 0, 0, 0
        with open(path, 'rb') as f:
            width, height = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', data := f.read()).groups()
        pixels = data[-3 * int(width) * int(height):]
        return int(width), int(height), len({pixels[i:i + 3] for i in range(0, len(pixels), 3)})

    def wait_screen(self, width, height, colors):
        """Until the screen has that size and at least so many colours."""
        self.wait('debug', '.')
        end = time.monotonic() + self.limit
        while (seen := self.screen())[:2] != (width, height) or seen[2] < colors:
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f'the screen has {seen}, not {(width, height, colors)}')
            time.sleep(0.5)

    def wait(self, name, pattern):
        """Until the pattern is in the text; the machine may have ended by itself."""
        end = time.monotonic() + self.limit
        while True:
            ended = self.process.poll() is not None
            if re.search(pattern, self.text(name)):
                return
            if ended or time.monotonic() > end:
                raise Failed(f'no "{pattern}" on {name}' + (', the machine ended' if ended else ''))
            time.sleep(0.1)

    def finish(self):
        """Until the machine has ended."""
        try:
            return self.process.wait(self.limit)
        except subprocess.TimeoutExpired:
            raise Failed('does not end') from None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if kind is Failed:
            for name in self.files:
                print(f'--- {name} (end)\n{self.text(name)[-2000:]}')


class Qemu(Machine):
    """A machine that we did not write."""

    @staticmethod
    def program(args):
        need('qemu-system-x86_64')
        return ['qemu-system-x86_64', '-machine', 'pc', '-accel', args.accel, '-device', 'isa-debug-exit',
                '-global', 'PIIX4_PM.disable_s3=0']


class HvmDm(Machine):
    """Ours, on /dev/kvm: where that is an emulation, all takes longer."""
    limit = 300

    @staticmethod
    def program(args):
        need(args.hvm_dm)
        if not os.access('/dev/kvm', os.W_OK):
            raise Skip('no /dev/kvm')
        return [args.hvm_dm, '-accel', 'kvm']


MACHINES = {'qemu': Qemu, 'hvm-dm': HvmDm}
