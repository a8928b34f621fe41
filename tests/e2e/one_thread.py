"""Stops one thread of another process, while the others go on: what a thread that hangs looks like. Linux, by ptrace(2)."""

import contextlib
import ctypes
import os
import pathlib

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # waitpid: also threads

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace({request:#x}): {os.strerror(number)}")


def find(process, name):
    """The id of the thread of that name."""
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"process {process} has no thread {name}")


@contextlib.contextmanager
def stopped(thread):
    _ptrace(SEIZE, thread)
    _ptrace(INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        try:
            _ptrace(DETACH, thread)
        except ProcessLookupError:  # killed meanwhile; its process cannot go before this is noticed
            with contextlib.suppress(ChildProcessError):
                os.waitpid(thread, WALL)
