"""One open log file: gives out whole lines, and notices when what it read already was cut off or rewritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from f2b.errors import SourceError
from f2b.planted import refuse_planted
from f2b.source import newline
from f2b.source.position import Position, fingerprint

CHUNK = 64 * 1024
"""Bytes read at once: more is hardly faster, and the clock is looked at between two chunks."""
MAX_LINE = 1 << 20
"""Bytes. The rest of a longer line is skipped, so that memory stays bounded."""
ANCHOR = 64
"""Bytes before the offset that every read repeats: a rewritten file differs there, whatever its size."""

Ident = tuple[int, int]
"""Device and inode."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a directory; name the files in it, as in {}/*.log",
    stat.S_IFIFO: "a FIFO; let its writer write to a file",
    stat.S_IFCHR: "a device; name a file",
    stat.S_IFBLK: "a device; name a file",
    stat.S_IFSOCK: "a socket; name a file",
}


def open_log(path: str) -> int:
    """Return a descriptor of a regular file; never hangs. Raises SourceError that says what is wrong and the cure."""
    try:
        refuse_planted(path)
        _refuse_special(path, Path(path).stat())  # before opening: opening alone wakes the writer of a FIFO
        fd = os.open(path, _FLAGS)
    except OSError as error:
        raise SourceError(reason(path, error)) from None
    try:
        _refuse_special(path, os.fstat(fd))
    except SourceError:
        os.close(fd)
        raise
    return fd


def reason(path: str, error: OSError) -> str:
    """Say why a log cannot be read, and the cure."""
    if isinstance(error, FileNotFoundError):
        return f"{path} is missing; it will be read as soon as it is there"
    cure = "; let the user that f2b runs as read it" if isinstance(error, PermissionError) else ""
    return f"{path} cannot be read: {error.strerror}{cure}"


def _refuse_special(path: str, found: os.stat_result) -> None:
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if kind:
        raise SourceError(f"{path} is {kind.format(path)}")


class Handle:
    """A descriptor, and how far it was read. Every method may raise OSError; the descriptor is then of no use."""

    __slots__ = ("_anchor", "_fd", "_first", "_hole", "_skipped", "ident", "offset", "overlong", "unit")

    def __init__(self, fd: int, unit: bytes = b"\n") -> None:
        found = os.fstat(fd)
        self.ident: Ident = (found.st_dev, found.st_ino)
        self.offset = 0
        """Where the next line begins."""
        self.overlong = 0
        """Lines that were longer than MAX_LINE and are not given out."""
        self._fd = fd
        self.unit = unit
        self._anchor = b""
        self._skipped = 0
        self._first: str | None = None
        self._hole = False

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)

    @property
    def size(self) -> int:
        """How many bytes the file has now."""
        return os.fstat(self._fd).st_size

    @property
    def changed(self) -> float:
        """When it was last written, renamed or unlinked."""
        return os.fstat(self._fd).st_ctime

    @property
    def path(self) -> Path:
        """What the file is called now, wherever it was moved; a deleted one's name does not exist."""
        return Path(f"/proc/self/fd/{self._fd}").readlink()

    @property
    def modified(self) -> int:
        """When it was last written, in nanoseconds."""
        return os.fstat(self._fd).st_mtime_ns

    @property
    def nameless(self) -> bool:
        """Whether it was deleted."""
        return os.fstat(self._fd).st_nlink == 0

    @property
    def position(self) -> Position:
        """How far it was read, skipped pieces of an unfinished line not included."""
        if self._first is None and self.offset:
            self._first = fingerprint(self.first_line())
        return Position(self._first or "", self.offset, self.ident[1])

    def at(self, offset: int, length: int) -> bytes:
        """Return what stands at `offset`, for those who look around."""
        return os.pread(self._fd, length, offset)

    def first_line(self) -> bytes:
        """Return the first line with its newline; empty if it is not complete or longer than MAX_LINE."""
        for length in (4096, MAX_LINE):
            data = os.pread(self._fd, length, 0)
            end = newline.first(data, self.unit)
            if end or len(data) < length:
                return data[:end]
        return b""

    def starts_line(self, offset: int) -> bool:
        """Say whether a line begins at `offset`."""
        width = len(self.unit)
        return offset == 0 or os.pread(self._fd, width, offset - width) == self.unit

    def move(self, offset: int) -> None:
        """Read on at `offset`, the start of a line."""
        self.offset = offset
        self._skipped = 0
        back = min(offset, ANCHOR)
        self._anchor = os.pread(self._fd, back, offset - back)

    def to_end(self) -> None:
        """Leave out the whole lines that are there now; an unfinished last line is read once it is finished."""
        size = self.size
        start = max(0, size - MAX_LINE) // len(self.unit) * len(self.unit)
        end = newline.end(os.pread(self._fd, size - start, start), self.unit)
        self.move(start + end if end or not start else size)

    def continues_in(self, other: Handle) -> bool:
        """Say whether `other` holds what this one read, up to the same place: a copy that may have grown."""
        back = len(self._anchor)
        return bool(back) and other.at(self.offset + self._skipped - back, back) == self._anchor

    def read(self, limit: int = CHUNK) -> bytes | None:
        """Return whole lines of about `limit` bytes, None if there are none yet.

        No bytes at all mean that an overlong line, or the hole before a careless writer's first line, goes on.
        """
        data = self._bytes(limit)
        end = newline.end(data, self.unit)
        if not end and len(data) >= limit and limit < MAX_LINE:
            data = self._bytes(MAX_LINE)
            end = newline.first(data, self.unit)  # no more than this one line: `limit` is there for a reason
        if not end:
            return self._skip(data) if len(data) >= MAX_LINE else None
        begin = 0
        if self._skipped:
            begin = newline.first(data, self.unit)
            self.offset += self._skipped
            self._skipped = 0
        self.offset += end
        self._anchor = (self._anchor + data[max(0, end - ANCHOR) : end])[-ANCHOR:]
        return data[begin:end]

    def _bytes(self, limit: int) -> bytes:
        """Read on, together with the bytes before: if those are not what they were, the file was rewritten."""
        start = self.offset + self._skipped
        back = len(self._anchor)
        data = os.pread(self._fd, back + limit, start - back)
        if back and not data.startswith(self._anchor):
            self.move(0)
            self._first = None
            self._hole = True
            data = os.pread(self._fd, limit, 0)
        elif back:
            data = data[back:]
        return self._over_hole(data, limit) if self._hole else data

    def _over_hole(self, data: bytes, limit: int) -> bytes:
        """Pass over NULs at the start of a truncated file: who wrote without O_APPEND goes on at its old offset."""
        while data.startswith(b"\0") and len(self.unit) == 1:
            rest = data.lstrip(b"\0")
            self.move(self.offset + len(data) - len(rest))
            data = rest or os.pread(self._fd, limit, self.offset)
        self._hole = not data
        return data

    def _skip(self, data: bytes) -> bytes:
        """Pass over a piece of an overlong line; the position stays at its start until its end is found."""
        if not self._skipped:
            self.overlong += 1
        self._skipped += len(data)
        self._anchor = data[-ANCHOR:]
        return b""
