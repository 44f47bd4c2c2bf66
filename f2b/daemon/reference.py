"""The files that filter types judge by: GeoIP databases, robots.txt, lists of addresses. Read again when they change.

A file that is gone, or is no good any more, goes on to say what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from f2b import net
from f2b.ban.allow import words
from f2b.config.model import Problem
from f2b.daemon.lists import Sign, sign
from f2b.errors import ConfigError
from f2b.filter import Filter
from f2b.filter.table import Lookup, Record, Rules, Table

MEMORY = 10_000
"""So many answers of a database are remembered, then all are forgotten: attackers come again."""

Tell = Callable[[str, str], object]
"""Tells with a level: WARNING, INFO."""

_CURE = {
    "geoip": "get GeoLite2 (geoipupdate) or DB-IP lite into /usr/share/GeoIP, or set database = FILE",
    "robots": "set robots = the site's robots.txt",
    "addresses": "have a timer or cron job write it",
}


class Reference:
    """What each file holds."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._signs: dict[tuple[str, str], Sign | None] = {}
        self._held: dict[tuple[str, str], Any] = {}
        self._faults: dict[tuple[str, str], tuple[str, str]] = {}
        """What was wrong with a file when it was read last, and the cure."""

    def refresh(self, filter_: Filter) -> list[Problem]:
        """Hand over to a filter what its files hold now; return what it cannot judge without."""
        wanted: Sequence[Table] = getattr(filter_, "tables", ())
        missing = [self._look(table) for table in wanted]
        return [problem for problem in missing if problem is not None]

    def _look(self, table: Table) -> Problem | None:
        path = next(filter(None, map(_existing, table.patterns)), "")
        if not path:
            shown = table.patterns[0] if len(table.patterns) == 1 else f"{table.patterns[0]} or the like"
            return self._missing(table, f"there is no {shown}", _CURE[table.kind])
        key = table.kind, path
        found = sign(path)
        if key not in self._signs or self._signs[key] != found:
            self._signs[key] = found
            self._read(table, path)
        table.content = self._held.get(key, table.content)
        return self._missing(table, *self._faults.get(key, ("", "")))

    def _missing(self, table: Table, what: str, cure: str) -> Problem | None:
        return Problem("error", what, cure, table.place) if table.content is None else None

    def _read(self, table: Table, path: str) -> None:
        key = table.kind, path
        try:
            self._held[key] = _READERS[table.kind](path)
            self._faults.pop(key, None)
        except ConfigError as error:
            self._faults[key] = error.what, error.cure
            if key in self._held:
                self._tell("WARNING", f"{error}; what it held before goes on to count")


def _existing(pattern: str) -> str:
    """Return the newest file that a path or a glob names (DB-IP's have a month in their names), or nothing."""
    folder, name = Path(pattern).parent, Path(pattern).name
    if "*" not in name:
        return pattern if Path(pattern).exists() else ""
    return max(map(str, folder.glob(name)), default="")


def open_database(path: str) -> Lookup:
    """Return how to look addresses up in a GeoIP database. Raises ConfigError."""
    try:
        import maxminddb  # 60 ms and 17 MB that only hosts with filters by origin need
    except ImportError:
        raise ConfigError("GeoIP databases need maxminddb", cure="pip install 'f2b[geoip]'") from None
    try:
        # In memory: a mapped file that somebody overwrites in place would end the server.
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}", cure=_CURE["geoip"]) from None
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigError(f"{path} is no GeoIP database: {error}", cure=_CURE["geoip"]) from None
    known: dict[str, Record | None] = {}

    def lookup(address: str) -> Record | None:
        if address not in known:
            if len(known) >= MEMORY:
                known.clear()
            known[address] = _record(reader, address)
        return known[address]

    return lookup


def _record(reader: Any, address: str) -> Record | None:
    try:
        found = reader.get(address)
    except (ValueError, RuntimeError):  # an IPv6 address in a database of IPv4; a torn file
        return None
    return found if isinstance(found, Mapping) else None


class _Robots:
    """A robots.txt by Protego; `*` is no agent's name to it, so that nobody can pose as everybody."""

    def __init__(self, rules: Any, groups: Sequence[str]) -> None:
        self._rules = rules
        self.groups = groups

    def can_fetch(self, target: str, agent: str) -> bool:
        """Return whether a group may fetch path and query."""
        return bool(self._rules.can_fetch(target, agent))


def _robots(path: str) -> Rules:
    """Return a robots.txt, understood. Raises ConfigError."""
    try:
        from protego import Protego  # an extra, and only the type robots needs it
    except ImportError:
        raise ConfigError("robots.txt needs protego", cure="pip install 'f2b[robots]'") from None
    text = _text(path, "robots")
    agents = {line.partition("#")[0].partition(":")[2].strip().lower() for line in text.splitlines() if _names(line)}
    return _Robots(Protego.parse(text), sorted(agents - {"*", ""}))


def _names(line: str) -> bool:
    return line.partition(":")[0].strip().lower() == "user-agent"


def _addresses(path: str) -> net.NetSet:
    """Return a list of addresses and networks; what is neither is passed over. Raises ConfigError."""
    known = map(net.network, words(_text(path, "addresses")))
    return net.NetSet(filter(None, known))


def _text(path: str, kind: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", cure=_CURE[kind]) from None


_READERS: Mapping[str, Callable[[str], Any]] = {"geoip": open_database, "robots": _robots, "addresses": _addresses}
