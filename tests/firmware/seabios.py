#!/usr/bin/env python3
"""Debian's SeaBIOS on our machine on /dev/kvm: what it finds of our hardware and our tables.

It runs until it has found nothing to boot from; its debug log tells the rest.
usage: seabios.py HVM-DM (prints TAP)
"""
import os
import re
import subprocess
import sys
import tempfile
import time

BIOS = '/usr/share/seabios/bios-256k.bin'
END = 'No bootable device'
LIMIT = 150

# What the log has to say, and what that proves.
EXPECTED = [
    ('fw_cfg with DMA', r'QEMU fw_cfg DMA interface supported'),
    ('e820 by fw_cfg: 64 MiB', r'qemu/e820: addr 0x0{16} len 0x0{9}4000000 \[RAM\]'),
    ('the host bridge', r'PCI: init bdf=00:00\.0 id=8086:1237'),
    ('the ISA bridge', r'PCI: init bdf=00:01\.0 id=8086:7000'),
    ('its interrupt lines are level-triggered', r'PIIX3/PIIX4 init: elcr=00 0c'),
    ('the IDE controller', r'PCI: init bdf=00:01\.1 id=8086:7010'),
    ('power management', r'PCI: init bdf=00:01\.3 id=8086:7113'),
    ('the VGA', r'PCI: init bdf=00:02\.0 id=1234:1111'),
    ('the network card', r'PCI: init bdf=00:03\.0 id=8086:100e'),
    ('a BAR of I/O ports', r'PCI: map device bdf=00:03\.0 +bar 1, addr 0000c000, size 00000040 \[io\]'),
    ('a BAR of memory', r'PCI: map device bdf=00:03\.0 +bar 0, addr \w+, size 00020000 \[mem\]'),
    ('the frame buffer is prefetchable', r'bdf=00:02\.0 +bar 0, .* size 01000000 \[prefmem\]'),
    ('two CPUs', r'Found 2 cpu\(s\)'),
    ('SMBIOS', r'Copying SMBIOS from'),
    ('ACPI: the FADT by the XSDT', r'table\(50434146\)=0x\w+ \(via xsdt\)'),
    ('ACPI: the DSDT', r'ACPI: parse DSDT at 0x\w+ \(len \d{4}\)'),
    ('the parallel port', r'Found 1 lpt ports'),
    ('the serial port', r'Found 1 serial ports'),
    ('the keyboard', r'PS2 keyboard initialized'),
    ('it ran to its end', END),
    ('SIGTERM ends the machine cleanly', r'exit status 0$'),
]


def run(program, log):
    """Until the end of the boot, or its limit. Returns the log."""
    command = [program, '-accel', 'kvm', '-bios', BIOS, '-m', '64', '-smp', '2', '-display', 'none',
               '-serial', 'null', '-parallel', 'null', '-chardev', f'file,id=debug,path={log}',
               '-device', 'isa-debugcon,iobase=0x402,chardev=debug']
    text = ''
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as vm:
        deadline = time.monotonic() + LIMIT
        while END not in text and vm.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            with open(log, encoding='latin-1') as file:
                text = file.read()
        if vm.poll() is None:
            vm.terminate()
        vm.wait()
    return f'{text}\nexit status {vm.returncode}'


def main():
    if not os.access('/dev/kvm', os.W_OK) or not os.path.exists(BIOS):
        print('1..0 # SKIP no /dev/kvm, or the package seabios is not installed')
        return
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, 'debug')
        open(log, 'wb').close()
        text = run(sys.argv[1], log)
    print(f'1..{len(EXPECTED)}')
    results = [re.search(pattern, text) is not None for _, pattern in EXPECTED]
    for i, ok in enumerate(results):
        print('ok' if ok else 'not ok', i + 1, '-', EXPECTED[i][0])
    if not all(results):
        print(*('# ' + line for line in text.splitlines()), sep='\n')


if __name__ == '__main__':
    main()
