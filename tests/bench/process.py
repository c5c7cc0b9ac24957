#!/usr/bin/env python3
"""qtest round trips, start to ready, memory and idle wake-ups, beside QEMU's in the same run. Of
round trips also what they cost: that counts where the machine has other things to do.
usage: tests/bench/process.py HVM-DM [QEMU]

Debian's QEMU has no qtest core; its TCG one with the CPU stopped answers the same protocol."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


class Machine:
    def __init__(self, binary, accel, *args):
        self.dir = tempfile.mkdtemp()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir + "/qtest")
        listener.listen(1)
        started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "-accel", accel, "-qtest", "unix:" + self.dir + "/qtest", "-qtest-log",
             "/dev/null", "-m", "128", "-nodefaults", *args],
            stdin=subprocess.DEVNULL, stderr=sys.stderr)
        self.peer = listener.accept()[0]
        self.ask(b"endianness\n")
        self.ready_ms = (time.monotonic() - started) * 1000

    def ask(self, line):
        self.peer.sendall(line)
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.peer.recv(4096)
            if not part:
                sys.exit("the machine has ended")
            answer += part
        return answer

    def cpu_us(self):
        with open(f"/proc/{self.process.pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1000

    def trips(self, seconds=0.5):
        """How many; and of them a second, and microseconds of the machine's CPU time for each."""
        n, start, cpu = 0, time.monotonic(), self.cpu_us()
        while time.monotonic() < start + seconds:
            for _ in range(100):
                self.ask(b"inb 0x71\n")
            n += 100
        return n / (time.monotonic() - start), (self.cpu_us() - cpu) / n

    def private_mib(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
            kib = sum(int(line.split()[1]) for line in f if line.startswith("Private_"))
        return kib / 1024

    def switches(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/status") as f:
                total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        return total

    def wakeups(self, seconds=5):
        time.sleep(1)
        before = self.switches()
        time.sleep(seconds)
        return (self.switches() - before) / seconds

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.dir)


def figures(binary, *args):
    ready = []
    for _ in range(10):
        m = Machine(binary, *args)
        ready.append(m.ready_ms)
        m.end()
    m = Machine(binary, *args)
    out = {"start-to-ready ms": sorted(ready)[len(ready) // 2], "private-memory MiB": m.private_mib(),
           "idle-wakeups /s": m.wakeups()}
    m.end()
    return out


def round_trips(machines):
    """In turns, so that whatever else the host does hits all of them; of each the median."""
    rounds = [[m.trips() for m in machines] for _ in range(7)]
    for m in machines:
        m.end()
    return [{"qtest-inb /s": sorted(t[0] for t in turns)[3],
             "qtest-inb us of CPU": sorted(t[1] for t in turns)[3]} for turns in zip(*rounds)]


OURS = [sys.argv[1], "qtest"]
qemu = sys.argv[2] if len(sys.argv) > 2 else shutil.which("qemu-system-x86_64")
THEIRS = [qemu, "tcg", "-S", "-display", "none"]
ours = figures(*OURS)
theirs = figures(*THEIRS) if qemu else {}
trips = round_trips([Machine(*OURS)] + ([Machine(*THEIRS)] if qemu else []))
ours |= trips[0]
theirs |= trips[-1] if qemu else {}
for name, value in ours.items():
    other = theirs.get(name)
    ratio = f"  QEMU {other:.2f}  ratio {value / other:.3f}" if other else ""
    print(f"{name} {value:.2f}{ratio}")
