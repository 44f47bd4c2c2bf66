"""Journals that are cut while they are read: libsystemd maps them, and to touch what is gone would end the process.

The kernel sends SIGBUS then. As systemd's own programs do, a page of zeros is put where the file ended: libsystemd
finds a corrupt journal there and says so. Done by ctypes, since Python's own handlers run too late.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
from ctypes import POINTER, byref, c_char, c_int, c_long, c_size_t, c_void_p

# From <signal.h> and <sys/mman.h>.
_ADDRESS_BEYOND_THE_FILE = 2
_SA_SIGINFO = 4
_MAP_FIXED = 0x10
_SIGSET_BYTES = 128


class _Info(ctypes.Structure):
    """The beginning of siginfo_t."""

    _fields_ = [("number", c_int), ("error", c_int), ("code", c_int), ("address", c_void_p)]


_Handler = ctypes.CFUNCTYPE(None, c_int, POINTER(_Info), c_void_p)


class _Action(ctypes.Structure):
    """struct sigaction of glibc and musl."""

    _fields_ = [
        ("handler", _Handler),
        ("mask", c_char * _SIGSET_BYTES),
        ("flags", c_int),
        ("restorer", c_void_p),
    ]


_libc = ctypes.CDLL(None)
_libc.mmap.restype = c_void_p
_libc.mmap.argtypes = (c_void_p, c_size_t, c_int, c_int, c_int, c_long)


def _fill(_: int, info: object, __: object) -> None:
    """Put a page of zeros where a file was cut; any other reason ends the process, as it would without us."""
    found = info.contents  # type: ignore[attr-defined]  # ctypes' pointers have no type that mypy knows at run time
    if found.code == _ADDRESS_BEYOND_THE_FILE and found.address:
        page = found.address & ~(mmap.PAGESIZE - 1)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
        if _libc.mmap(page, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) == page:
            return
    signal.signal(signal.SIGBUS, signal.SIG_DFL)


_handler = _Handler(_fill)
"""Kept, for the kernel does not count references."""


def survive() -> None:
    """Let this process live on when a file that it has mapped is cut."""
    action = _Action(_handler, b"", _SA_SIGINFO, None)
    _libc.sigaction(signal.SIGBUS, byref(action), None)
