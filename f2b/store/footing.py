"""The files under an open database: whether they are still those that were opened, and whole enough to be touched."""

from __future__ import annotations

import os
from pathlib import Path

_HEADER = b"SQLite format 3\0"
"""What every database begins with, from its first page on."""
_SHARED = 1 << 20
"""Bytes that are given back at least to the shared memory of a database; a hole takes no room."""

Identity = tuple[int, int] | None


class Footing:
    """What SQLite does not look at while it has a file open, though somebody else may do anything to it."""

    def __init__(self, path: str) -> None:
        """Make it when the database is open, and close it when that is closed: closing a file ends all locks on it.

        Without a path there is no file: the database is in memory.
        """
        self.path = path
        self._file = _identity(path)
        self._log = _identity(path + "-wal")
        self._logged = _size(path + "-wal")
        self._mapped = _size(path + "-shm") if self._log else 0
        self._probe = _probe(path)

    def stands(self) -> bool:
        """Whether database and log bear their names yet, begin as a database does, and nothing was cut off."""
        if not self.path:
            return True
        same = _identity(self.path) == self._file and (
            self._log is None or _identity(self.path + "-wal") == self._log
        )
        before, self._logged = self._logged, _size(self.path + "-wal")
        return same and self._logged >= before and self._intact()

    def secure(self) -> None:
        """Put room back under the shared memory if somebody cut that off: to touch it would end the process (SIGBUS).

        What SQLite finds there then is empty, and it makes it anew from the log.
        """
        if self._log is None:
            return
        path = self.path + "-shm"
        size = _size(path)
        if size < self._mapped:
            try:
                os.truncate(path, max(self._mapped, _SHARED))
            except OSError:
                return
        self._mapped = max(size, self._mapped)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._probe is not None:
            os.close(self._probe)
            self._probe = None

    def _intact(self) -> bool:
        try:
            return self._probe is None or os.pread(self._probe, len(_HEADER), 0) == _HEADER
        except OSError:
            return True  # what keeps it from being read is told when that matters


def _probe(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC) if path else None
    except OSError:
        return None  # as above


def _identity(path: str) -> Identity:
    """Return what tells a file from another one of its name; None if there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: str) -> int:
    """Return how many bytes a file has, none if there is no such file."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
