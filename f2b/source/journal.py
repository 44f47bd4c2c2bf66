"""Following the journal: by libsystemd or, where that fails, by journalctl; opened anew whenever reading ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from f2b.errors import SourceError
from f2b.loop import Loop, Timer
from f2b.source.entry import ROOTS, SYSTEM, Entry, Place
from f2b.source.mounts import Mounts
from f2b.source.turn import Turns

QUIET = 2.0
"""Seconds without an entry after which everything written before the start has been seen."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until the journal is opened again; doubles from the first to the longest."""
ATTEMPTS = 3
"""Failures after which the other way is tried."""
EVERY = 1.0
"""Seconds between two looks at a journal that tells nothing: inotify is exhausted, or the disk is another host's."""
LOOK = 10.0
"""How often the journal's folders are looked at: with one that is removed goes its watch, and nobody hears more."""

_POLL = (
    "nothing tells when the journal grows: it is looked at once a second; inotify is exhausted (raise "
    "fs.inotify.max_user_instances by sysctl), or the journal lies on another host's disk"
)

OnEntries = Callable[[Sequence[Entry], bool], object]
"""(entries, live): live is False for those written before the start."""


class Reader(Protocol):
    """One way to read the journal: see `source.libsystemd` and `source.journalctl`."""

    name: str
    ends: bool
    fd: int
    overlong: int

    def read(self) -> list[Entry]:
        """Return the next entries, none if there are none yet. Raises SourceError if it must be opened anew."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Journal:
    """Calls `on_entries` for what matches in the journal, after `cursor` or, without one, after the time `since`.

    `tell` hears once why the journal cannot be read as it should be, and "" when it can again. `native` is whether
    libsystemd is tried.
    """

    def __init__(
        self,
        loop: Loop,
        journalmatch: Sequence[str],
        on_entries: OnEntries,
        tell: Callable[[str], object],
        cursor: str = "",
        since: float = 0.0,
        where: Place = SYSTEM,
        turns: Turns | None = None,
        native: bool = True,
    ) -> None:
        self.trouble = ""
        """Why the journal cannot be read, and the cure; empty if it can."""
        self.reader: Reader | None = None
        """Who reads, while it can be read."""
        self.live = False
        """Whether everything that was there at the start has been read."""
        self._loop = loop
        self._match = journalmatch
        self._on_entries = on_entries
        self._tell = tell
        self._cursor = cursor
        self._since = since
        self._where = where
        self._turns = turns or Turns(loop)
        self._native = native
        self._failures = 0
        self._told_poll = False
        self._skipping = False
        """Entries up to the time `since` were read before."""
        self._heard = False
        """This reader gave an entry, so its arguments are good."""
        self._started = loop.now()
        self._pause = FIRST_PAUSE
        self._again: Timer | None = None
        self._calm: Timer | None = None
        self._mounts = Mounts(loop, self._look)
        self._next_look = loop.after(LOOK, self._look_again)
        self._open()

    @property
    def cursor(self) -> str:
        """Where the last entry read stands; empty if there was none."""
        return self._cursor

    def close(self) -> None:
        """Follow the journal no longer."""
        self._mounts.close()
        for timer in (self._again, self._calm, self._next_look):
            if timer:
                timer.cancel()
        self._end()

    def _look(self) -> None:
        """Open the journal anew if another one is in its place: libsystemd does not always tell."""
        if self.reader and _folders(self._where) != self._folders:
            if self._again:
                self._again.cancel()
            self._open()

    def _look_again(self) -> None:
        self._look()
        self._next_look = self._loop.after(LOOK, self._look_again)

    def _open(self) -> None:
        self._end()
        self._folders = _folders(self._where)
        self._heard = False
        self._skipping = not self._cursor
        try:
            self.reader = self._make()
        except SourceError as error:
            self._fail(str(error))
            return
        if self.reader.fd >= 0:
            self._loop.watch(self.reader.fd, self._wake)
        elif not self._told_poll:
            self._told_poll = True
            self._tell(_POLL)
        self._wake()
        self._await_calm()

    def _make(self) -> Reader:
        """Open the journal in the better way that works."""
        arguments = (self._where, self._match, self._cursor, self._since)
        if self._native and self._failures // ATTEMPTS % 2 == 0:
            from f2b.source.libsystemd import Native, UnusableError  # only a server that reads the journal needs it

            try:
                return Native(*arguments)
            except UnusableError as error:
                self._native = False
                self._tell(f"{error}; journalctl is used instead")
        from f2b.source.journalctl import Journalctl  # subprocess, only where libsystemd fails

        return Journalctl(*arguments)

    def _end(self) -> None:
        reader, self.reader = self.reader, None
        self._turns.forget(self._read)
        if reader:
            if reader.fd >= 0:
                self._loop.unwatch(reader.fd)
            reader.close()

    def _fail(self, trouble: str) -> None:
        if self.reader and not self._heard:
            self._cursor = ""  # perhaps it is of another journal: go on by time
        self._end()
        self._failures += 1
        if trouble != self.trouble:
            self.trouble = trouble
            self._tell(trouble)
        self._again = self._loop.after(self._pause, self._open)
        self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _wake(self) -> None:
        self._turns.ask(self._read)

    def _read(self) -> None:
        assert self.reader
        try:
            entries = self.reader.read()
        except SourceError as error:
            self._fail(str(error))
            return
        if entries:
            self._wake()
            self._await_calm()
            self._take(entries)
            return
        self.live = self.live or self.reader.ends
        if self.reader.fd < 0:
            self._well()
            self._again = self._loop.after(EVERY, self._open)

    def _take(self, entries: list[Entry]) -> None:
        if self._skipping:
            entries = entries[_first(entries, self._since) :]
            if not entries:
                return
            self._skipping = False
        self._cursor = entries[-1].cursor
        self._since = max(self._since, entries[-1].time)
        self._heard = True
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._well()
        new = 0 if self.live else _first(entries, self._started)
        if new:
            self._on_entries(entries[:new], False)
        if new < len(entries):
            self.live = True
            self._on_entries(entries[new:], True)

    def _await_calm(self) -> None:
        """See whether it goes well for a while: then what was there has been read."""
        if self._calm:
            self._calm.cancel()
        wanted = self.trouble or not self.live
        self._calm = self._loop.after(QUIET, self._settle) if wanted else None

    def _settle(self) -> None:
        self._calm = None
        if self.reader:
            self.live = self.live or not self.reader.ends
            self._well()

    def _well(self) -> None:
        if self.trouble:
            self.trouble = ""
            self._tell("")


def _folders(where: Place) -> list[tuple[str, int, int]]:
    """Return which folders hold the journal's files: names, devices, inodes."""
    roots = [Path(root) for root in ([where.directory] if where.directory else ROOTS)]
    found = []
    for folder in [*roots, *(each for root in roots for each in root.glob("*/"))]:
        try:
            stat = folder.stat()
        except OSError:
            continue
        found.append((str(folder), stat.st_dev, stat.st_ino))
    return sorted(found)


def _first(entries: Sequence[Entry], after: float) -> int:
    """Return the index of the first entry from after this time, their number if there is none."""
    return next((index for index, entry in enumerate(entries) if entry.time > after), len(entries))
