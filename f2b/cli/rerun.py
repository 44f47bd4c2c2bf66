"""Old logs through the engine, with the clock taken from their lines: what the jails would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from f2b.alarm import alarmed
from f2b.ban.allow import words
from f2b.ban.collateral import Others
from f2b.ban.growth import Even
from f2b.ban.history import History, Past
from f2b.cli import archive, once
from f2b.cli.archive import Archive, Progress, Record
from f2b.cli.verdict import Names
from f2b.config.jail import BANS
from f2b.config.model import JailSpec, Problem
from f2b.daemon.assemble import build_jail
from f2b.daemon.reference import Reference, Tell
from f2b.daemon.witness import Witness
from f2b.engine import DateKey, Engine, date_key, line_reader
from f2b.events import Ban, Effect, Failure, Found, Judge, Line, Resolve
from f2b.filter import Filter, is_listener
from f2b.filter.literals import Clause
from f2b.filter.over import share
from f2b.jail import Jail
from f2b.log import Log
from f2b.source.pattern import expand
from f2b.value import replace

PURGE_S = 600.0
"""How often counters are purged, in the logs' time: it decides nothing, and saves memory."""
NEVER = float("inf")

Ear = tuple[int, str, "once.Once | None", float]
"""A jail's bit in masks, its name, the filter without whose findings it finds nothing, and its findtime: the filter
does not see what is older."""
Overheard = Callable[[str, Failure], object]
"""Hears of each failure and success that a jail's filter finds."""


def silent(amount: int) -> None:
    """Tell nobody how far the logs were read."""


class Overhearing:
    """A filter whose findings somebody else hears of, too."""

    def __init__(self, inner: Filter, hear: Callable[[Failure], object]) -> None:
        self._inner = inner
        self._hear = hear

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return what the filter finds in a line."""
        found = self._inner.feed(line)
        for failure in found:
            self._hear(failure)
        return found

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what the filter says."""
        return self._inner.needs()

    @property
    def listens(self) -> frozenset[str]:
        """The jails that the filter wants to hear of."""
        return self._inner.listens if is_listener(self._inner) else frozenset()

    def hear(self, event: Found | Ban) -> Sequence[Failure]:
        """Return what follows for the filter."""
        found = self._inner.hear(event) if is_listener(self._inner) else ()
        for failure in found:
            self._hear(failure)
        return found


class Rerun:
    """Some jails, and the logs that they read again."""

    def __init__(self, tell: Tell, overheard: Overheard | None = None, progress: Progress = silent) -> None:
        """`progress` hears how many bytes were taken from the disk, each time some were."""
        self.engine = Engine()
        self.problems: list[Problem] = []
        """What keeps jails from taking part."""
        self.first: float | None = None
        """When the earliest line that mattered was written; None before there is one."""
        self.last = float("-inf")
        """When the latest was."""
        self._archives: list[tuple[Path, Archive]] = []
        self._earlier: dict[str, dict[str, History]] = {}
        self._reference = Reference(tell)
        self._witness = Witness(self.engine, Log("STDERR", "ERROR"))
        self._names = Names()
        self._others = Others()
        self._readers: dict[tuple[Path, DateKey], list[Jail]] = {}
        self._heard: list[list[Ear]] = []
        """By the number of a reader: who hears of its lines."""
        self._overheard = overheard
        self._progress = progress
        self._next = float("-inf")
        """When a ban ends, or counters are to be purged."""
        self._purged = float("-inf")
        self._listened: set[str] = set()
        """The jails that others hear of."""

    @property
    def lines(self) -> int:
        """How many lines were read, each once."""
        return sum({path: archive.lines for path, archive in reversed(self._archives)}.values())

    @property
    def logs(self) -> list[Path]:
        """The logs that are read."""
        return list(dict.fromkeys(path for path, _ in self._readers))

    @property
    def size(self) -> int:
        """How many bytes are taken from the disk in all."""
        return sum(path.stat().st_size for path, _ in self._readers if path.is_file())

    def add(self, spec: JailSpec, logs: Sequence[Path] | None, older: bool = False) -> None:
        """Take a jail in, which reads its own logs unless others are given; what is wrong goes to `problems`.

        `older`: with what was rotated away of them.
        """
        past = Past(self._past, lambda: [jail.ledger for jail in self.engine.jails.values()])
        jail, problems = build_jail(spec, past, Even(), others=self._others)
        if jail is not None:
            problems += [replace(problem, jail=spec.name) for problem in self._reference.refresh(jail.filter)]
        self.problems += problems
        if jail is None or any(problem.severity == "error" for problem in problems):
            return
        jail.trace.keep(0)  # nobody will ask
        self._spare(jail)
        self.engine.add(jail)
        if spec.backend == BANS:
            self._witness.follow(spec)
            return
        paths = [Path(path) for log in spec.logpath for path in expand(log.pattern)] if logs is None else logs
        if older:
            paths = archive.in_order(one for path in paths for one in archive.rotated(path))
        for path in dict.fromkeys(paths):
            self._readers.setdefault((path, date_key(spec)), []).append(jail)

    def _past(self, key: str) -> Mapping[str, History]:
        return self._earlier.get(key, {})

    def _spare(self, jail: Jail) -> None:
        """Tell a jail whom it spares, as the server does; but not this host, for the logs may be another's."""
        for name in jail.allow.names:
            jail.allow.resolved(name, self._names(name))
        for path in jail.allow.files:
            if Path(path).exists():
                jail.allow.loaded(path, words(Path(path).read_text(encoding="utf-8", errors="replace")))

    def run(self, now: float) -> Iterator[Effect]:
        """Yield all that happens, in order, up to `now`, which also completes dates. Raises SourceError."""
        share(jail.filter for jail in self.engine.jails.values())
        with alarmed():
            yield from self._read(archive.merged(self._opened(now)))
            yield from self._until(max(self.last, now))

    def _opened(self, now: float) -> list[Iterator[Record]]:
        self._listened = {name for jail in self.engine.jails.values() for name in jail.listens}
        self._share()
        self._heard = [
            [(1 << at, jail.name, once.below(jail.filter), jail.spec.findtime) for at, jail in enumerate(jails)]
            for jails in self._readers.values()
        ]
        found = []
        for number, ((path, _), jails) in enumerate(self._readers.items()):
            one = Archive(path, line_reader(jails[0].spec), [jail.filter for jail in jails])
            self._archives.append((path, one))
            found.append(one.records(number, now, self._progress))
        if self._overheard is not None:
            for jail in self.engine.jails.values():
                jail.filter = Overhearing(jail.filter, partial(self._overheard, jail.name))
        return found

    def _share(self) -> None:
        """Let jails that read the same logs share what filters alike."""
        alike: dict[tuple[int, ...], list[Jail]] = {}
        for jail in self.engine.jails.values():
            logs = tuple(number for number, jails in enumerate(self._readers.values()) if jail in jails)
            alike.setdefault(logs, []).append(jail)
        for jails in alike.values():
            once.share(jails)

    def _read(self, records: Iterator[Record]) -> Iterator[Effect]:
        line_of = self.engine.line
        heard = self._heard
        for time, number, line, mask in records:
            if time >= self._next:
                yield from self._until(time)
            if self.first is None:
                self.first = time
            self.last = time
            written = line.time or 0.0
            asked, finds = None, True
            for bit, name, base, findtime in heard[number]:
                if not mask & bit:
                    continue
                if base is not None and written >= time - findtime:
                    if base is not asked:
                        asked, finds = base, base.finds(line)
                    if not finds:
                        continue
                effects = line_of(name, line, time)
                if effects:
                    yield from self._followed(effects, time)

    def _until(self, now: float) -> Iterator[Effect]:
        """Let bans end that are over by now."""
        end = self.engine.next_end()
        while end is not None and end <= now:
            over = [unban for jail in self.engine.jails.values() for unban in jail.release(end)]
            yield from self._followed(over, end)
            end = self.engine.next_end()
        if now - self._purged >= PURGE_S:
            self._purged = now
            yield from self.engine.tick(now)
        self._next = min(NEVER if end is None else end, self._purged + PURGE_S)

    def _followed(self, effects: Sequence[Effect], now: float) -> Iterator[Effect]:
        """Yield effects with all that follows from them."""
        heard = effects
        listened = self._listened
        if listened and any(isinstance(effect, Found | Ban) and effect.jail in listened for effect in effects):
            heard = [*effects, *self.engine.hear(effects, now)]
        bans = self._witness.hear(heard, now)
        for effect in (*heard, *bans, *(self.engine.hear(bans, now) if bans else ())):
            yield effect
            if isinstance(effect, Found):  # most of them
                continue
            if isinstance(effect, Ban):
                self._next = min(self._next, effect.end)
                history = History(effect.count, effect.time, effect.duration)
                self._earlier.setdefault(effect.id, {})[effect.jail] = history
            elif isinstance(effect, Resolve):
                jail = self.engine.jails[effect.jail]
                yield from self._followed(jail.resolved(effect.failure, self._names(effect.name), now), now)
            elif isinstance(effect, Judge):  # ignorecommand is not run: it would judge by what is so today
                yield from self._followed(self.engine.jails[effect.jail].judged(effect, False, now), now)
