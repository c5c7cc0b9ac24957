"""Scenarios of disks: floppies by firmware and by Linux."""

import hashlib
import os
import struct
import time

from machine import Failure
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


@scenario()
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
