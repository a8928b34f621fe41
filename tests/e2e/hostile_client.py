#!/usr/bin/python3
"""Clients that mean no good, without gRPC: raw HTTP/2 on the daemon's socket.

    hostile_client.py SOCKET HOW COUNT SECONDS [METHOD [REQUEST]]

COUNT is how many connections, calls or streams, as HOW has it; REQUEST is a message in hex. It writes `begun` when it has what it wants,
keeps at it for SECONDS or until its standard input ends, and writes last what became of it, as JSON. Uses the standard library alone, so that
any user can run it.
"""

import errno
import json
import resource
import selectors
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def number(value, bits):
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out, value = bytearray([most]), value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def field(name, value):
    """A header, neither indexed nor compressed."""
    name, value = name.encode(), value.encode() if isinstance(value, str) else value
    return b"\0" + number(len(name), 7) + name + number(len(value), 7) + value


def headers(method, *more):
    return b"".join([field(":method", "POST"), field(":scheme", "http"), field(":path", method), field(":authority", "localhost"),
                     field("te", "trailers"), field("content-type", "application/grpc"), *more])


def message(request):
    return b"\0" + struct.pack(">I", len(request)) + request


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.stream = -1
        self.came = b""
        self.first_window = self.window = 65_535  # of each stream, and of all
        self.taken = {}  # of the window of a stream

    def begin(self):
        """As a client that means well does."""
        # No limit to what may be sent to us.
        self.send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF)) + frame(WINDOW, 0, 0, struct.pack(">I", 0x7FFF0000)) + frame(SETTINGS, ACK, 0))
        return self

    def send(self, data):
        """False when the other side has gone, or does not read any more."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def call(self, method, request=None, ends=True):
        """Begins a call, with its whole message when there is one."""
        self.stream += 2
        data = b"" if request is None else frame(DATA, END_STREAM if ends else 0, self.stream, message(request))
        return self.send(frame(HEADERS, END_HEADERS, self.stream, headers(method)) + data)

    def fill(self, stream, most):
        """As many bytes of a message as the other side takes; how many that were."""
        size = min(most, 16_384, self.window, self.first_window - self.taken.get(stream, 0))
        if size <= 0 or not self.send(frame(DATA, 0, stream, bytes(size))):
            return 0
        self.window -= size
        self.taken[stream] = self.taken.get(stream, 0) + size
        return size

    def read(self):
        """The streams that have ended meanwhile; None when the connection has."""
        try:
            data = self.socket.recv(1 << 16)
        except (BlockingIOError, TimeoutError):
            return []
        except OSError:
            return None
        if not data:
            return None
        self.came += data
        ended = []
        while len(self.came) >= 9:
            length = int.from_bytes(self.came[:3], "big")
            if len(self.came) < 9 + length:
                break
            kind, flags, stream = self.came[3], self.came[4], int.from_bytes(self.came[5:9], "big")
            payload, self.came = self.came[9:9 + length], self.came[9 + length:]
            if kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            elif kind == WINDOW:
                more = int.from_bytes(payload, "big")
                if stream == 0:
                    self.window += more
                else:
                    self.taken[stream] = self.taken.get(stream, 0) - more
            elif kind == SETTINGS and not flags & ACK:
                for at in range(0, length, 6):
                    name, value = struct.unpack(">HI", payload[at:at + 6])
                    self.first_window = value if name == 4 else self.first_window
            elif kind == RESET or (kind in (HEADERS, DATA) and flags & END_STREAM):
                ended.append(stream)
        return ended


class Client:
    def __init__(self, path, how, count, seconds, method="", request=""):
        self.path, self.count, self.method, self.request = path, int(count), method, bytes.fromhex(request)
        self.end = time.monotonic() + float(seconds)
        self.open, self.done = [], {"refused": 0, "answered": 0, "sent": 0}
        self.how = getattr(self, how)

    def run(self):
        self.how()
        for connection in self.open:
            connection.socket.close()
        print(json.dumps(self.done), flush=True)

    def begun(self):
        print("begun", flush=True)

    def goes_on(self):
        return time.monotonic() < self.end

    def hold(self):
        """Until told to stop."""
        waits = selectors.DefaultSelector()
        waits.register(sys.stdin, selectors.EVENT_READ)
        waits.select(max(self.end - time.monotonic(), 0))

    def connect(self):
        try:
            return Connection(self.path)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            self.done["refused"] += 1
            return None

    def many(self, first):
        for _ in range(self.count):
            connection = self.connect()
            if connection is not None:
                self.done["sent"] += first(connection) is not False
                self.open.append(connection)
        self.begun()
        self.hold()

    # --- connections ---

    def silent(self):
        self.many(lambda connection: True)

    def half(self):
        """Half a greeting, and nothing after it."""
        self.many(lambda connection: connection.send(PREFACE[:20]))

    def idle(self):
        self.many(lambda connection: connection.begin())

    def unsettled(self):
        """The greeting, and not one frame."""
        self.many(lambda connection: connection.send(PREFACE))

    def come_and_go(self):
        self.begun()
        while self.goes_on():
            connection = self.connect()
            if connection is not None:
                connection.begin()
                self.done["sent"] += 1
                connection.socket.close()

    # --- bytes that are no gRPC ---

    def garbage(self):
        random = __import__("random").Random(7)
        openings = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 100, PREFACE + b"\xff" * 200,
                    PREFACE + frame(SETTINGS, 0, 0, b"\0"), PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, 0, 1, b"x" * 100),
                    PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\xff" * 50),
                    PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 2, headers("/x")),
                    PREFACE + frame(SETTINGS, 0, 0) + struct.pack(">I", 0xFFFFFF)[1:] + b"\0\0\0\0\0\1" + b"y" * 1000,
                    PREFACE + frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 3,
                    PREFACE + frame(SETTINGS, 0, 0) + frame(CONTINUATION, 0, 1, b"z" * 100)]
        openings += [PREFACE + frame(SETTINGS, 0, 0) + bytes(random.randbytes(300)) for _ in range(20)]
        openings += [PREFACE + frame(SETTINGS, 0, 0) + frame(random.randrange(12), random.randrange(256), random.randrange(9), random.randbytes(random.randrange(60)))
                     for _ in range(40)]
        self.begun()
        for opening in openings * self.count:
            connection = self.connect()
            if connection is not None:
                self.done["sent"] += connection.send(opening)
                self.open.append(connection)

    def no_end_of_headers(self):
        """A header block that goes on in frame after frame."""
        connection = self.connect().begin()
        connection.send(frame(HEADERS, 0, 1, headers(self.method)))
        self.begun()
        more = frame(CONTINUATION, 0, 1, field("x-more", "y" * 8_000))
        while self.goes_on() and self.done["sent"] < self.count and connection.send(more):
            self.done["sent"] += 1

    def pings(self):
        connection = self.connect().begin()
        self.begun()
        while self.goes_on() and self.done["sent"] < self.count and connection.send(frame(PING, 0, 0, b"12345678") * 100):
            self.done["sent"] += 100

    def resets(self, connections=1):
        """Calls that are taken back as soon as they were made, fifty at a time; whoever is sent away comes back."""
        start, end = headers(self.method), message(self.request)
        self.begun()
        open_ones = [None] * connections
        while self.goes_on() and self.done["sent"] < self.count:
            for at, connection in enumerate(open_ones):
                if connection is None:
                    connection = open_ones[at] = self.connect()
                    if connection is None:
                        continue
                    connection.begin()
                first, connection.stream = connection.stream + 2, connection.stream + 100
                calls = b"".join(frame(HEADERS, END_HEADERS, stream, start) + frame(DATA, END_STREAM, stream, end) + frame(RESET, 0, stream, b"\0\0\0\x08")
                                 for stream in range(first, connection.stream + 1, 2))
                self.done["sent"] += 50
                if not connection.send(calls):
                    self.done["refused"] += 1
                    connection.socket.close()
                    open_ones[at] = None

    def resets_of_many(self):
        self.resets(50)

    # --- calls ---

    def flood(self):
        """Calls one after the other, COUNT under way at any time."""
        connection, under_way = None, 0
        self.begun()
        while self.goes_on():
            if connection is None:
                connection, under_way = self.connect(), 0
                if connection is None:
                    continue
                connection.begin()
                connection.socket.settimeout(0.5)
            while under_way < self.count and connection.call(self.method, self.request):
                under_way += 1
                self.done["sent"] += 1
            ended = connection.read()
            if ended is None:
                connection.socket.close()
                connection = None
                continue
            under_way -= len(ended)
            self.done["answered"] += len(ended)

    def never_read(self):
        """COUNT calls on each of four connections, of which no answer is taken."""
        for _ in range(4):
            connection = self.connect()
            if connection is None:
                continue
            connection.begin()
            connection.socket.settimeout(2)
            for _ in range(self.count):
                if not connection.call(self.method, self.request):
                    break
                self.done["sent"] += 1
            self.open.append(connection)
        self.begun()
        self.hold()

    def abandon(self):
        """Calls whose caller is gone before the answer."""
        self.begun()
        while self.goes_on() and self.done["sent"] < self.count:
            connection = self.connect()
            if connection is None:
                continue
            connection.begin()
            for _ in range(10):
                connection.call(self.method, self.request)
            self.done["sent"] += 10
            connection.socket.close()

    def unfinished(self):
        """COUNT calls on each of four connections, each with all but the end of a message of a megabyte, as fast as it is taken."""
        size = 1 << 20
        left = {}
        for _ in range(4):
            connection = self.connect()
            if connection is None:
                continue
            connection.begin()
            for _ in range(self.count):
                connection.call(self.method)
                start = b"\0" + struct.pack(">I", size)
                connection.send(frame(DATA, 0, connection.stream, start))
                connection.window -= len(start)
                left[connection, connection.stream] = size - 1
            connection.socket.settimeout(0.05)
            self.open.append(connection)
        self.begun()
        while self.goes_on() and left:
            for connection in self.open:
                ended = connection.read()
                for key in [key for key in left if key[0] is connection and (ended is None or key[1] in ended)]:
                    del left[key]
            for key in list(left):
                sent = key[0].fill(key[1], left[key])
                self.done["sent"] += sent
                left[key] -= sent
                if left[key] == 0:
                    del left[key]
        self.hold()

    def drip(self):
        """A byte now and then, on COUNT connections."""
        call = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, headers(self.method)) + frame(DATA, END_STREAM, 1, message(self.request))
        self.open = [connection for connection in (self.connect() for _ in range(self.count)) if connection is not None]
        self.begun()
        for byte in call:
            if not self.goes_on():
                break
            for connection in self.open:
                self.done["sent"] += connection.send(bytes([byte]))
            time.sleep(0.2)


if __name__ == "__main__":
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    Client(*sys.argv[1:]).run()
