#!/usr/bin/env python3
"""Checks the linked BIOS: how deep its stack can get, and how full the image is.

    check.py bios.elf DIRECTORY

DIRECTORY has the compiler's stack usage files (*.su). The deepest path through the call graph is
added up for POST and, of the 16-bit half, for the services and for what can interrupt them.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from stack import call_graph, depth, symbols, usage  # noqa: E402

REGS = 56 + 16  # struct regs, and what the stubs push
IRQS = ['time_int08', 'kbd_int09', 'floppy_int0e', 'time_int70', 'mouse_int74', 'irq_int75', 'irq_int76',
        'irq_master', 'irq_slave']
BREAKS = {'irq_window', 'irq_sleep', 'call_foreign', 'jump_foreign', 'call16'}


def main():
    elf, directory = sys.argv[1:3]
    small, large = (usage(os.path.join(directory, f'*.{mode}.su')) for mode in (16, 32))
    graph16 = call_graph(elf, '.text16', '-m', 'i8086')
    graph32 = call_graph(elf, '.init32')
    stubs = {n[5:]: n for n in graph16 if n.startswith('stub_')}
    services = [n for n in small if re.match(r'\w+_(int[0-9a-f]{2}|service)$', n) and n not in IRQS]
    service = max((depth(n, graph16, small, BREAKS), n) for n in services + ['devices_probe'])
    irq = max((depth(n, graph16, small, BREAKS), n) for n in IRQS)
    post = max((depth(n, graph32, large, BREAKS), n) for n in ('post',))
    # POST calls a service; it is interrupted, and so is the handler's own call of a hooked service.
    total = post[0] + service[0] + 2 * irq[0] + 4 * REGS
    names = symbols(elf)
    room = 0x4000 - names['data16_end']
    print(f'stack: POST {post[0]}, {service[1]} {service[0]}, {irq[1]} {irq[0]}; worst {total} of {room}')
    print(f'image: 16-bit {names["text16_end"] - 0x4000} of {0xC000}, data {names["data16_end"]} of '
          f'{0x4000}, 32-bit {names["init32_end"] - 0xE0000} of {0xC000}; {len(stubs)} services')
    if total > room:
        sys.exit('the stack may overflow')


if __name__ == '__main__':
    main()
