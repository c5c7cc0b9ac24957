#!/usr/bin/env python3
"""Time from the start of the machine to the boot sector's first instructions, in seconds: our BIOS and VGA
BIOS against SeaBIOS and SeaVGABIOS, on QEMU and on hvm-dm. The best of some runs.

    firmware.py [BUILD [RUNS]]
"""
import os
import subprocess
import sys
import tempfile
import time

SEABIOS = '/usr/share/seabios/bios-256k.bin'
SEAVGABIOS = '/usr/share/seabios/vgabios-stdvga.bin'
LIMIT = 60


def boot_sector(path):
    """Writes B to port E9h."""
    code = b'\xb0B\xe6\xe9\xf4\xeb\xfd'
    with open(path, 'wb') as f:
        f.write((code.ljust(510, b'\0') + b'\x55\xaa').ljust(1 << 20, b'\0'))


def seconds(command, output):
    """Until something is in the output file."""
    if os.path.exists(output):
        os.unlink(output)
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        while not (os.path.exists(output) and os.path.getsize(output)):
            if process.poll() is not None or time.monotonic() - begin > LIMIT:
                return float('inf')
            time.sleep(0.001)
        return time.monotonic() - begin
    finally:
        process.kill()
        process.wait()


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else 'build'
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ours = (build + '/firmware/bios/bios.bin', build + '/firmware/vgabios/vgabios.bin')
    machines = {'QEMU, tcg': ['qemu-system-x86_64', '-accel', 'tcg', '-nic', 'none']}
    if os.access('/dev/kvm', os.W_OK):
        machines['QEMU, kvm'] = ['qemu-system-x86_64', '-accel', 'kvm', '-nic', 'none']
        machines['hvm-dm, kvm'] = [build + '/hvm-dm', '-accel', 'kvm', '-nic', 'none']
    with tempfile.TemporaryDirectory(prefix='hvm-dm-') as work:
        disk, output = os.path.join(work, 'disk'), os.path.join(work, 'output')
        boot_sector(disk)
        for name, machine in machines.items():
            best = []
            for bios, rom in (ours, (SEABIOS, SEAVGABIOS)):
                command = [*machine, '-m', '128', '-display', 'none', '-bios', bios, '-vga', 'none',
                           '-device', f'VGA,romfile={rom}', '-drive', f'file={disk},format=raw,if=ide',
                           '-debugcon', f'file:{output}']
                best.append(min(seconds(command, output) for _ in range(runs)))
            print(f'{name}: boot sector after {best[0]:.2f} s, with SeaBIOS {best[1]:.2f} s')


if __name__ == '__main__':
    main()
