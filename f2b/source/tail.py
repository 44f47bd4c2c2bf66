"""Following one log by its name, through rotation and truncation: chunks of whole lines, each line once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from f2b.errors import SourceError
from f2b.loop import Loop
from f2b.named import NamedTuple
from f2b.source import rotation, seek, succession
from f2b.source.handle import CHUNK, Handle, Ident, open_log, reason
from f2b.source.position import Position

Claim = Callable[[Ident], Handle | None]


class Chunk(NamedTuple):
    """Whole lines, as they stand in the file."""

    data: bytes
    """Empty while a line goes on that is too long to be given out."""
    position: Position
    """How far the log was read with them."""
    live: bool
    """False for what was there before the end of the file was first reached; a file that was empty when it was found
    has not come to its end yet (as in Fail2Ban)."""


class Tail:
    """What is written to `path`, from `position` on.

    Without a position it starts at the beginning; with `tail`, at the end of what is there now. `unit` is a newline
    in the log's encoding. `opened` is called once, when there is a file for the first time, before it is read.
    `claim` is asked about every file before it is read: it returns the handle of who follows it under a former name,
    None, or raises SourceError. A log that cannot be read is no error here: `trouble` says why, and every `read`
    tries again. `late` is how many seconds a renamed file is still read after it changed.
    """

    def __init__(
        self,
        path: str,
        position: Position | None = None,
        tail: bool = False,
        unit: bytes = b"\n",
        opened: Callable[[Tail], None] | None = None,
        claim: Claim | None = None,
        late: float = rotation.LATE,
    ) -> None:
        self.path = path
        self._name = Path(path)
        self.live = tail and position is None
        self.trouble = ""
        """Why the log cannot be read, and the cure; empty if it can."""
        self._saved = position
        self._unit = unit
        self._opened = opened
        self._claim = claim
        self._late = late
        self._now: Handle | None = None
        self._old: list[Handle] = []
        """Renamed ones, the oldest first: read to their end, and a while longer for late writers."""
        self._overlong = 0
        if self.live:
            self._start_at_end()

    @property
    def position(self) -> Position | None:
        """How far it was read; None if there was nothing yet to read."""
        if self._old and not (self._now and self._now.offset):
            return self._old[-1].position
        return self._now.position if self._now else self._saved

    @property
    def late(self) -> bool:
        """Whether a renamed file is still read, for writers that have not noticed."""
        return bool(self._old)

    @property
    def idents(self) -> list[Ident]:
        """The files that are held open."""
        return [handle.ident for handle in self._handles()]

    @property
    def lag(self) -> int:
        """Bytes written but not read yet; 0 if the file system does not say, of which `trouble` will tell."""
        try:
            return sum(max(0, handle.size - handle.offset) for handle in self._handles())
        except OSError:  # a network file system whose server is gone
            return 0

    @property
    def overlong(self) -> int:
        """Lines left out because they were too long."""
        return self._overlong + sum(handle.overlong for handle in self._handles())

    def read(self, limit: int = CHUNK) -> Chunk | None:
        """Return the next lines, None if there are none yet; never waits, never raises."""
        self._look()
        try:
            for handle in self._handles():
                data = handle.read(limit)
                if data is not None:
                    self._saved = self.position or handle.position
                    return Chunk(data, self._saved, self.live)
            self._let_go()
        except OSError as error:  # a network file system, say: opened by name again at the next read
            self.trouble = reason(self.path, error)
            self._drop_all()
            return None
        self.live = self.live or (self._now is not None and self._now.size > 0)
        return None

    def seek(self, target: float, time_of: Callable[[bytes], float | None]) -> None:
        """Leave out, of what was not read yet, the lines from before `target`; see `source.seek`."""
        for handle in self._handles():
            handle.move(seek.seek(handle.size, handle.at, time_of, target, handle.offset, self._unit))

    def release(self, ident: Ident) -> Handle | None:
        """Give a file away that is followed here but bears another name now; None if it is not followed here.

        Raises SourceError if it still bears this name: one file must not be read twice.
        """
        for handle in self._handles():
            if handle.ident == ident:
                if handle is self._now and self._named() == ident:
                    raise SourceError(f"the same file as {self.path}, which is followed already")
                self._forget(handle)
                return handle
        return None

    def rest(self) -> bool:
        """Give the descriptors back if all was read, until the next `read`; return whether there were any."""
        if not (self._now or self._old) or self.lag:
            return False
        self._saved = self.position
        self._drop_all()
        return True

    def close(self) -> None:
        """Give the descriptors back; the position stays."""
        self._saved = self.position
        self._drop_all()

    def _start_at_end(self) -> None:
        self._look()
        for handle in self._handles():
            handle.to_end()

    def _handles(self) -> list[Handle]:
        return [*self._old, self._now] if self._now else list(self._old)

    def _named(self) -> Ident | None:
        try:
            found = self._name.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _look(self) -> None:
        """Find out what file bears the name now, and open it if it is another one."""
        try:
            found = self._name.stat()
            if self._now is None or self._now.ident != (found.st_dev, found.st_ino):
                self._turn_to(self._open())
            self.trouble = ""
        except SourceError as error:
            self.trouble = str(error)
        except OSError as error:
            self.trouble = reason(self.path, error)

    def _open(self) -> Handle:
        """Open what bears the name; a file that is held already, here or by another name, goes on where it was."""
        fresh = Handle(open_log(self.path), self._unit)
        try:
            held = self._own(fresh.ident) or (self._claim(fresh.ident) if self._claim else None)
        except SourceError:
            fresh.close()
            raise
        if held is None:
            return fresh
        fresh.close()
        return held

    def _own(self, ident: Ident) -> Handle | None:
        for handle in self._handles():
            if handle.ident == ident:
                self._forget(handle)
                return handle
        return None

    def _turn_to(self, handle: Handle) -> None:
        """Read on in the file that now bears the name."""
        old, self._now = self._now, handle
        if old is None:
            self._begin(handle)
        elif not handle.offset and succession.take_over(old, handle):
            self._drop(old)
        else:
            self._old.append(old)
            self._add_between(old)

    def _add_between(self, old: Handle) -> None:
        """Read, after `old`, what bore the name since then, unless somebody follows it by its present name."""
        for fresh in succession.between(old, self.path):
            if fresh.ident in self.idents:
                fresh.close()
                continue
            try:
                held = self._claim(fresh.ident) if self._claim else None
            except SourceError:
                fresh.close()
                continue
            if held:
                fresh.close()
            self._old.append(held or fresh)

    def _begin(self, handle: Handle) -> None:
        if self._saved and not handle.offset and not self._old:
            predecessor = succession.resume(self._saved, self.path, handle)
            if predecessor:
                self._old.append(predecessor)
                self._add_between(predecessor)
        if self._opened:
            opened, self._opened = self._opened, None
            opened(self)

    def _let_go(self) -> None:
        """Close renamed and deleted files that nobody will write to any more. Everything was read."""
        now = Loop.now()
        begun = bool(self._now and self._now.offset)
        for handle in self._handles():
            followed = handle is not self._now and (begun or handle is not self._old[-1])
            if rotation.over(handle.changed, now, followed, handle.nameless, self._late):
                self._drop(handle)

    def _forget(self, handle: Handle) -> None:
        if handle is self._now:
            self._now = self._saved = None
        else:
            self._old.remove(handle)

    def _drop(self, handle: Handle) -> None:
        self._overlong += handle.overlong
        if handle is self._now:
            self._now = None
        elif handle in self._old:
            self._old.remove(handle)
        handle.close()

    def _drop_all(self) -> None:
        for handle in self._handles():
            self._drop(handle)
