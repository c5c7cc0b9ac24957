#!/usr/bin/env python3
"""Checks a linked VGA BIOS: how much of the caller's stack it takes, and how full the image is.

    check.py vgabios.elf DIRECTORY NAME

DIRECTORY has the compiler's stack usage files (NAME.*.su).
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from stack import call_graph, depth, symbols, usage  # noqa: E402

FRAME = 40 + 6  # registers, and what INT pushes
LIMIT = 512     # of any function: what DOS programs leave at least
TELETYPE = 384  # of INT 10h AH=0Eh, which programs call with less
SIZE = 0x9000


def stray_constants(elf, begin, end):
    """Instructions that read a constant by another segment than FS: compilers have had such bugs."""
    text = subprocess.run(['objdump', '-d', '-j', '.image', '-m', 'i8086', elf], check=True,
                          capture_output=True, text=True).stdout
    for line in text.splitlines():
        if '\tlea ' in line:
            continue
        for prefix, sign, number in re.findall(r'(\$|%\ws:)?(-?)0x([0-9a-f]+)(?=\(|,%|$)', line):
            address = int(sign + number, 16) & 0xFFFF
            if not prefix and begin <= address < end:
                yield line


def main():
    elf, directory, name = sys.argv[1:4]
    names = symbols(elf)
    for line in stray_constants(elf, names['constants'], names['image_end']):
        sys.exit('not by way of FS: ' + line)
    sizes = usage(os.path.join(directory, name + '.*.su'))
    graph = call_graph(elf, '.image', '-m', 'i8086')
    deepest = FRAME + depth('int10_service', graph, sizes)
    teletype = FRAME + sizes['int10_service'] + 4 + depth('text_teletype_service', graph, sizes)
    used = names['image_end']
    print(f'stack: {deepest} of {LIMIT}, teletype {teletype} of {TELETYPE}; image {used} of {SIZE}')
    if deepest > LIMIT or teletype > TELETYPE:
        sys.exit('the stack may overflow')


if __name__ == '__main__':
    main()
