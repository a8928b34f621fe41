"""Plays a service manager, by sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3): binds the socket, starts the daemon
with it, and reads what the daemon says."""

import os
import pathlib
import socket
import subprocess
import sys
import time

from harness import BATUTAD, PATIENCE_S

# Between fork and exec of the real thing: the variables name the process that reads them, descriptors begin at 3.
SHIM = """
import fcntl, os, sys
descriptors, program = [int(fd) for fd in sys.argv[1].split(",") if fd], sys.argv[2:]
aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in descriptors]
for place, fd in enumerate(aside):
    os.dup2(fd, 3 + place)
os.closerange(3 + len(aside), 256)
own = str(os.getpid())
if descriptors:
    os.environ["LISTEN_FDS"] = str(len(descriptors))
    os.environ.setdefault("LISTEN_PID", own)
if "WATCHDOG_USEC" in os.environ:
    os.environ.setdefault("WATCHDOG_PID", own)
os.execv(program[0], program)
"""


class Manager:
    """One service: its sockets, its process, its mail."""

    def __init__(self, box):
        self.box = box
        self.process = None
        self.messages = []  # each a dict of its lines, in the order they came
        self.sockets = []
        self._mail = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._mail.bind(str(box.folder / "notify"))

    def listen(self, path=None, kind=socket.SOCK_STREAM, backlog=16):
        """The socket unit."""
        listening = socket.socket(socket.AF_UNIX, kind)
        listening.bind(str(path or self.box.socket))
        if kind == socket.SOCK_STREAM and backlog:
            listening.listen(backlog)
        self.sockets.append(listening)
        return listening

    def start(self, *args, env=None, watchdog_s=None, wait=True):
        """The service unit; returns when it is ready."""
        environment = {**self.box.env, "NOTIFY_SOCKET": str(self.box.folder / "notify"), **(env or {})}
        if watchdog_s is not None:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1_000_000))
        numbers = [each.fileno() for each in self.sockets]
        command = [sys.executable, "-S", "-c", SHIM, ",".join(map(str, numbers)), BATUTAD, *args]
        self.process = subprocess.Popen(command, env=environment, pass_fds=numbers, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.box.log("batutad.log"))
        self.box.processes.append(self.process)
        if wait:
            self.wait_for("READY", "1")
        return self.process

    def read(self, timeout_s):
        """The next message, also appended to `messages`; None when none comes in time."""
        self._mail.settimeout(max(timeout_s, 0.001))
        try:
            text = self._mail.recv(65536).decode()
        except TimeoutError:
            return None
        message = dict(line.split("=", 1) for line in text.splitlines())
        self.messages.append(message)
        return message

    def wait_for(self, name, value=None, timeout_s=PATIENCE_S):
        """Reads on until a message has the line NAME=VALUE (any value when None, a part of it when it ends with …)."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            message = self.read(min(0.2, deadline - time.monotonic()))
            if message is None:
                if self.process.poll() is not None:
                    raise AssertionError(f"batutad ended with {self.process.returncode}: {self.box.daemon_log()}")
                continue
            found = message.get(name)
            if found is not None and (value is None or found == value or value.endswith("…") and value[:-1] in found):
                return message
        raise AssertionError(f"no {name}={value} came; last of {len(self.messages)}: {self.messages[-3:]}")

    def drain(self):
        """Reads what is there already."""
        while self.read(0) is not None:
            pass

    def end(self):
        """How the process ended; reads all its mail."""
        code = self.process.wait(PATIENCE_S)
        self.drain()
        return code

    def told(self, name):
        return [message[name] for message in self.messages if name in message]

    def close(self):
        for each in [self._mail, *self.sockets]:
            each.close()


def unit(mode, name):
    """A unit of this project, as it stands in the source."""
    return pathlib.Path(__file__).resolve().parents[2] / "systemd" / mode / name
