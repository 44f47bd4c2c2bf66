"""The engine: chunks of logs in, effects out. `f2b serve`, `f2b replay` and `f2b demo` all drive this one.

A log that several jails watch is decoded and dated once for all jails that read its dates the same way.
"""

from __future__ import annotations

import time as wall
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat

from f2b.config.model import JailSpec
from f2b.date.bracket import dates
from f2b.events import Ban, Effect, Found, Line, Warned
from f2b.filter import Numbered
from f2b.filter.build import date_patterns
from f2b.filter.scan import ALL
from f2b.jail import Jail, Sifted
from f2b.lines import LineReader, journal_line
from f2b.sieve import Sieve, count

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
        """Return what follows from a chunk of so many lines for all its jails.

        All filters read the chunk, one after the other. Then what they found is judged line by line, for what one
        jail makes of it may concern another.
        """
        sifted: list[Sifted] = []
        groups = self._groups(chunk, lines, now, sifted)
        for at, jail in enumerate(self.jails):
            mine = [group for mask, group in groups.items() if mask >> at & 1]
            if mine:
                sifted += jail.sift(mine[0] if len(mine) == 1 else sorted(chain(*mine)), now, live)
        sifted.sort(key=_number)
        effects: list[Effect] = []
        for (_, line), jail, told, failures in sifted:
            effects += told
            effects += jail.judge(failures, line[1], now, live)
        if self.reader.undecodable is not None and now - self._told >= WARN_S:
            self._told = now
            effects += [Warned(jail.name, self._undecodable(log)) for jail in self.jails]
        return effects

    def _groups(self, chunk: bytes, lines: int, now: float, sifted: list[Sifted]) -> dict[int, list[Numbered]]:
        """Return the lines of a chunk that may matter, by the jails that want them; their bits are 1, 2, 4, ..."""
        jails, reader = self.jails, self.reader
        filters = [jail.filter for jail in jails]
        if filters != self._sieve.filters:
            self._sieve = Sieve(reader, filters)
        starts = self._sieve.starts(chunk, lines)
        if starts is None:
            texts = reader.texts(chunk)
            masks: Iterator[int] = repeat(ALL)
        else:
            texts = reader.picked(chunk, [start for start, _ in starts], now)
            masks = iter([mask for _, mask in starts])
        groups: dict[int, list[Numbered]] = {}
        for one in enumerate(reader.read(texts, now)):
            mask = next(masks)
            if not one[1][0] and reader.runaway:
                lost = reader.runaway, one[1][1], now
                sifted += [(one, jail, jail.lose(*lost), ()) for at, jail in enumerate(jails) if mask >> at & 1]
            elif mask in groups:
                groups[mask].append(one)
            else:
                groups[mask] = [one]
        return groups

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
        lines = count(chunk)
        for route in self._logs.get((log, follower), {}).values():
            for jail in route.jails:
                self.volumes[jail.name].add(lines, len(chunk))
            effects += route.feed(log, chunk, lines, now, live)
        return effects

    def entry(self, name: str, text: str, time: float, now: float, live: bool) -> list[Effect]:
        """Return what follows from a journal entry, written at `time`, for the jail that reads the journal."""
        stamp = wall.strftime("%Y-%m-%dT%H:%M:%S ", wall.localtime(time))
        return self.jails[name].feed(journal_line(text, time, stamp), now, live)

    def line(self, name: str, line: Line, now: float) -> list[Effect]:
        """Return what follows for a jail from an old line, read and dated elsewhere."""
        return self.jails[name].feed(line, now, False)

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


def _number(sifted: Sifted) -> int:
    return sifted[0][0]


def date_key(spec: JailSpec) -> DateKey:
    """Return what decides how a jail reads bytes and dates: jails with equal keys can share a reader."""
    return spec.logencoding, date_patterns(spec.filter), spec.logtimezone


def line_reader(spec: JailSpec) -> LineReader:
    """Make a jail's reader. Raises ConfigError for a date pattern, time zone or encoding that is none."""
    encoding, patterns, timezone = date_key(spec)
    return LineReader(dates(patterns, timezone), encoding)
