"""Old logs through the engine, with the clock taken from their lines: what the jails would have done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from f2b.alarm import Alarm
from f2b.ban.allow import words
from f2b.ban.growth import Even
from f2b.ban.history import History, Past
from f2b.cli import archive
from f2b.cli.archive import Record
from f2b.cli.verdict import Names
from f2b.config.jail import BANS
from f2b.config.model import JailSpec, Problem
from f2b.daemon.assemble import build_jail
from f2b.daemon.reference import Reference, Tell
from f2b.daemon.witness import Witness
from f2b.engine import DateKey, Engine, date_key, line_reader
from f2b.events import Ban, Effect, Judge, Resolve
from f2b.jail import Jail
from f2b.log import Log
from f2b.source.pattern import expand
from f2b.value import replace

PURGE_S = 5.0
"""How often counters are purged, in the logs' time."""


class Rerun:
    """Some jails, and the logs that they read again."""

    def __init__(self, tell: Tell) -> None:
        self.engine = Engine()
        self.problems: list[Problem] = []
        """What keeps jails from taking part."""
        self.lines = 0
        self._earlier: dict[str, dict[str, History]] = {}
        self._reference = Reference(tell)
        self._witness = Witness(self.engine, Log("STDERR", "ERROR"))
        self._names = Names()
        self._readers: dict[tuple[Path, DateKey], list[Jail]] = {}
        self._purged = float("-inf")

    def add(self, spec: JailSpec, logs: Sequence[Path] | None) -> None:
        """Take a jail in, which reads its own logs unless others are given; what is wrong goes to `problems`."""
        past = Past(self._past, lambda: [jail.ledger for jail in self.engine.jails.values()])
        jail, problems = build_jail(spec, past, Even())
        if jail is not None:
            problems += [replace(problem, jail=spec.name) for problem in self._reference.refresh(jail.filter)]
        self.problems += problems
        if jail is None or any(problem.severity == "error" for problem in problems):
            return
        self._spare(jail)
        self.engine.add(jail)
        if spec.backend == BANS:
            self._witness.follow(spec)
            return
        paths = [Path(path) for log in spec.logpath for path in expand(log.pattern)] if logs is None else logs
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
        alarm = Alarm()
        alarm.set()
        try:
            present = float("-inf")
            for record in archive.merged(self._records(now)):
                present = max(present, record.time)
                yield from self._until(present)
                yield from self._read(record, present)
            yield from self._until(max(present, now))
        finally:
            alarm.off()

    def _records(self, now: float) -> list[Iterator[Record]]:
        counted: set[Path] = set()
        self._heard: list[tuple[bool, list[Jail]]] = []
        """For each way to read a log: whether its lines are to be counted, and who hears them."""
        found = []
        for number, ((path, _), jails) in enumerate(self._readers.items()):
            self._heard.append((path not in counted, jails))
            counted.add(path)
            found.append(archive.records(path, number, line_reader(jails[0].spec), now))
        return found

    def _read(self, record: Record, now: float) -> Iterator[Effect]:
        counts, jails = self._heard[record.log]
        self.lines += counts
        for jail in jails:
            yield from self._followed(self.engine.line(jail.name, record.line, now), now)

    def _until(self, now: float) -> Iterator[Effect]:
        """Let bans end that are over by now."""
        end = self.engine.next_end()
        while end is not None and end <= now:
            yield from self._followed(self.engine.tick(end), end)
            end = self.engine.next_end()
        if now - self._purged >= PURGE_S:
            self._purged = now
            yield from self.engine.tick(now)

    def _followed(self, effects: Sequence[Effect], now: float) -> Iterator[Effect]:
        """Yield effects with all that follows from them."""
        heard = [*effects, *self.engine.hear(effects, now)]
        bans = self._witness.hear(heard, now)
        for effect in (*heard, *bans, *self.engine.hear(bans, now)):
            yield effect
            if isinstance(effect, Ban):
                history = History(effect.count, effect.time, effect.duration)
                self._earlier.setdefault(effect.id, {})[effect.jail] = history
            elif isinstance(effect, Resolve):
                jail = self.engine.jails[effect.jail]
                yield from self._followed(jail.resolved(effect.failure, self._names(effect.name), now), now)
            elif isinstance(effect, Judge):  # ignorecommand is not run: it would judge by what is so today
                yield from self._followed(self.engine.jails[effect.jail].judged(effect, False, now), now)
