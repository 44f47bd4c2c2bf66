"""The followed logs of all jails: patterns become tails, changes wake them, chunks go out in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path

from f2b.loop import Loop, Timer
from f2b.source import pattern as patterns
from f2b.source.handle import CHUNK, Handle, Ident
from f2b.source.mounts import Mounts
from f2b.source.position import Position
from f2b.source.room import crowded
from f2b.source.rotation import LATE
from f2b.source.tail import Tail
from f2b.source.turn import PIECE, Turns
from f2b.source.watch import EVERY, Watch

SWEEP, SELDOM = 10.0, 60.0
"""Seconds until patterns are expanded and every log is looked at again; more where the kernel tells of changes."""
CALM = 0.5
"""Seconds between two looks at the patterns that changes in folders ask for."""
SHARE = 20
"""And so many times as long as the last one took: a folder may hold thousands of files."""
FIRST_CHUNK, SMALLEST_CHUNK = 4096, 512
"""Bytes. Chunks grow where lines are cheap, and shrink where one takes more than its slice of time."""
PATIENCE = 2.0
"""Seconds that a log may be gone before it is told: between renaming and creating it is always gone."""

OnChunk = Callable[[str, bytes, Position, bool], object]
"""(path, whole lines, position after them, live)."""


class LogFile:
    """One followed log: which pattern it comes from, and how it does."""

    __slots__ = ("again", "limit", "link", "missed", "pattern", "seen", "since", "tail", "told")

    def __init__(self, pattern: str, tail: Tail) -> None:
        self.pattern = pattern
        self.tail = tail
        self.again: Timer | None = None
        """While a renamed file is read for late lines, which polling does not notice."""
        self.limit = FIRST_CHUNK
        """Bytes to read at once."""
        self.link = ""
        """What a symbolic link leads to; empty if the path is none."""
        self.seen = False
        """It could be read at least once."""
        self.told = ""
        self.since = 0.0
        """Since when it is in trouble."""
        self.missed = 0.0
        """Since when its pattern does not mean it any more."""


class Files:
    """Follows every file that its patterns mean, each once, and calls `on_chunk` for whole lines.

    `tell(path, trouble)` hears once what is wrong with a log or a pattern, and "" when it is well again; with path ""
    it is about watching itself. `known` says where reading stopped; `opened(tail)` may seek in a log that is about to
    be read for the first time.
    """

    def __init__(
        self,
        loop: Loop,
        on_chunk: OnChunk,
        tell: Callable[[str, str], object],
        opened: Callable[[Tail], None] | None = None,
        polling: bool = False,
        every: float = EVERY,
        late: float = LATE,
        turns: Turns | None = None,
    ) -> None:
        self._loop = loop
        self._turns = turns or Turns(loop)
        self._on_chunk = on_chunk
        self._tell = tell
        self._known: dict[str, Position] = {}
        """Where reading stopped, by path."""
        self._opened = opened
        self._every = every
        self._late = late
        self._patterns: dict[str, tuple[bool, bytes]] = {}
        self._idle_patterns: set[str] = set()
        """Those that mean no file now."""
        self._logs: dict[str, LogFile] = {}
        self._queue: dict[str, None] = {}
        """Who may have something to read, in the order of asking."""
        self._recent: dict[str, None] = {}
        """Whose files are open, whoever was read last at the end."""
        self._swept = float("-inf")
        self._calm = CALM
        self._owners: dict[tuple[str, Ident], Tail] = {}
        """Who holds a file of a pattern, or did since the last sweep."""
        self._folders: set[str] = set()
        self._links: dict[str, list[str]] = {}
        """Logs whose paths lead elsewhere by symbolic links, by where they lead."""
        self._due: Timer | None = None
        self._asked: Timer | None = None
        self._watch = Watch(loop, self._changed, lambda text: tell("", text), polling, every)
        self._mounts = Mounts(loop, self._look_around)

    @property
    def backend(self) -> str:
        """`inotify` or `polling`."""
        return self._watch.backend

    @property
    def tails(self) -> Mapping[str, Tail]:
        """Every followed log by its path, missing ones too."""
        return {path: log.tail for path, log in self._logs.items()}

    @property
    def troubles(self) -> Mapping[str, str]:
        """What is wrong now, by path; patterns that mean no file included."""
        idle = {pattern: f"no file matches {pattern} yet" for pattern in self._idle_patterns}
        return idle | {path: log.tail.trouble for path, log in self._logs.items() if log.tail.trouble}

    def paths(self, pattern: str) -> tuple[str, ...]:
        """Return the logs followed now that `pattern` means."""
        return tuple(path for path in patterns.expand(pattern) if path in self._logs)

    def add(
        self,
        pattern: str,
        tail: bool = False,
        unit: bytes = b"\n",
        known: Mapping[str, Position] | None = None,
    ) -> None:
        """Follow what `pattern` means, now and later; with `tail`, from the end of files without a known position."""
        self._known = {**(known or {}), **self._known}
        self._patterns[pattern] = (tail, unit)
        self._expand(pattern, first=True)
        self._sweep_at(0)

    def remove(self, pattern: str) -> None:
        """Follow no longer what only this pattern means."""
        del self._patterns[pattern]
        self._idle_patterns.discard(pattern)
        for path in [path for path, log in self._logs.items() if log.pattern == pattern]:
            self._drop(path)
        self._sweep_at(0)

    def close(self) -> None:
        """Follow nothing any more."""
        for timer in (self._due, self._asked):
            if timer:
                timer.cancel()
        self._watch.close()
        self._mounts.close()
        self._turns.forget(self._turn)
        for path in list(self._logs):
            self._drop(path)
        self._patterns.clear()

    def _expand(self, pattern: str, first: bool = False) -> Sequence[str]:
        """Begin to follow what a pattern means now; a file that comes up later is read from its beginning."""
        paths = patterns.expand(pattern)
        for path in paths:
            if path not in self._logs:
                self._follow(path, pattern, first)
        self._note_idle(pattern, not paths)
        return paths

    def _follow(self, path: str, pattern: str, first: bool = False) -> None:
        tail, unit = self._patterns[pattern]
        log = self._logs[path] = LogFile(pattern, self._tail(path, pattern, tail and first, unit))
        log.link = _link(path)
        self._own(log)
        self._wake(path)

    def _leave_out(self, meant: Mapping[str, Collection[str]]) -> None:
        """Follow no longer what its pattern has not meant for a while, once it was read to its end."""
        now = self._loop.now()
        for path, log in list(self._logs.items()):
            log.missed = 0.0 if path in meant[log.pattern] else log.missed or now
            if log.missed and now - log.missed > self._late and not log.tail.lag:
                self._drop(path)

    def _tail(self, path: str, pattern: str, tail: bool, unit: bytes) -> Tail:
        def claim(ident: Ident) -> Handle | None:
            owner = self._owners.get((pattern, ident))
            return owner.release(ident) if owner and owner.path != path else None

        return Tail(path, self._known.get(path), tail, unit, self._opened, claim, self._late)

    def _own(self, log: LogFile) -> bool:
        """Note whose the files are that a log holds open; return whether one of them is new."""
        new = False
        for ident in log.tail.idents:
            new = new or self._owners.get((log.pattern, ident)) is not log.tail
            self._owners[log.pattern, ident] = log.tail
        return new

    def _make_room(self, path: str) -> bool:
        """Close logs that were read to their end while too many files are open; return whether any was closed.

        First those that nobody wants to read; the others are opened again when it is their turn.
        """
        closed = False
        recent = [name for name in self._recent if name != path]
        idle = (name for name in recent if name not in self._queue)
        for other in chain(idle, (name for name in recent if name in self._queue)):
            if not crowded():
                break
            self._recent.pop(other)
            closed = (other in self._logs and self._logs[other].tail.rest()) or closed
        return closed

    def _note_idle(self, pattern: str, idle: bool) -> None:
        if idle and pattern not in self._idle_patterns:
            self._idle_patterns.add(pattern)
            self._tell(pattern, f"no file matches {pattern} yet")
        elif not idle and pattern in self._idle_patterns:
            self._idle_patterns.remove(pattern)
            self._tell(pattern, "")

    def _drop(self, path: str) -> None:
        log = self._logs.pop(path)
        self._queue.pop(path, None)
        self._recent.pop(path, None)
        if log.again:
            log.again.cancel()
        log.tail.close()
        position = log.tail.position
        if position:
            self._known[path] = position

    def _changed(self, path: str) -> None:
        if path in self._logs:
            self._wake(path)
            return
        for name in self._links.get(path, ()):
            self._wake(name)
        meant = next((pattern for pattern in self._patterns if patterns.means(pattern, path)), "")
        if meant and os.path.lexists(path):  # it may bear another name before the next survey
            self._follow(path, meant)
            self._watch.add(path)
        if path in self._folders:  # itself, not what is in it: another folder may bear its name now
            self._look_around()
        elif not self._asked and self._matters(path):
            self._asked = self._loop.after(self._rest(), self._survey)

    def _look_around(self) -> None:
        """Look at everything soon: names may mean other files than those that are watched."""
        if not self._asked or self._asked.call != self._sweep:
            if self._asked:
                self._asked.cancel()
            self._asked = self._loop.after(self._rest(), self._sweep)

    def _rest(self) -> float:
        """Return the seconds until the next look; a wall clock that steps does little harm."""
        return min(self._calm, max(0.0, self._swept + self._calm - self._loop.now()))

    def _matters(self, path: str) -> bool:
        """Whether a path that is no log may be about to be one: folders may hold thousands of other files."""
        return path in self._links or any(patterns.concerns(pattern, path) for pattern in self._patterns)

    def _sweep_at(self, seconds: float) -> None:
        if self._due:
            self._due.cancel()
        self._due = self._loop.after(seconds, self._sweep)

    def _sweep(self) -> None:
        """Look at everything: patterns, watches, logs."""
        self._owners.clear()
        for path, log in self._logs.items():
            log.link = _link(path)
            self._own(log)
        self._survey(again=True)
        for path, log in self._logs.items():
            self._wake(path)
            self._note_trouble(path, log)
        told = self._watch.complete and not any(log.link or log.tail.trouble for log in self._logs.values())
        self._sweep_at(SELDOM if told else SWEEP)

    def _survey(self, again: bool = False) -> None:
        """Look at the patterns, and watch what they mean now."""
        self._swept = started = self._loop.now()
        if self._asked:
            self._asked.cancel()
            self._asked = None
        self._leave_out({pattern: frozenset(self._expand(pattern)) for pattern in self._patterns})
        self._folders = set().union(*(patterns.folders(pattern) for pattern in self._patterns))
        self._links = {}
        for path, log in self._logs.items():
            if log.link:
                self._links.setdefault(log.link, []).append(path)
                self._folders.add(str(Path(log.link).parent))
        self._watch.set(self._logs, self._folders, again)
        self._calm = max(CALM, SHARE * (self._loop.now() - started))

    def _note_trouble(self, path: str, log: LogFile) -> None:
        trouble = log.tail.trouble
        now = self._loop.now()
        if not trouble:
            log.since = 0.0
        else:
            log.since = log.since or now
            if log.seen and now - log.since < PATIENCE:
                return
        if trouble != log.told:
            log.told = trouble
            self._tell(path, trouble)

    def _wake(self, path: str) -> None:
        self._queue[path] = None
        self._turns.ask(self._turn)

    def _turn(self) -> None:
        """Read one chunk of the log that has waited longest."""
        if not self._queue:
            return
        path = next(iter(self._queue))
        del self._queue[path]
        log = self._logs[path]
        chunk = log.tail.read(log.limit)
        self._recent.pop(path, None)
        self._recent[path] = None
        if (self._own(log) or log.tail.trouble) and crowded() and self._make_room(path) and log.tail.trouble:
            chunk = log.tail.read(log.limit)
        log.seen = log.seen or not log.tail.trouble
        if chunk:
            self._queue[path] = None
        elif log.tail.late and not log.again:
            log.again = self._loop.after(self._every, lambda: self._look_again(path))
        if self._queue:
            self._turns.ask(self._turn)
        if not log.seen or log.told:
            self._note_trouble(path, log)
            if log.tail.trouble and self._due and self._due.due > self._loop.elapsed() + SWEEP:
                self._sweep_at(SWEEP)  # nothing may tell when it is well again
        elif log.tail.trouble and not log.since:
            log.since = self._loop.now()
            self._sweep_at(PATIENCE + CALM)  # to tell it, unless it is well by then
        if chunk and chunk.data:
            before = self._loop.worked()
            self._on_chunk(path, chunk.data, chunk.position, chunk.live)
            log.limit = _paced(log.limit, self._loop.worked() - before)

    def _look_again(self, path: str) -> None:
        self._logs[path].again = None
        self._wake(path)


def _link(path: str) -> str:
    """Return where a path leads if symbolic links are on the way, else nothing."""
    found = os.path.realpath(path)
    return "" if found == path else found


def _paced(limit: int, seconds: float) -> int:
    """Return how many bytes to read next, if `limit` bytes took so much processor time.

    On a busy host small pieces would take twice as much of it, and nobody would be answered any sooner.
    """
    if seconds > PIECE:
        return max(SMALLEST_CHUNK, int(limit * PIECE / seconds))
    return min(CHUNK, limit * 2) if seconds < PIECE / 3 else limit
