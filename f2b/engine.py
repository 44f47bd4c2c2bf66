"""The engine: chunks of logs in, effects out. `f2b serve`, `f2b replay` and `f2b demo` all drive this one.

A log that several jails watch is decoded and dated once for all jails that read its dates the same way.
"""

from __future__ import annotations

import time as wall
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import repeat

from f2b.config.model import JailSpec
from f2b.date.bracket import dates
from f2b.events import Ban, Broke, Effect, Found, Line, Warned
from f2b.filter.build import date_patterns
from f2b.jail import Jail
from f2b.lines import LineReader, Parts, journal_line
from f2b.runaway import Runaway
from f2b.sieve import Sieve

WARN_S = 86400.0
"""How long the same warning is not repeated."""

DateKey = tuple[str, tuple[str, ...], "str | None"]


class Route:
    """The jails that read one log in the same way, and the reader they share."""

    __slots__ = ("_sieve", "_told", "jails", "reader")

    def __init__(self, reader: LineReader) -> None:
        self.reader = reader
        self.jails: list[Jail] = []
        self._sieve = Sieve(reader, [])
        self._told = -WARN_S

    def feed(self, log: str, chunk: bytes, lines: int, now: float, live: bool) -> list[Effect]:
        """Return what follows from a chunk of so many lines for all its jails."""
        effects: list[Effect] = []
        for parts, jails in self._wanted(chunk, lines, now):
            line = _line(parts)
            if not line.text and self.reader.runaway:
                effects += [effect for jail in jails for effect in jail.lose(self.reader.runaway, line.raw, now)]
                continue
            for jail in jails:
                try:
                    effects += jail.feed(line, now, live)
                except Exception as error:  # noqa: BLE001 - see there
                    effects += _faulty(jail, line, error, now)
        if self.reader.undecodable is not None and now - self._told >= WARN_S:
            self._told = now
            effects += [Warned(jail.name, self._undecodable(log)) for jail in self.jails]
        return effects

    def _wanted(self, chunk: bytes, lines: int, now: float) -> Iterable[tuple[Parts, Sequence[Jail]]]:
        """Return the lines of a chunk that may matter, one by one, and the jails that want each."""
        read, jails = self.reader.read, self.jails
        filters = [jail.filter for jail in jails]
        if filters != self._sieve.filters:
            self._sieve = Sieve(self.reader, filters)
        starts = self._sieve.starts(chunk, lines)
        if starts is None:
            return zip(read(self.reader.texts(chunk), now), repeat(jails))
        masks = [mask for _, mask in starts]
        chosen = {mask: [jail for at, jail in enumerate(jails) if mask >> at & 1] for mask in {*masks}}
        texts = self.reader.picked(chunk, [start for start, _ in starts], now)
        return zip(read(texts, now), map(chosen.__getitem__, masks), strict=True)

    def _undecodable(self, log: str) -> tuple[str, ...]:
        return (
            f"{log} holds bytes that are not {self.reader.encoding}; they count as U+FFFD, the lines are matched",
            f"Set logencoding to what the log is written in. The line: {self.reader.undecodable!r}",
        )


class Volume:
    """How much a jail has read, since it was made."""

    __slots__ = ("bytes", "lines")

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0

    def add(self, lines: int, size: int) -> None:
        """Count what was read."""
        self.lines += lines
        self.bytes += size


class Engine:
    """All jails, and which of them reads which log."""

    def __init__(self) -> None:
        self.jails: dict[str, Jail] = {}
        self.volumes: dict[str, Volume] = {}
        self._logs: dict[tuple[str, object], dict[DateKey, Route]] = {}
        """By the log and who follows it: two may, each from where its own jails stand."""

    def add(self, jail: Jail) -> None:
        """Take a jail in; it reads nothing until it is told to `listen`."""
        self.jails[jail.name] = jail
        self.volumes[jail.name] = Volume()

    def remove(self, name: str) -> Jail:
        """Let a jail go, with all that it reads."""
        for log, follower in list(self._logs):
            self.leave(log, name, follower)
        del self.volumes[name]
        return self.jails.pop(name)

    def listen(self, log: str, name: str, follower: object = None) -> None:
        """Let a jail hear what `follower` reads of a log from now on. Harmless if it does already."""
        jail = self.jails[name]
        routes = self._logs.setdefault((log, follower), {})
        key = date_key(jail.spec)
        route = routes.get(key)
        if route is None:
            route = routes[key] = Route(line_reader(jail.spec))
        if jail not in route.jails:
            route.jails.append(jail)

    def leave(self, log: str, name: str, follower: object = None) -> None:
        """Let a jail hear no longer what `follower` reads of a log."""
        routes = self._logs.get((log, follower), {})
        for key, route in list(routes.items()):
            route.jails = [jail for jail in route.jails if jail.name != name]
            if not route.jails:
                del routes[key]
        if not routes:
            self._logs.pop((log, follower), None)

    def feed(self, log: str, chunk: bytes, now: float, live: bool, follower: object = None) -> list[Effect]:
        """Return what follows from a chunk of whole lines of a log that `follower` read, in their order."""
        effects: list[Effect] = []
        lines = chunk.count(b"\n")
        for route in self._logs.get((log, follower), {}).values():
            for jail in route.jails:
                self.volumes[jail.name].add(lines, len(chunk))
            effects += route.feed(log, chunk, lines, now, live)
        return effects

    def entry(self, name: str, text: str, time: float, now: float, live: bool) -> list[Effect]:
        """Return what follows from a journal entry, written at `time`, for the jail that reads the journal."""
        stamp = wall.strftime("%Y-%m-%dT%H:%M:%S ", wall.localtime(time))
        return _guarded(self.jails[name], journal_line(text, time, stamp), now, live)

    def line(self, name: str, line: Line, now: float) -> list[Effect]:
        """Return what follows for a jail from an old line, read and dated elsewhere."""
        return _guarded(self.jails[name], line, now, False)

    def hear(self, effects: Sequence[Effect], now: float) -> list[Effect]:
        """Return what follows for jails that listen to others, what follows from that, and so on."""
        listeners = [jail for jail in self.jails.values() if jail.listens]
        found: list[Effect] = []
        new = effects if listeners else ()
        for _ in self.jails:  # jails that listen to each other would never come to an end
            new = [
                effect
                for event in new
                if isinstance(event, Found | Ban) and not (isinstance(event, Ban) and event.restored)
                for jail in listeners
                if jail.name != event.jail
                for effect in jail.hear(event, now)
            ]
            found += new
        return found

    def tick(self, now: float) -> list[Effect]:
        """Return what the passing of time brings: bans that end."""
        return [effect for jail in self.jails.values() for effect in jail.tick(now)]

    def next_end(self) -> float | None:
        """Return when the next ban ends, or None if none does."""
        ends: Iterable[float | None] = (jail.ledger.next_end() for jail in self.jails.values())
        return min((end for end in ends if end is not None), default=None)


_line = partial(tuple.__new__, Line)
"""`Line._make`, at a tenth of its price: it is called for every line."""


def _guarded(jail: Jail, line: Line, now: float, live: bool) -> list[Effect]:
    """Feed one jail; what goes wrong in it costs it this line, and the other jails nothing."""
    try:
        return jail.feed(line, now, live)
    except Exception as error:  # noqa: BLE001 - a fault in one filter must not stop the others
        return _faulty(jail, line, error, now)


def _faulty(jail: Jail, line: Line, error: Exception, now: float) -> list[Effect]:
    """Return what follows from a line that a jail could not take."""
    if isinstance(error, Runaway):
        return jail.lose(error, line.raw, now)
    return [Broke(jail.name, line.raw, f"{type(error).__name__}: {error}")]


def date_key(spec: JailSpec) -> DateKey:
    """Return what decides how a jail reads bytes and dates: jails with equal keys can share a reader."""
    return spec.logencoding, date_patterns(spec.filter), spec.logtimezone


def line_reader(spec: JailSpec) -> LineReader:
    """Make a jail's reader. Raises ConfigError for a date pattern, time zone or encoding that is none."""
    encoding, patterns, timezone = date_key(spec)
    return LineReader(dates(patterns, timezone), encoding)
