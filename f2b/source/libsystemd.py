"""The journal read by libsystemd, through ctypes: no process between, and every byte as it was written.

Imported only by a server with a jail that reads the journal. See sd-journal(3).
"""

from __future__ import annotations

import ctypes
import glob
import os
from collections.abc import Sequence
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path

from f2b.errors import SourceError
from f2b.source import sigbus
from f2b.source.entry import ROOTS, Entry, Place, made, same, terms

LIBRARY = "libsystemd.so.0"
BATCH = 50
"""Entries read at once: some 2 ms."""
MAX_MESSAGE = 1 << 20
"""Bytes; an entry with a longer message is left out, so that memory stays bounded."""

_INVALIDATE = 2  # SD_JOURNAL_INVALIDATE: files came or went
_SIGNATURES: dict[str, tuple[object, ...]] = {
    "sd_journal_open": (c_void_p, c_int),
    "sd_journal_open_directory": (c_void_p, c_char_p, c_int),
    "sd_journal_open_files": (c_void_p, c_void_p, c_int),
    "sd_journal_open_namespace": (c_void_p, c_char_p, c_int),
    "sd_journal_set_data_threshold": (c_void_p, c_size_t),
    "sd_journal_add_match": (c_void_p, c_char_p, c_size_t),
    "sd_journal_add_disjunction": (c_void_p,),
    "sd_journal_seek_cursor": (c_void_p, c_char_p),
    "sd_journal_seek_realtime_usec": (c_void_p, c_uint64),
    "sd_journal_next": (c_void_p,),
    "sd_journal_get_cursor": (c_void_p, c_void_p),
    "sd_journal_get_realtime_usec": (c_void_p, c_void_p),
    "sd_journal_get_monotonic_usec": (c_void_p, c_void_p, c_void_p),
    "sd_journal_get_data": (c_void_p, c_char_p, c_void_p, c_void_p),
    "sd_journal_get_fd": (c_void_p,),
    "sd_journal_reliable_fd": (c_void_p,),
    "sd_journal_process": (c_void_p,),
}


class UnusableError(SourceError):
    """libsystemd is not there, or older than what is needed (245)."""


class Library:
    """libsystemd, loaded. Raises UnusableError."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL(LIBRARY)
            self._free = ctypes.CDLL(None).free
            for name, arguments in _SIGNATURES.items():
                getattr(self._lib, name).argtypes = arguments
            self._lib.sd_journal_close.argtypes = (c_void_p,)
            self._lib.sd_journal_close.restype = None
        except (OSError, AttributeError) as error:
            raise UnusableError(f"libsystemd cannot be used: {error}") from None
        self._free.argtypes = (c_void_p,)

    def call(self, what: str, *arguments: object) -> int:
        """Return what a function returns. Raises SourceError if that is an error."""
        result = int(getattr(self._lib, f"sd_journal_{what}")(*arguments))
        if result < 0:
            raise SourceError(f"the journal cannot be read ({what}: {os.strerror(-result)})")
        return result

    def attempt(self, what: str, *arguments: object) -> int:
        """Return what a function returns, negative for an error."""
        return int(getattr(self._lib, f"sd_journal_{what}")(*arguments))

    def taken(self, pointer: c_void_p) -> str:
        """Return the text that a function has allocated for us."""
        text = ctypes.string_at(pointer).decode("ascii", "replace") if pointer.value else ""
        self._free(pointer)
        return text

    def close(self, journal: c_void_p) -> None:
        """Give an open journal back."""
        self._lib.sd_journal_close(journal)


class Native:
    """An open journal, read on after `cursor` or, without one, from the time `since` on. Raises SourceError."""

    name = "libsystemd"
    ends = True
    """Where it reads nothing, everything that is there has been read."""

    def __init__(self, where: Place, journalmatch: Sequence[str], cursor: str = "", since: float = 0.0) -> None:
        self.overlong = 0
        """Entries left out because they were too long."""
        self._where = where
        self._lib = Library()
        self._roots = _roots()
        sigbus.survive()
        self._here = False
        """The present entry was not given out yet."""
        self._journal = self._open()
        try:
            self._match(journalmatch)
            self.fd = self._descriptor()
            """Readable when there may be more; -1 if nothing tells."""
            self._seek(cursor, since)
        except BaseException:
            self.close()
            raise

    def read(self) -> list[Entry]:
        """Return the next entries, none if there are none yet. Raises SourceError if the journal must be reopened."""
        if self._lib.call("process", self._journal) == _INVALIDATE and self._moved():
            raise SourceError("the journal has moved to another folder; it is opened anew")
        entries: list[Entry] = []
        while len(entries) < BATCH and (self._here or self._lib.call("next", self._journal)):
            self._here = False
            entry = made(self._field, self._written(), self._cursor())
            if entry:
                entries.append(entry)
        return entries

    def close(self) -> None:
        """Close the journal."""
        self._lib.close(self._journal)

    def _open(self) -> c_void_p:
        journal = c_void_p()
        where = self._where
        if where.files:
            paths = sorted(path for pattern in where.files for path in glob.glob(pattern))  # noqa: PTH207 - text
            if not paths:
                raise SourceError(f"there is no journal {' '.join(where.files)}; it is read as soon as it is there")
            array = (c_char_p * (len(paths) + 1))(*map(os.fsencode, paths), None)
            self._lib.call("open_files", byref(journal), array, where.flags)
        elif where.directory:
            self._lib.call("open_directory", byref(journal), os.fsencode(where.directory), where.flags)
        elif where.namespace:
            self._lib.call("open_namespace", byref(journal), where.namespace.encode(), where.flags)
        elif not self._roots:
            raise SourceError("there is no journal; it is read as soon as there is one")
        else:
            self._lib.call("open", byref(journal), where.flags)
        self._lib.call("set_data_threshold", journal, MAX_MESSAGE + 1024)
        return journal

    def _match(self, journalmatch: Sequence[str]) -> None:
        for term in terms(journalmatch):
            if term == "+":
                self._lib.call("add_disjunction", self._journal)
            elif self._lib.attempt("add_match", self._journal, term.encode(), 0) < 0:
                raise SourceError(f"journalmatch: {term!r} is not FIELD=value")

    def _descriptor(self) -> int:
        fd = self._lib.attempt("get_fd", self._journal)
        return fd if fd >= 0 and self._lib.attempt("reliable_fd", self._journal) > 0 else -1

    def _seek(self, cursor: str, since: float) -> None:
        """Go to the first entry to read. Where the cursor's own entry is gone, that is the one after it."""
        if cursor and self._lib.attempt("seek_cursor", self._journal, cursor.encode()) >= 0:
            self._here = self._lib.call("next", self._journal) > 0 and not same(cursor, self._cursor())
        else:
            self._lib.call("seek_realtime_usec", self._journal, max(0, round(since * 1e6)))

    def _moved(self) -> bool:
        """Whether journald has begun, or ceased, to keep its files on disk; libsystemd does not notice."""
        return not (self._where.directory or self._where.files) and _roots() != self._roots

    def _written(self) -> int:
        stamp = c_uint64()
        self._lib.call("get_realtime_usec", self._journal, byref(stamp))
        return stamp.value

    def _cursor(self) -> str:
        pointer = c_void_p()
        self._lib.call("get_cursor", self._journal, byref(pointer))
        return self._lib.taken(pointer)

    def _field(self, name: str) -> str | None:
        if name == "__MONOTONIC_TIMESTAMP":
            stamp = c_uint64()
            found = self._lib.attempt("get_monotonic_usec", self._journal, byref(stamp), byref((c_uint64 * 2)()))
            return str(stamp.value) if found >= 0 else None
        data, length = c_void_p(), c_size_t()
        if self._lib.attempt("get_data", self._journal, name.encode(), byref(data), byref(length)) < 0:
            return None  # it has no such field, or the file is damaged there
        if length.value > MAX_MESSAGE:
            self.overlong += 1
            return None
        return ctypes.string_at(data, length.value)[len(name) + 1 :].decode("utf-8", "replace")


def _roots() -> list[str]:
    return [root for root in ROOTS if Path(root).is_dir()]
