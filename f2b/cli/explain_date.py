"""Where a line's date stands, what it says, and how old that looks: a part of `f2b explain --line`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from f2b import duration
from f2b.date.bracket import dates
from f2b.date.drift import hours_off, zone
from f2b.date.zone import configured
from f2b.errors import ConfigError
from f2b.jail import ODD_S
from f2b.named import NamedTuple

_ZONES = "UTC", "UTC+0300"
"""A date that both of them leave alone names its own zone."""


class Dated(NamedTuple):
    """The date of a line."""

    start: int
    end: int
    written: str
    time: float | None
    """None for what no calendar has."""
    pattern: str
    """Which date pattern found it."""
    now: float
    east: int | None
    """How far east of Greenwich the log is taken to be, in seconds; None if the date names its zone."""

    @property
    def age(self) -> float | None:
        """Seconds from the date to now."""
        return None if self.time is None else self.now - self.time

    @property
    def hours(self) -> float | None:
        """By how many hours it is behind, if that looks like a time zone."""
        return None if self.time is None else hours_off(self.time, self.now)

    @property
    def zone(self) -> str:
        """The `logtimezone` that would make it fit; empty if that is not the matter."""
        return zone(self.hours, self.east) if self.hours and self.east is not None else ""

    def entry(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "start": self.start,
            "end": self.end,
            "written": self.written,
            "time": self.time,
            "age": self.age,
            "pattern": self.pattern,
            "hours_off": self.hours,
            "zone": self.zone or None,
        }

    def notes(self, findtime: float | None) -> list[str]:
        """Return what is odd about it, in sentences; `findtime` is the jail's."""
        if self.age is None:
            return ["there is no such date, so the line counts as undated"]
        if abs(self.age) <= ODD_S:
            return []
        found = []
        if self.hours:
            side = "behind" if self.hours > 0 else "ahead"
            cure = f"set logtimezone = {self.zone}" if self.zone else "the clock that wrote it is wrong"
            what = f"it is {abs(self.hours):g} h {side}, which looks like a time zone"
            found.append(f"{what}: if it was written just now, {cure}")
        found.append("in a log that is followed it counts as written when it is read")
        if findtime is not None and self.age > findtime:
            old = f"older than findtime ({duration.human(findtime)}): read at the server's start it is passed over"
            found[-1] = f"{found[-1]}; it is {old}"
        return found


def dated(patterns: Sequence[str], timezone: str | None, text: str, now: float) -> Dated | None:
    """Return the date that these patterns find in a line, read at `now`; None if there is none."""
    year = time.localtime(now).tm_year
    reader = dates(patterns, timezone, year)
    stamp = reader.read(text, now)
    if stamp is None or stamp.implied:
        return None
    name = next((template.name for template in reader.templates if template.hits), "")
    both = [dates(patterns, zone, year).read(text, now) for zone in _ZONES]
    floating = both[0] is not None and both[1] is not None and both[0].time != both[1].time
    east = _east(timezone, now) if floating else None
    return Dated(stamp.start, stamp.end, text[stamp.start : stamp.end], stamp.time, name, now, east)


def _east(timezone: str | None, now: float) -> int:
    try:
        return time.localtime(now).tm_gmtoff if timezone is None else configured(timezone)
    except ConfigError:
        return 0
