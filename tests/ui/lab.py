"""What the tests of real viewers share: programs that may be missing, our demo, certificates, an X
server whose screen can be read."""
import os, shutil, socket, struct, subprocess, sys, tempfile, threading, time, zlib

BARS = [0xFFFFFF, 0xFFFF00, 0x00FFFF, 0x00FF00, 0xFF00FF, 0xFF0000, 0x0000FF, 0x000000]
PATIENCE = 30  # seconds; a viewer that needs longer has failed


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not installed")


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise SystemExit(f"FAIL: no {what} in {PATIENCE} s")


def free_port(first):
    """A port that nobody has now, from first on."""
    for port in range(first, first + 500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise SystemExit("FAIL: no free port")


class Process:
    """A program that ends with the test; its output is kept."""

    def __init__(self, args, **more):
        self.name = os.path.basename(args[0])
        self.lines = []
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", **more)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect(self, text):
        """Waits for a line with this in it."""
        wait_for(f"'{text}' from {self.name}", lambda: any(text in line for line in self.lines))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.reader.join(1)
        self.process.stdout.close()


class Demo(Process):
    """ui-demo with a VNC server that shows coloured bars."""

    def __init__(self, binary, option="", *args, size="640x480"):
        self.port = free_port(5950)
        super().__init__([binary, "--vnc", f"127.0.0.1:{self.port - 5900}{option}", "--size", size,
                          "--absolute", *args])
        wait_for("VNC server", self._listens)

    def _listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


class Xvfb(Process):
    """An X server of 800x600; DISPLAY is set while it runs."""

    def __init__(self, directory):
        reading, writing = os.pipe()
        super().__init__(["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-fbdir",
                          directory, "-nolisten", "tcp"], pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as f:
            os.environ["DISPLAY"] = ":" + f.readline().strip()
        self.screen = directory + "/Xvfb_screen0"

    def pixels(self):
        """The screen's rows as lists of 0xRRGGBB, from the XWD file that the server keeps."""
        data = open(self.screen, "rb").read()
        head = struct.unpack(">25I", data[:100])
        width, height, stride = head[4], head[5], head[12]
        start = head[0] + head[19] * 12
        rows = [struct.unpack_from(f"<{width}I", data, start + y * stride) for y in range(height)]
        return [[p & 0xFFFFFF for p in row] for row in rows]

    def shows_bars(self):
        """Whether a row holds the eight bars in their order, as the middle of the demo's does."""
        return any(has_bars(row) for row in self.pixels()[::20])


def has_bars(row):
    """The bars one after the other, each at least 30 pixels wide."""
    runs = []
    for pixel in row:
        if runs and runs[-1][0] == pixel:
            runs[-1][1] += 1
        else:
            runs.append([pixel, 1])
    wide = [pixel for pixel, length in runs if length >= 30]
    return any(wide[i:i + 7] == BARS[:7] for i in range(len(wide)))


def rgb(data):
    return [data[i] << 16 | data[i + 1] << 8 | data[i + 2] for i in range(0, len(data) - 2, 3)]


def png_row(path, wanted):
    """A row of a PNG file with three or four bytes a pixel (PNG specification, 9)."""
    data, at, packed = open(path, "rb").read(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
        at += length + 12
    assert depth == 8 and colour in (2, 6), (depth, colour)
    size = 3 if colour == 2 else 4
    raw, stride = zlib.decompress(packed), width * size
    row = bytearray(stride)
    for y in range(wanted + 1):
        row = unfilter(raw[y * (stride + 1)], raw[y * (stride + 1) + 1:][:stride], row, size)
    return rgb(bytes(b for i, b in enumerate(row) if i % size < 3))


def unfilter(how, line, above, size):
    row = bytearray(line)
    for i in range(len(row)):
        left = row[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        paeth = min((left, above[i], corner), key=lambda v: abs(left + above[i] - corner - v))
        row[i] = row[i] + (0, left, above[i], (left + above[i]) // 2, paeth)[how] & 255
    return row


def make_certificates(directory):
    """An authority, and a server's certificate for localhost, as tls-creds-x509 wants them."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca-cert.pem", "-days", "9",
            "-subj", "/CN=authority")
    openssl("req", *key, "-keyout", "server-key.pem", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(directory + "/extensions", "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem",
            "-CAcreateserial", "-days", "9", "-extfile", "extensions", "-out", "server-cert.pem")


def scratch():
    return tempfile.TemporaryDirectory(prefix="hvm-dm-ui-")
