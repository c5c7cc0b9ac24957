"""Linux' consoles on our video cards, as people see them: what is on the screen, and what is typed."""

import base64
import os
import socket
import struct
import time
import zlib

from machine import Failure, Qmp
from scenarios import scenario

ROMS = '/usr/share/seabios'  # video BIOSes that we did not write
CARDS = {'VGA': 'vgabios-stdvga.bin', 'cirrus-vga': 'vgabios-cirrus.bin'}

# Keys by QEMU's names: characters as they are, and those that need a name, or shift, or both.
PLAIN = {' ': 'spc', '\n': 'ret', '-': 'minus', '=': 'equal', '[': 'bracket_left',
         ']': 'bracket_right', '\\': 'backslash', ';': 'semicolon', "'": 'apostrophe',
         '`': 'grave_accent', ',': 'comma', '.': 'dot', '/': 'slash'}
SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', '1234567890-=[]\\;\'`,./'))
CHARACTERS = ''.join(map(chr, range(32, 127)))


def qcodes(character):
    """The keys to press for a character on a US keyboard."""
    if character in SHIFTED:
        return ['shift', *qcodes(SHIFTED[character])]
    if character.isupper():
        return ['shift', character.lower()]
    return [PLAIN.get(character, character)]


# ---- Pictures ----

def unfilter(kind, line, above, size):
    """Undoes a PNG filter (PNG specification, 9.2) on a line of pixels of `size` bytes."""
    for i, byte in enumerate(line):
        a = line[i - size] if i >= size else 0
        b, c = above[i], above[i - size] if i >= size else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = (byte + (0, a, b, (a + b) // 2, paeth)[kind]) & 255


def read_png(path):
    """Width, height and lines of RGB bytes of an 8-bit RGB picture."""
    with open(path, 'rb') as file:
        data = file.read()
    at, packed, width, height = 8, b'', 0, 0
    while at < len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        if kind == b'IHDR':
            width, height, depth, color = struct.unpack_from('>IIBB', data, at + 8)
            assert (depth, color) == (8, 2), 'not 8-bit RGB'
        if kind == b'IDAT':
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, lines, stride = zlib.decompress(packed), [], width * 3
    above = bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        line = bytearray(raw[start + 1:start + 1 + stride])
        if raw[start]:
            unfilter(raw[start], line, above, 3)
        lines.append(line)
        above = line
    return width, height, lines


# ---- Viewers ----

class Vnc:
    """As much of a VNC viewer as types: RFB 3.8 without a password."""

    EXTENDED_KEYS = -258

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.read(12)
        self.socket.sendall(b'RFB 003.008\n')
        self.read(self.read(1)[0])
        self.socket.sendall(b'\1')
        assert self.read(4) == bytes(4), 'VNC refuses us'
        self.socket.sendall(b'\1')
        header = self.read(24)
        self.read(struct.unpack('>I', header[20:])[0])

    def read(self, size):
        data = b''
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise Failure('VNC closes the connection')
            data += piece
        return data

    def key(self, keysym, down):
        self.socket.sendall(struct.pack('>BBHI', 4, down, 0, keysym))

    def extended_key(self, keysym, xt, down):
        self.socket.sendall(struct.pack('>BBHII', 255, 0, down, keysym, xt))

    def point(self, x, y, buttons=0):
        self.socket.sendall(struct.pack('>BBHH', 5, buttons, x, y))

    def extended(self):
        """Says that we know QEMU's extended key event."""
        self.socket.sendall(struct.pack('>BBHi', 2, 0, 1, self.EXTENDED_KEYS))


XT_ROWS = {0x02: '1234567890-=', 0x10: 'qwertyuiop[]\n', 0x1e: "asdfghjkl;'`", 0x2b: '\\zxcvbnm,./',
           0x39: ' '}
XT = {c: first + i for first, row in XT_ROWS.items() for i, c in enumerate(row)}
XT_SHIFT, SYM_SHIFT, SYM_RETURN = 0x2a, 0xffe1, 0xff0d


def type_by_qmp(qmp, text):
    """Types with send-key."""
    for character in text:
        keys = [{'type': 'qcode', 'data': name} for name in qcodes(character)]
        qmp('send-key', keys=keys, **{'hold-time': 20})
        time.sleep(0.05)


def type_by_vnc(vnc, text):
    """Types as a viewer does that sends the characters' symbols."""
    for character in text:
        symbol = SYM_RETURN if character == '\n' else ord(character)
        shift = character in SHIFTED or character.isupper()
        for down in (1, 0):
            if shift and down:
                vnc.key(SYM_SHIFT, 1)
            vnc.key(symbol, down)
            if shift and not down:
                vnc.key(SYM_SHIFT, 0)
        time.sleep(0.05)


def type_by_extended_vnc(vnc, text):
    """Types as a viewer does that sends scan codes."""
    for character in text:
        base = SHIFTED.get(character, character.lower())
        shift = base != character
        if shift:
            vnc.extended_key(SYM_SHIFT, XT_SHIFT, 1)
        for down in (1, 0):
            vnc.extended_key(ord(base), XT[base], down)
        if shift:
            vnc.extended_key(SYM_SHIFT, XT_SHIFT, 0)
        time.sleep(0.05)


# ---- A guest's screen ----

class Screen:
    """A guest with a shell on its screen beside the one on the serial port."""

    def __init__(self, bench, vm, path):
        self.bench, self.vm = bench, vm
        vm.expect('^GUEST: ready', 300)
        self.qmp = Qmp(path)

    def print_much(self):
        """Fills the screen and scrolls, without a cursor; returns its lines as the guest has them."""
        text = f'{CHARACTERS[:48]}\n{CHARACTERS[48:]}\nTHE END\n'
        coded = base64.b64encode(text.encode()).decode()
        self.vm.shell("printf '\\033[2J\\033[H\\033[?25l' >/dev/tty1; dmesg | head -60 >/dev/tty1; "
                      f'echo {coded} | base64 -d >/dev/tty1', 120)
        return self.lines()

    def lines(self):
        rows, columns = map(int, self.vm.shell('stty -F /dev/tty1 size').split())
        cells = base64.b64decode(self.vm.shell('base64 /dev/vcs1'))
        assert len(cells) == rows * columns
        return [cells[y * columns:(y + 1) * columns].decode('cp437') for y in range(rows)]

    def dump(self, kind):
        """A screendump, which stays with the logs."""
        path = os.path.join(self.bench.options.log, f'{self.bench.name}.{kind}')
        self.qmp('screendump', filename=path, format='png' if kind == 'png' else 'text')
        return path

    def check_text(self, lines):
        """The text that screendump reads in video memory is what the guest printed."""
        with open(self.dump('txt'), encoding='utf-8') as file:
            seen = [line.rstrip() for line in file.read().split('\n')]
        for y, line in enumerate(lines):
            if line.rstrip() != seen[y]:
                raise Failure(f'line {y} on the screen is "{seen[y]}", not "{line.rstrip()}"')

    def check_picture(self, lines):
        """Each character looks the same wherever it is, and unlike all the others."""
        width, height, pixels = read_png(self.dump('png'))
        cell_width, cell_height = width // len(lines[0]), height // len(lines)
        looks, empty = {}, 0
        for y, line in enumerate(lines):
            for x, character in enumerate(line):
                left, right = x * cell_width * 3, (x + 1) * cell_width * 3
                top = y * cell_height
                look = b''.join(bytes(row[left:right]) for row in pixels[top:top + cell_height])
                if looks.setdefault(character, look) != look:
                    raise Failure(f'"{character}" at line {y}, column {x} looks unlike another one')
                empty += look == bytes(len(look))
        if len(set(looks.values())) != len(looks):
            raise Failure('two characters look the same')
        if len(looks) < 40 or looks[' '] != bytes(len(looks[' '])) or not empty:
            raise Failure(f'only {len(looks)} characters were seen')
        return width, height

    def check_typed(self, how, type_text):
        """All characters of a keyboard, typed in the shell on the screen, arrive as they are."""
        name = f'/tmp/{how}'
        type_text(f'cat >{name}\n')
        type_text(CHARACTERS + '\n')
        self.qmp('send-key', keys=[{'type': 'qcode', 'data': 'ctrl'}, {'type': 'qcode', 'data': 'd'}])
        deadline = time.monotonic() + 60
        typed = ''
        while typed != CHARACTERS + '\n' and time.monotonic() < deadline:
            time.sleep(1)
            typed = self.vm.shell(f'cat {name} 2>/dev/null || true')
        if typed != CHARACTERS + '\n':
            raise Failure(f'typed by {how}: {typed.strip()!r} arrived')


def guest(bench, card, append, *arguments, ours=False):
    """A machine with that card, QMP and VNC, and a shell on its screen.

    ours: with our own video BIOS.
    """
    rom = '' if ours else f',romfile={ROMS}/{CARDS[card]}'
    return bench.linux(f'console=tty0 console=ttyS0 {append}',
                       '-device', f'{card}{rom}',
                       '-qmp', f'unix:{bench.file("qmp")},server=on,wait=off',
                       '-vnc', f'unix:{bench.file("vnc")}', *arguments)


def console(bench, card, append, text, size, ours=False):
    """What all consoles have in common: pixels, and text where the mode has it."""
    with guest(bench, card, append, ours=ours) as vm:
        screen = Screen(bench, vm, bench.file('qmp'))
        lines = screen.print_much()
        if text:
            screen.check_text(lines)
        seen = screen.check_picture(lines)
        if seen != size:
            raise Failure(f'the screen is {seen}, not {size}')


@scenario()
def screen_text(bench):
    """Linux' text console: screendump's text and picture; keys by send-key and VNC arrive."""
    with guest(bench, 'VGA', 'guest.screen=console') as vm:
        screen = Screen(bench, vm, bench.file('qmp'))
        lines = screen.print_much()
        screen.check_text(lines)
        screen.check_picture(lines)
        screen.check_typed('qmp', lambda text: type_by_qmp(screen.qmp, text))
        vnc = Vnc(bench.file('vnc'))
        screen.check_typed('vnc', lambda text: type_by_vnc(vnc, text))
        vnc.extended()
        screen.check_typed('vnc-extended', lambda text: type_by_extended_vnc(vnc, text))


def events(vm, command):
    """Input events, as (type, code, value), that the guest prints with that command."""
    data = base64.b64decode(vm.shell(command, 60))
    return [struct.unpack_from('<HHi', data, at + 16) for at in range(0, len(data) - 23, 24)]


def mouse_interrupts(vm):
    """How often IRQ 12 came."""
    return int(vm.shell("sed -n 's/^ *12: *\\([0-9]*\\) .*/\\1/p' /proc/interrupts"))


ABSOLUTE, KEY, RELATIVE = 3, 1, 2
LEFT_BUTTON, WHEEL = 0x110, 8


@scenario()
def pointer_absolute(bench):
    """The place, buttons and wheel of a viewer's pointer arrive in Linux as they are."""
    with guest(bench, 'VGA', 'guest.screen=console') as vm:
        vm.expect('^GUEST: ready', 300)
        find = "sed -n '/VMMouse/,/^$/s/^H: Handlers=.*\\(event[0-9]*\\).*/\\1/p' /proc/bus/input/devices"
        names = vm.shell(find).split()
        if len(names) != 2:
            raise Failure(f'the driver made the devices {names}')
        for name in names:
            vm.shell(f'cat /dev/input/{name} >/tmp/{name} & true')
        vnc = Vnc(bench.file('vnc'))
        for x, y, buttons in ((0, 0, 0), (719, 399, 0), (360, 100, 1), (360, 100, 0), (360, 100, 8),
                              (360, 100, 0)):
            vnc.point(x, y, buttons)
            time.sleep(0.5)
        seen = sum((events(vm, f'sleep 1; base64 /tmp/{name}') for name in names), [])
        places = [[value for kind, code, value in seen if (kind, code) == (ABSOLUTE, axis)]
                  for axis in (0, 1)]
        if places[0][-2] != 0xffff or abs(places[0][-1] - 0x8000) > 100 or places[1][-2] != 0xffff:
            raise Failure(f'the pointer was at {places}')
        if (KEY, LEFT_BUTTON, 1) not in seen or (KEY, LEFT_BUTTON, 0) not in seen:
            raise Failure('no click arrived')
        if (RELATIVE, WHEEL, 1) not in seen:
            raise Failure('the wheel did not turn up')
        before = mouse_interrupts(vm)
        time.sleep(10)
        if mouse_interrupts(vm) != before:
            raise Failure('a pointer at rest interrupts')


@scenario()
def screen_vesafb(bench):
    """vesafb: a linear mode that the kernel's loader set by the video BIOS, 1024x768 in 16 bits."""
    console(bench, 'VGA', 'vga=0x317 guest.screen=console', False, (1024, 768))


@scenario()
def screen_ours(bench):
    """Our own video BIOS on both cards: text, and a linear mode set by the kernel's loader."""
    console(bench, 'VGA', 'guest.screen=console', True, (720, 400), ours=True)
    console(bench, 'VGA', 'vga=0x317 guest.screen=console', False, (1024, 768), ours=True)
    console(bench, 'cirrus-vga', 'guest.screen=console', True, (720, 400), ours=True)
    console(bench, 'cirrus-vga', 'vga=0x314 guest.screen=console', False, (800, 600), ours=True)


@scenario()
def screen_bochs(bench):
    """bochs-drm on the standard VGA, at the size that the EDID prefers."""
    console(bench, 'VGA', 'guest.screen=bochs', False, (1024, 768))


@scenario()
def screen_cirrus(bench):
    """The Cirrus: its text console, and Debian's cirrus driver."""
    console(bench, 'cirrus-vga', 'guest.screen=console', True, (720, 400))
    console(bench, 'cirrus-vga', 'guest.screen=cirrus', False, (1024, 768))
