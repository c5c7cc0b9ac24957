#!/usr/bin/env python3
"""An IDE disk by bus-master DMA, beside QEMU's in the same run: requests a second and the process'
CPU time per request. The test is the guest: it writes the registers over qtest, and the next
request goes out when the interrupt has come.
usage: tests/bench/ide.py HVM-DM [QEMU]

Debian's QEMU has no qtest core; its TCG one with the CPU stopped answers the same protocol."""
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

DISK = 256 << 20
PRDS, MEMORY, BM = 0x1000, 0x100000, 0xc000
ROUNDS, SECONDS = 7, 0.3  # by turns, so that a busy host disturbs both alike; the median counts
# In memory, where no disk is measured; and straight to the disk.
MODES = {"buffered": ("cache=writeback", "/dev/shm"),
         "direct": ("cache=none,aio=native", os.environ.get("TMPDIR", "/var/tmp"))}


class Machine:
    def __init__(self, binary, accel, image, mode):
        self.dir = tempfile.mkdtemp()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir + "/qtest")
        listener.listen(1)
        self.process = subprocess.Popen(
            [binary, "-accel", *accel, "-qtest", "unix:" + self.dir + "/qtest", "-qtest-log",
             "/dev/null", "-m", "128", "-nodefaults", "-display", "none",
             "-drive", f"file={image},format=raw,if=ide,file.locking=off,{mode}"],
            stdin=subprocess.DEVNULL, stderr=sys.stderr)
        self.peer = listener.accept()[0]
        self.do(["irq_intercept_in ioapic"])
        for offset, value in ((0x04, 5), (0x20, BM), (0x40, 0x80008000)):
            self.do([f"outl 0xcf8 {0x80000900 | offset:#x}", f"outl 0xcfc {value:#x}"])

    def do(self, lines, interrupt=False):
        """Sends lines, and waits for all answers and, if wanted, for the disk's interrupt."""
        self.peer.sendall("".join(line + "\n" for line in lines).encode())
        answers, raised, rest = 0, not interrupt, b""
        while answers < len(lines) or not raised:
            part = self.peer.recv(65536)
            if not part:
                sys.exit("the machine has ended")
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                if line.startswith(b"OK"):
                    answers += 1
                elif line == b"IRQ raise 14":
                    raised = True
                elif not line.startswith(b"IRQ"):
                    sys.exit(line.decode())

    def prepare(self, size):
        table = b""
        for at in range(0, size, 65536):
            part = min(size - at, 65536)
            last = 0x80000000 if at + part == size else 0
            table += struct.pack("<II", MEMORY + at, part & 0xffff | last)
        self.do([f"write {PRDS:#x} {len(table)} 0x{table.hex()}", f"outl {BM + 4:#x} {PRDS:#x}"])

    def request(self, lba, size, write):
        """READ or WRITE DMA EXT; before it what a driver does at the end of the one before."""
        sectors, way = size // 512, 0 if write else 8
        registers = [(0x1f2, sectors >> 8), (0x1f2, sectors & 0xff)]
        for port, at in ((0x1f3, 0), (0x1f4, 8), (0x1f5, 16)):
            registers += [(port, (lba >> 24) >> at & 0xff), (port, lba >> at & 0xff)]
        lines = ["inb 0x1f7", f"outb {BM:#x} {way}", f"outb {BM + 2:#x} 6", "outb 0x1f6 0xe0"]
        lines += [f"outb {port:#x} {value:#x}" for port, value in registers]
        lines += [f"outb 0x1f7 {0x35 if write else 0x25:#x}", f"outb {BM:#x} {way | 1}"]
        self.do(lines, True)

    def cpu_ns(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total

    def measure(self, size, write, sequential):
        self.prepare(size)
        n, lba, chooser = 0, 0, random.Random(1)
        cpu, begin = self.cpu_ns(), time.monotonic()
        while time.monotonic() < begin + SECONDS:
            if not sequential:
                lba = chooser.randrange(DISK // size) * (size // 512)
            self.request(lba, size, write)
            lba = (lba + size // 512) % (DISK // 512)
            n += 1
        elapsed = time.monotonic() - begin
        return n / elapsed, (self.cpu_ns() - cpu) / n / 1000

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.dir)


WORK = {f"{name}-{way}": (size, write, sequential)
        for name, size, sequential in (("4k-random", 4096, False), ("1M-sequential", 1 << 20, True))
        for way, write in (("read", False), ("write", True))}


def medians(samples):
    return [sorted(column)[len(column) // 2] for column in zip(*samples)]


def compare(machines, mode):
    for name, work in WORK.items():
        samples = [[m.measure(*work) for m in machines] for _ in range(ROUNDS)]
        ours, *theirs = (medians(of_one) for of_one in zip(*samples))
        text = f"ide-{mode}-{name} {ours[0]:.0f}/s {ours[1]:.1f} us-CPU"
        for rate, cpu in theirs:
            text += (f"  QEMU {rate:.0f}/s {cpu:.1f}  ratio {ours[0] / rate:.2f}"
                     f" CPU {ours[1] / cpu:.2f}")
        print(text, flush=True)


def main():
    qemu = sys.argv[2] if len(sys.argv) > 2 else shutil.which("qemu-system-x86_64")
    for mode, (options, folder) in MODES.items():
        with tempfile.NamedTemporaryFile(dir=folder) as image:
            for _ in range(DISK >> 20):
                image.write(os.urandom(1 << 20))
            image.flush()
            os.fsync(image.fileno())
            machines = [Machine(sys.argv[1], ["qtest"], image.name, options)]
            if qemu:
                machines.append(Machine(qemu, ["tcg", "-S"], image.name, options))
            compare(machines, mode)
            for m in machines:
                m.end()


if __name__ == "__main__":
    main()
