"""Runs the client on a terminal of its own: what a person would see, and keys that a person would press."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

from harness import BATUTA, PATIENCE_S, wait_until

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """`batuta ARGS` with a terminal for stdin, stdout and stderr."""

    def __init__(self, box, *args, columns=120, rows=30):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._bytes = b""
        # A session of its own, with the terminal: else Ctrl-C would reach nobody.
        self.process = subprocess.Popen([BATUTA, *args], env={**box.env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}, stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        box.processes.append(self.process)
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # the program has ended
                return
            if not piece:
                return
            self._bytes += piece

    @property
    def text(self):
        """All that was written so far, without the escape sequences."""
        return ESCAPES.sub("", self._bytes.decode(errors="replace"))

    def wait_for(self, pattern, what):
        return wait_until(lambda: re.search(pattern, self.text), f"{what} in: {self.text[-2000:]!r}")

    def press(self, keys):
        os.write(self._master, keys.encode())

    def wait(self):
        code = self.process.wait(4 * PATIENCE_S)
        self._reader.join(PATIENCE_S)
        os.close(self._master)
        return code
