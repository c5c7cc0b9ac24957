#!/usr/bin/env python3
"""Compiles a file of the VGA BIOS for emulators of real mode that know less than a CPU.

    compile.py SOURCE OBJECT COMPILER FLAG...

Systems that have no virtual-8086 mode (64-bit Windows, X.Org, v86d, vbetool) run INT 10h in an emulator;
x86emu, which most of them have, knows near calls and returns, and LEA, with 16-bit operands only. So
calls push four bytes in two steps, returns drop them in two, and LEA becomes moves, shifts and sums.
"""
import re
import subprocess
import sys

# What sets all arithmetic flags, and what reads some of them (INC and DEC leave the carry).
SETS = re.compile(r'(add|sub|cmp|test|and|or|xor|neg|call|ret|imul|mul|div|idiv)[bwl]?$')
READS = re.compile(r'(j(?!mp)|set|adc|sbb|rc[lr]|pushf|jmp)')
LEA = re.compile(r'\tlea[lw]\t([^(]*)\((%\w+)?(?:,\s*(%\w+)(?:,\s*(\d))?)?\), (%\w+)')


def flags_are_dead(lines):
    """Whether the instructions that come next set the flags before they read them."""
    for line in lines:
        if not line.startswith('\t') or line.startswith('\t.'):
            continue
        name = line.split()[0]
        if SETS.match(name):
            return True
        if READS.match(name):
            return False
    return False


def wide(name):
    """The 32-bit register of that name."""
    return '%e' + name[1:] if len(name) == 3 else name


def sum_of(displacement, base, index, scale, to):
    """Instructions for to = displacement + base + index * scale: what leaves the flags alone, and the rest."""
    shift = {'1': 0, '2': 1, '4': 2, '8': 3}[scale or '1']
    moves, sums = [], []
    if index is None:
        if base is None:
            return [f'movl ${displacement}, {to}'], []
        if base != to:
            moves.append(f'movl {base}, {to}')
    elif to == base == index:
        sums.append(f'imull ${(1 << shift) + 1}, {to}, {to}')
    elif to == base:
        if shift == 0:
            sums.append(f'addl {index}, {to}')
        else:
            sums += [f'pushl {index}', f'shll ${shift}, {index}', f'addl {index}, {to}', f'popl {index}']
    else:
        if index != to:
            moves.append(f'movl {index}, {to}')
        if shift:
            sums.append(f'shll ${shift}, {to}')
        if base:
            sums.append(f'addl {base}, {to}')
    if displacement not in ('', '0'):
        sums.append(f'addl ${displacement}, {to}')
    return moves, sums


def rewrite_lea(line, rest):
    displacement, base, index, scale, to = LEA.match(line).groups()
    base, index, to = base and wide(base), index and wide(index), wide(to)
    moves, sums = sum_of(displacement, base, index, scale, to)
    if sums and not flags_are_dead(rest):
        if '%esp' in (base, to) and not moves:
            sys.exit('the flags are needed behind ' + line)
        sums = ['pushfw'] + sums + ['popfw']
    return [f'\t{i}' for i in moves + sums]


def rewrite(lines):
    for n, line in enumerate(lines):
        if '\tlea' in line[:4]:
            yield from rewrite_lea(line, lines[n + 1:])
        elif line.startswith('\tcall\t'):
            yield '\tpushw\t%ax'
            yield '\tcallw\t' + line.split('\t')[2]
        elif line == '\tret':
            yield '\tretw\t$2'
        else:
            yield line


def main():
    source, output, *compiler = sys.argv[1:]
    if source.endswith('.c'):
        assembly = output + '.s'
        subprocess.run([*compiler, '-S', source, '-o', assembly], check=True)
        with open(assembly) as f:
            text = f.read().splitlines()
        with open(assembly, 'w') as f:
            f.write('\n'.join(rewrite(text)) + '\n')
        subprocess.run([compiler[0], '-m16', '-c', assembly, '-o', output], check=True)
    else:
        subprocess.run([*compiler, '-c', source, '-o', output], check=True)


if __name__ == '__main__':
    main()
