#!/usr/bin/env python3
"""Time to the guest's first instruction, and port exits a second, on /dev/kvm: hvm-dm and QEMU in turns.

The firmware is a few bytes of our own: it writes 'A' to the debug console, reads a port of the keyboard controller many times,
and writes 'B'. usage: kvm_exits.py [HVM-DM [ROUNDS]]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

EXITS = 20000
ROM_SIZE = 128 << 10


def firmware():
    """A ROM whose code is at F000:0000 and starts from the reset vector."""
    code = bytes([
        0xba, 0xe9, 0x00,        # mov dx, 0xe9
        0xb0, ord('A'), 0xee,    # mov al, 'A'; out dx, al
        0xb9, EXITS & 255, EXITS >> 8,  # mov cx, EXITS
        0xe4, 0x64,              # in al, 0x64
        0xe2, 0xfc,              # loop
        0xb0, ord('B'), 0xee,    # mov al, 'B'; out dx, al
        0xf4, 0xeb, 0xfd,        # hlt; jmp
    ])
    rom = bytearray(b'\xff' * ROM_SIZE)
    start = ROM_SIZE - 0x10000
    rom[start:start + len(code)] = code
    rom[ROM_SIZE - 16:ROM_SIZE - 11] = bytes([0xea, 0x00, 0x00, 0x00, 0xf0])  # jmp f000:0000
    return bytes(rom)


def run(command):
    """Seconds to the first instruction, and exits a second."""
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL) as vm:
        marks = {}
        while b'B' not in marks:
            byte = os.read(vm.stdout.fileno(), 1)
            if not byte:
                sys.exit(f'{command[0]} ended early')
            marks[byte] = time.monotonic()
        vm.kill()
    return marks[b'A'] - started, EXITS / (marks[b'B'] - marks[b'A'])


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else 'build/hvm-dm'
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.NamedTemporaryFile(suffix='.bin') as rom:
        rom.write(firmware())
        rom.flush()
        common = ['-accel', 'kvm', '-nodefaults', '-m', '64', '-bios', rom.name]
        machines = {
            'hvm-dm': [program, *common, '-debugcon', 'stdio'],
            'QEMU': ['qemu-system-x86_64', *common, '-display', 'none', '-debugcon', 'stdio'],
        }
        results = {name: [] for name in machines}
        for _ in range(rounds):
            for name, command in machines.items():
                results[name].append(run(command))
    first = {name: statistics.median(r[0] for r in rs) * 1000 for name, rs in results.items()}
    exits = {name: statistics.median(r[1] for r in rs) for name, rs in results.items()}
    for text, values, form in (('first instruction, ms', first, '.1f'), ('port exits /s', exits, '.0f')):
        print(f"{text:24} hvm-dm {values['hvm-dm']:{form}}  QEMU {values['QEMU']:{form}}  "
              f"ratio {values['hvm-dm'] / values['QEMU']:.2f}")


if __name__ == '__main__':
    main()
