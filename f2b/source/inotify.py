"""inotify(7), by ctypes: the kernel tells of every change of what is watched.

By hand: the library for it (inotify-simple) takes 24 ms and 1 MB more, for modules that it looks libc up with.
"""

from __future__ import annotations

import ctypes
import os
import struct

# From <sys/inotify.h>.
MODIFY, ATTRIB = 0x2, 0x4
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
OVERFLOW, IGNORED = 0x4000, 0x8000
"""Some news were lost; a watch is no more."""
MASK_ADD = 0x20000000
"""Watch for this beside what is watched for already."""

_EVENT = struct.Struct("iIII")
_READ = 1 << 16
_LIBC = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """One queue of news. Raises OSError if there can be none: each user may have so many."""

    def __init__(self) -> None:
        self._fd = _checked(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._fd

    def add(self, path: str, mask: int) -> int:
        """Watch a path for these; return the number that its news will bear. Raises OSError."""
        return _checked(_LIBC.inotify_add_watch(self._fd, os.fsencode(path), ctypes.c_uint32(mask)))

    def remove(self, number: int) -> None:
        """Watch it no longer. Raises OSError if it is gone already."""
        _checked(_LIBC.inotify_rm_watch(self._fd, number))

    def read(self) -> list[tuple[int, int, str]]:
        """Return all that has come: number, what happened, and to which entry if the number is a folder's."""
        events: list[tuple[int, int, str]] = []
        while True:
            try:
                news = os.read(self._fd, _READ)
            except BlockingIOError:
                return events
            at = 0
            while at < len(news):
                number, mask, _, length = _EVENT.unpack_from(news, at)
                at += _EVENT.size + length
                events.append((number, mask, os.fsdecode(news[at - length : at].rstrip(b"\0"))))

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
