#!/usr/bin/env python3
"""Our BIOS and VGA BIOS against SeaBIOS and SeaVGABIOS, on QEMU and on hvm-dm: the time from the start of
the machine to the boot sector's first instructions, and what INT 13h (AH=42h, 127 sectors a call) reads
from an IDE disk in a second. The best of some runs, which take turns. In the KVM lab:

    tests/lab/kvm/run -t 1200 'tests/bench/firmware.py build 3'

usage: firmware.py [BUILD [RUNS]]
"""
import os
import struct
import subprocess
import sys
import tempfile
import time

SEABIOS = '/usr/share/seabios/bios-256k.bin'
SEAVGABIOS = '/usr/share/seabios/vgabios-stdvga.bin'
LIMIT = 120   # seconds
CALLS = 33    # of INT 13h: 2 MiB
SECTORS = 127
SIZE = CALLS * SECTORS * 512


def boot_sector(path):
    """Writes B to port E9h, reads the disk from its start, and writes E, or F if a read fails."""
    packet = 0x7c00 + 48
    code = bytes.fromhex(
        '31c0 8ed8 b042 e6e9'     # ds = 0; B
        f'bd {struct.pack("<H", CALLS).hex()}'
        f'be {struct.pack("<H", packet).hex()} b442 b280 cd13 7213'
        f'66 8106 {struct.pack("<HI", packet + 8, SECTORS).hex()}'
        '4d 75e9 b045 e6e9 f4 ebfd'  # next call, or E
        'b046 e6e9 f4 ebfd')      # F
    code += struct.pack('<BBHHHQ', 16, 0, SECTORS, 0, 0x2000, 0)
    with open(path, 'wb') as f:
        f.write((code.ljust(510, b'\0') + b'\x55\xaa').ljust(SIZE + 512, b'\0'))


def measure(command, output):
    """Seconds until the boot sector starts, and bytes a second that it reads."""
    if os.path.exists(output):
        os.unlink(output)
    begin, started = time.monotonic(), None
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and time.monotonic() - begin < LIMIT:
            said = open(output, 'rb').read() if os.path.exists(output) else b''
            if said and started is None:
                started = time.monotonic()
            if said.endswith(b'E'):
                return started - begin, SIZE / (time.monotonic() - started)
            time.sleep(0.001)
        return started - begin if started else float('inf'), 0
    finally:
        process.kill()
        process.wait()


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else 'build'
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    firmware = {'ours': (build + '/firmware/bios/bios.bin', build + '/firmware/vgabios/vgabios.bin'),
                'SeaBIOS': (SEABIOS, SEAVGABIOS)}
    machines = {'QEMU, tcg': ['qemu-system-x86_64', '-accel', 'tcg', '-nic', 'none']}
    if os.access('/dev/kvm', os.W_OK):
        machines['QEMU, kvm'] = ['qemu-system-x86_64', '-accel', 'kvm', '-nic', 'none']
        machines['hvm-dm, kvm'] = [build + '/hvm-dm', '-accel', 'kvm', '-nic', 'none']
    for name, files in firmware.items():
        print(f'{name}: ' + ' and '.join(f'{os.path.getsize(file) >> 10} KiB' for file in files))
    with tempfile.TemporaryDirectory(prefix='hvm-dm-') as work:
        disk, output = os.path.join(work, 'disk'), os.path.join(work, 'output')
        boot_sector(disk)
        for name, machine in machines.items():
            results = {bios: [] for bios in firmware}
            for _ in range(runs):
                for which, (bios, rom) in firmware.items():
                    results[which].append(measure(
                        [*machine, '-m', '128', '-display', 'none', '-bios', bios, '-vga', 'none',
                         '-device', f'VGA,romfile={rom}', '-drive', f'file={disk},format=raw,if=ide',
                         '-debugcon', f'file:{output}'], output))
            for which, seen in results.items():
                print(f'{name}, {which}: boot sector after {min(s for s, _ in seen):.2f} s, '
                      f'INT 13h {max(rate for _, rate in seen) / 1e6:.3f} MB/s', flush=True)


if __name__ == '__main__':
    main()
