"""What the firmware's build checks need: how deep the stack gets, and where the image's parts end."""
import glob
import re
import subprocess
import sys

ASM = 64  # of assembly routines: saved registers and return addresses


def usage(pattern):
    """Bytes of stack of each function, by the compiler's files (-fstack-usage)."""
    sizes = {}
    for path in glob.glob(pattern):
        for line in open(path):
            where, size, kind = line.rstrip().split('\t')
            if kind != 'static' and 'bounded' not in kind:
                sys.exit(f'{where}: stack use is not bounded')
            sizes[where.split(':')[-1]] = int(size)
    return sizes


def call_graph(elf, section, *options):
    """Which functions each function calls, or ends with a jump to."""
    text = subprocess.run(['objdump', '-d', '-j', section, *options, elf], check=True,
                          capture_output=True, text=True).stdout
    graph, name = {}, None
    for line in text.splitlines():
        if found := re.match(r'[0-9a-f]+ <([^>]+)>:', line):
            name = found[1]
            graph[name] = set()
        elif name and (found := re.search(r'\b(calll?|jmp)\s+(?:0x)?[0-9a-f]+ <([^>+]+)>', line)):
            if found[1] != 'jmp' or found[2] != name:
                graph[name].add(found[2])
    return graph


def depth(name, graph, sizes, breaks=(), path=()):
    """The deepest stack below and with `name`. `breaks`: calls that C functions' paths end at, since
    what comes then starts elsewhere. Recursion counts 32 times."""
    own = sizes.get(name, ASM) + 4
    if name in path:
        return own * 32
    callees = [c for c in graph.get(name, ()) if c not in breaks or name not in sizes]
    return own + max((depth(c, graph, sizes, breaks, path + (name,)) for c in callees if c in graph), default=ASM)


def symbols(elf):
    text = subprocess.run(['nm', elf], check=True, capture_output=True, text=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in text.splitlines() if line[0] != ' '}
