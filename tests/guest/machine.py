"""A virtual machine under test: its process, its serial port and its QMP socket."""

import json
import os
import re
import select
import socket
import subprocess
import time


class Failure(Exception):
    """What a scenario found wrong, in one sentence."""


class Machine:
    """A device model with the guest's first serial port on its standard input and output.

    Everything the guest says is kept in `log`; what the device model itself says is in `log`.err.
    """

    def __init__(self, command, log):
        self.log_path = log
        self.log = open(log, 'wb')
        self.errors = open(f'{log}.err', 'wb')
        self.seen = b''  # what no expect() has consumed yet
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.log, self.errors):
            file.close()

    def _read(self, deadline):
        """Adds what the guest says next to `seen`; False at the end of its output."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise TimeoutError
        data = os.read(self.process.stdout.fileno(), 65536)
        self.log.write(data)
        self.log.flush()
        self.seen += data.replace(b'\r', b'')
        return bool(data)

    def expect(self, pattern, timeout=60):
        """Waits for the regular expression on the serial port and returns the match.

        What came before is forgotten. `^` is the start of a line.
        """
        expression = re.compile(pattern.encode(), re.MULTILINE)
        deadline = time.monotonic() + timeout
        while not (match := expression.search(self.seen)):
            try:
                if not self._read(deadline):
                    raise Failure(f'the machine ended; expected: {pattern}{self.last_words()}')
            except TimeoutError:
                raise Failure(f'not seen within {timeout} s: {pattern}') from None
        self.seen = self.seen[match.end():]
        return match

    def last_words(self):
        """What the device model wrote to stderr, for a message."""
        with open(self.errors.name, encoding='utf-8', errors='replace') as file:
            text = file.read().strip()
        return f'; it said: {text[-300:]}' if text else ''

    def type(self, command, timeout=60):
        """Waits for the guest's shell to prompt and types a command."""
        self.expect('^guest# ', timeout)
        self.process.stdin.write(f'{command}\n'.encode())

    def shell(self, command, timeout=60):
        """Runs a command in the guest's shell and returns what it printed.

        A command that fails is a Failure.
        """
        # The quotes keep the markers apart from their echo.
        self.type(f'echo "BE""GIN"; {command}; echo "STA""TUS=$?"')
        self.expect('^BEGIN\n', timeout)
        result = self.expect(r'((?:.*\n)*?)STATUS=(\d+)\n', timeout)
        if result[2] != b'0':
            raise Failure(f'{command}: exit status {int(result[2])}')
        return result[1].decode(errors='replace')

    def type_slowly(self, command, timeout=60):
        """Waits for GRUB's prompt and types a command; GRUB polls the port, so key by key."""
        self.expect('grub> ', timeout)
        for key in f'{command}\n':
            self.process.stdin.write(key.encode())
            time.sleep(0.02)

    def transcript(self):
        """All that the guest has said so far."""
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def selftests(self, timeout=180):
        """Waits for the end of the guest's self-tests; the first that failed is a Failure."""
        count = 0
        failed = []
        deadline = time.monotonic() + timeout
        while True:
            match = self.expect(r'^SELFTEST (?:end|(\S+): (?:ok|FAIL (.*)))\n',
                                deadline - time.monotonic())
            if not match[1]:
                break
            count += 1
            if match[2] is not None:
                failed.append(f'{match[1].decode()}: {match[2].decode(errors="replace")}')
        if failed:
            raise Failure('; '.join(failed))
        if not count:
            raise Failure('no self-test ran')

    def ends(self, status=0, timeout=60):
        """Waits until the machine has switched itself off and its process has ended."""
        deadline = time.monotonic() + timeout
        try:
            while self._read(deadline):
                pass
            got = self.process.wait(max(deadline - time.monotonic(), 1))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise Failure(f'still running after {timeout} s') from None
        if got != status:
            raise Failure(f'exit status {got}, not {status}{self.last_words()}')


class Qmp:
    """The machine's QMP socket; events are skipped."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.stream = self.socket.makefile('rw', encoding='utf-8', newline='\n')
        json.loads(self.stream.readline())  # the greeting
        self('qmp_capabilities')

    def __call__(self, command, **arguments):
        """Issues a command and returns its answer; an error is a Failure."""
        self.stream.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline() or '{"error": {"desc": "closed"}}')
            if 'error' in answer:
                raise Failure(f'QMP {command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']
