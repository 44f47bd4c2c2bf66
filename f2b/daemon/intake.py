"""Where the lines come in: which jail reads which log, from where, and how each source does.

A log that several jails read is followed once, as long as all of them are to read it from the same place; a jail that
comes later (after a reload, say) and must catch up gets followers of its own until the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from f2b.config.model import JailSpec
from f2b.daemon.outlet import Heard, Read
from f2b.engine import Engine, date_key, line_reader
from f2b.errors import StoreError
from f2b.events import Effect
from f2b.log import Log
from f2b.loop import Loop
from f2b.source.entry import Entry, places
from f2b.source.files import Files
from f2b.source.journal import Journal
from f2b.source.newline import newline
from f2b.source.pattern import expand
from f2b.source.position import Position
from f2b.source.tail import Tail
from f2b.store import Store

Take = Callable[[Sequence[Effect], Sequence[Read | Heard]], object]


class Reading(NamedTuple):
    """How a jail's sources do."""

    backend: str
    files: tuple[str, ...]
    journalmatch: tuple[str, ...]
    waiting: str
    """Why nothing can be read yet; empty if something can."""


class Intake:
    """All sources of all jails."""

    def __init__(self, engine: Engine, store: Store, loop: Loop, log: Log, take: Take) -> None:
        self._engine = engine
        self._store = store
        self._loop = loop
        self._log = log
        self._take = take
        self._cohorts: list[Cohort] = []
        self._journals: dict[str, Journal] = {}
        self._troubles: dict[str, str] = {}
        """Of journals, by jail."""

    def follow(self, spec: JailSpec) -> None:
        """Let a jail read its logs, or the journal, from where an earlier server stopped."""
        if spec.journal:
            self._follow_journal(spec)
        elif spec.logpath:
            known = self._known(spec)
            cohort = next((each for each in self._cohorts if each.fits(spec, known)), None)
            if cohort is None:
                cohort = Cohort(self._engine, self._loop, self._log, self._take, _polls(spec))
                self._cohorts.append(cohort)
            cohort.add(spec, known)

    def leave(self, name: str) -> None:
        """Let a jail read no longer."""
        journal = self._journals.pop(name, None)
        if journal:
            journal.close()
        for cohort in [cohort for cohort in self._cohorts if name in cohort.jails]:
            cohort.remove(name)
            if not cohort.jails:
                cohort.close()
                self._cohorts.remove(cohort)

    def close(self) -> None:
        """Read nothing any more."""
        for name in [*self._journals, *(name for cohort in self._cohorts for name in cohort.jails)]:
            self.leave(name)

    def view(self, name: str) -> Reading:
        """Return how a jail's sources do."""
        for cohort in self._cohorts:
            if name in cohort.jails:
                return cohort.view(name)
        if name in self._journals:
            match = self._engine.jails[name].spec.filter.journalmatch
            return Reading("systemd", (), match, self._troubles.get(name, ""))
        return Reading("none", (), (), "")

    def _known(self, spec: JailSpec) -> dict[str, Position]:
        try:
            paths = [path for log in spec.logpath for path in expand(log.pattern)]
            found = {path: self._store.position(spec.name, path) for path in paths}
        except StoreError as error:
            self._log.error("database", f"[{spec.name}] {error}; its logs are read from findtime ago")
            return {}
        return {path: position for path, position in found.items() if position}

    def _follow_journal(self, spec: JailSpec) -> None:
        name = spec.name

        def on_entries(entries: Sequence[Entry], live: bool) -> None:
            now = self._loop.now()
            effects: list[Effect] = []
            for entry in entries:
                effects += self._engine.entry(name, entry.text, entry.time, now, live)
            self._take(effects, [Heard(name, entries[-1].cursor, entries[-1].time)])

        def tell(trouble: str) -> None:
            if trouble:
                self._log.warning("filter", f"[{name}] {trouble}")
            self._troubles[name] = trouble

        since = self._loop.now() - spec.findtime
        try:
            cursor = self._store.cursor(name)
            since = max(since, self._store.journal_time(name) or 0)  # without a cursor: Fail2Ban's own mark
        except StoreError:
            cursor = ""
        extra = places(spec.backend_options)
        self._journals[name] = Journal(self._loop, spec.filter.journalmatch, on_entries, tell, cursor, since, extra)


class Cohort:
    """Jails whose logs are followed together."""

    def __init__(self, engine: Engine, loop: Loop, log: Log, take: Take, polls: bool) -> None:
        self.jails: dict[str, JailSpec] = {}
        self._engine = engine
        self._loop = loop
        self._log = log
        self._take = take
        self._polls = polls
        self._known: dict[str, Position] = {}
        self._read: dict[str, list[str]] = {}
        """Which jails read a log, by its path, once something of it was read."""
        self._files = Files(loop, self._on_chunk, self._tell, opened=self._opened, polling=polls)

    def fits(self, spec: JailSpec, known: Mapping[str, Position]) -> bool:
        """Say whether this jail starts where these do, and reads in the same way."""
        if _polls(spec) != self._polls:
            return False
        unit = newline(spec.logencoding)
        for other in self.jails.values():
            shared = {log.pattern for log in spec.logpath} & {log.pattern for log in other.logpath}
            if shared and (newline(other.logencoding) != unit or set(other.logpath) != set(spec.logpath)):
                return False
        paths = [path for log in spec.logpath for path in expand(log.pattern)]
        return all(
            path not in self._read and (path not in self._files.tails or self._known.get(path) == known.get(path))
            for path in paths
        )

    def add(self, spec: JailSpec, known: Mapping[str, Position]) -> None:
        """Let a jail that `fits` read along."""
        self.jails[spec.name] = spec
        self._known.update(known)
        for log in spec.logpath:
            self._files.add(log.pattern, log.tail, newline(spec.logencoding), known)

    def remove(self, name: str) -> None:
        """Let a jail read no longer."""
        spec = self.jails.pop(name)
        for path, names in self._read.items():
            if name in names:
                names.remove(name)
                self._engine.leave(path, name)
        wanted = {log.pattern for other in self.jails.values() for log in other.logpath}
        for pattern in {log.pattern for log in spec.logpath} - wanted:
            self._files.remove(pattern)

    def close(self) -> None:
        """Read nothing any more."""
        self._files.close()

    def view(self, name: str) -> Reading:
        """Return how a jail's logs do."""
        spec = self.jails[name]
        mine = [log.pattern for log in spec.logpath]
        files = tuple(path for pattern in mine for path in self._files.paths(pattern))
        troubles = {
            path: trouble
            for path, trouble in self._files.troubles.items()
            if any(path == pattern or fnmatchcase(path, pattern) for pattern in mine)
        }
        readable = [path for path in files if path not in troubles]
        return Reading(self._files.backend, files, (), "" if readable else "; ".join(troubles.values()))

    def _listeners(self, path: str) -> list[str]:
        """Return the jails that read `path`; they are made known to the engine when its first lines come."""
        names = self._read.get(path)
        if names is None:
            names = self._read[path] = self._meant(path)
            for name in names:
                self._engine.listen(path, name)
        return names

    def _meant(self, path: str) -> list[str]:
        return [
            name
            for name, spec in self.jails.items()
            if any(path == log.pattern or path in expand(log.pattern) for log in spec.logpath)
        ]

    def _on_chunk(self, path: str, chunk: bytes, position: Position, live: bool) -> None:
        names = self._listeners(path)
        effects = self._engine.feed(path, chunk, self._loop.now(), live)
        self._take(effects, [Read(name, path, position) for name in names])

    def _opened(self, tail: Tail) -> None:
        """Skip what is older than any jail's findtime, by bisection: a log of years costs a few reads."""
        specs = [self.jails[name] for name in self._meant(tail.path)]
        if not specs:
            return
        now = self._loop.now()
        reader = line_reader(specs[0])
        tail.seek(now - max(spec.findtime for spec in specs), lambda line: reader.time(line, now))

    def _tell(self, path: str, trouble: str) -> None:
        """A log that cannot be read matters if a jail has no other: `logpath` often names what other systems have."""
        if not path:
            self._log.warning("filter", trouble)
        elif trouble:
            matters = any(self.view(name).waiting for name in self._meant(path))
            self._log.tell("filter", "WARNING" if matters else "INFO", trouble)
        else:
            self._log.info("filter", f"{path} can be read now")


def reads(spec: JailSpec) -> tuple[object, ...]:
    """Return what decides where a jail's lines come from, and how they are read."""
    return spec.journal, spec.logpath, spec.filter.journalmatch, _polls(spec), date_key(spec)


def _polls(spec: JailSpec) -> bool:
    return spec.backend == "polling"
