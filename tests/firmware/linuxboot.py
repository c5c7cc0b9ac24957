#!/usr/bin/env python3
"""Direct kernel boot on a machine that we did not write: QEMU, with our option ROM for its own.

The stub kernel says on the debug console how it was started and what it found in memory; this
compares it with what was given. The firmware is SeaBIOS, then our own BIOS.
usage: linuxboot.py ROM STUB BIOS (prints TAP)
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

SETUP_SIZE = 5 * 512
QEMU = "qemu-system-x86_64"


def checksum(data):
    value = 0
    for byte in data:
        value = ((value << 1 | value >> 31) + byte) & 0xFFFFFFFF
    return value


def make_kernel(stub, body):
    """The stub, with the sizes that depend on what is appended."""
    image = bytearray(stub.ljust(SETUP_SIZE, b"\0"))
    assert len(image) == SETUP_SIZE and len(body) % 16 == 0
    image[0x1F4:0x1F8] = (len(body) // 16).to_bytes(4, "little")
    image[0x260:0x264] = len(body).to_bytes(4, "little")
    return bytes(image) + body


def run(directory, rom, options):
    """Runs QEMU; returns what came from the debug console and from the serial screen."""
    for name in ("linuxboot.bin", "linuxboot_dma.bin"):
        shutil.copy(rom, os.path.join(directory, name))
    console = os.path.join(directory, "console")
    open(console, "wb").close()
    command = [QEMU, "-L", directory, "-accel", "tcg", "-machine", "pc", "-nodefaults",
               "-nographic", "-no-reboot", "-serial", "stdio", "-debugcon", "file:" + console]
    try:
        screen = subprocess.run(command + options, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                                check=False).stdout
    except subprocess.TimeoutExpired as error:
        screen = (error.stdout or b"") + b"\n(stopped after 60 s)\n"
    with open(console, encoding="latin-1") as file:
        return file.read(), screen.decode("latin-1")


def boot(directory, rom, stub, body, initrd, append, options):
    """Boots the stub; returns a list of what is wrong."""
    paths = {}
    for name, data in (("kernel", make_kernel(stub, body)), ("initrd", initrd)):
        paths[name] = os.path.join(directory, name)
        with open(paths[name], "wb") as file:
            file.write(data)
    args = ["-kernel", paths["kernel"], "-append", append] + options
    if initrd:
        args += ["-initrd", paths["initrd"]]
    console, screen = run(directory, rom, args)
    lines = console.splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line and line != append)
    found = {name: int(value, 16) for name, value in said.items() if len(value) == 8}
    wrong = []

    def expect(what, ok):
        if not ok:
            wrong.append(what)

    expect("it did not come to its end", lines[-1:] == ["done"])
    expect("segments differ", found.get("segments") == 0)
    expect("interrupts are on", found.get("interrupts") == 0)
    expect("no stack", 0x8000 < found.get("sp", 0) <= 0x10000)
    expect("no loader type", found.get("loader"))
    expect("the heap is not announced", found.get("loadflags", 0) & 0x80)
    expect("command line", append in lines)
    expect("kernel", found.get("kernel") == checksum(body))
    expect("initrd", found.get("initrd") == checksum(initrd))
    expect("initrd size", found.get("ramdisk_size") == len(initrd))
    expect("initrd alignment", found.get("ramdisk_image", 1) % 4096 == 0)
    return wrong and wrong + [console, screen]


def no_kernel(directory, rom):
    """The ROM with nothing to load: it says so, and the BIOS goes on."""
    _, screen = run(directory, rom,
                    ["-option-rom", rom + ",bootindex=0", "-boot", "reboot-timeout=0"])
    wrong = []
    if "Linux boot: setup: none is given" not in screen:
        wrong.append("the ROM does not say why")
    if "No bootable device" not in screen:
        wrong.append("the BIOS did not go on")
    return wrong and wrong + [screen]


def main():
    rom, stub_path, bios = sys.argv[1:]
    if not shutil.which(QEMU):
        print("1..0 # SKIP %s is not installed" % QEMU)
        return
    with open(stub_path, "rb") as file:
        stub = file.read()
    data = random.Random(1).randbytes(3 << 20)
    ports = ["-global", "fw_cfg_io.dma_enabled=off"]
    stories = [
        ("by DMA", data[:0x250010], data[0x100000:0x1ABCDE], "hello=world quiet", ["-m", "64"]),
        ("by ports", data[:0x250010], data[0x100000:0x1ABCDE], "hello=world quiet",
         ["-m", "64"] + ports),
        ("no initrd", data[:16], b"", "x", ["-m", "32"]),
        ("one byte of initrd", data[:16], b"\xa5", "y " * 1000 + "z", ["-m", "32"] + ports),
        ("3 GiB, 2 CPUs", data[:65536], data[:100001], "root=/dev/sda", ["-m", "3G", "-smp", "2"]),
        ("our BIOS by DMA", data[:65536], data[:70001], "quiet", ["-m", "64", "-bios", bios]),
        ("our BIOS by ports", data[:65536], data[:70001], "quiet",
         ["-m", "64", "-bios", bios] + ports),
    ]
    runs = [(name, lambda directory, story=story: boot(directory, rom, stub, *story))
            for name, *story in stories]
    runs.append(("no kernel", lambda directory: no_kernel(directory, rom)))
    print("1..%d" % len(runs))
    for number, (name, story) in enumerate(runs):
        with tempfile.TemporaryDirectory() as directory:
            wrong = story(directory)
        for line in "\n".join(wrong).splitlines():
            print("# " + line)
        print("%sok %d %s" % ("not " if wrong else "", number + 1, name))


main()
