"""What a date says: from the fields that a pattern caught to seconds since the epoch.

Log dates leave things out: the year, the day, the zone. The clock reading `now` fills them in, so what a text
means depends on when it is read; an `Instant` says for which readings it holds and may be remembered that long.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, timedelta

from f2b.date.formats import DAY_NAMES, DAYS, MONTH_NAMES, MONTHS
from f2b.date.zone import offset
from f2b.named import NamedTuple

DAY_S = 86400
SLOT_S = 900
"""No zone changes its offset from UTC within a quarter of an hour that begins at a multiple of it."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MONTH = {name: number for names in (MONTHS, MONTH_NAMES) for number, name in enumerate(names, 1)}
_WEEKDAY = {name: number for names in (DAYS, DAY_NAMES) for number, name in enumerate(names)}

Fields = Mapping[str, str | None]


class Instant(NamedTuple):
    """A time, and the clock readings (`since` <= now < `until`) for which the text means it."""

    time: float | None
    since: float = float("-inf")
    until: float = float("inf")


NEVER = Instant(None)


class Wall(NamedTuple):
    """The local date on the wall, good for `since` <= now < `until`."""

    since: float
    until: float
    today: date


def wall(now: float) -> Wall:
    """Return what the wall says at `now`, epoch seconds."""
    since = now - now % SLOT_S
    local = time.localtime(since)
    return Wall(since, since + SLOT_S, date(local.tm_year, local.tm_mon, local.tm_mday))


def instant(fields: Fields, at: Wall, now: float, east: int | None) -> Instant:
    """Return the time that the fields name, read at `now`; `east` is the zone where they name none (None: local).

    Its time is None for what no calendar has (30 February, 24:00, a zone nobody knows).
    """
    try:
        clock = _clock(fields)
        zone = _zone(fields, east)
        day, year_known, day_known = _day(fields, at.today)
        moment = _epoch(day, clock, zone)
        if year_known and day_known:
            return Instant(moment)
        # A date may lie a day ahead (its zone may), a time of day not at all.
        turn = moment - DAY_S if day_known else moment
        if turn <= now:
            return Instant(moment, max(turn, at.since), at.until)
        before = day.replace(year=day.year - 1) if day_known else day - timedelta(1)
        return Instant(_epoch(before, clock, zone), at.since, min(turn, at.until))
    except (ValueError, OverflowError):
        return Instant(None, at.since, at.until)


def _clock(fields: Fields) -> int:
    """Return the seconds since midnight."""
    hour = _hour(fields)
    minute = int(fields.get("M") or 0)
    second = int(fields.get("S") or 0)
    if hour > 23 or second > 59:
        raise ValueError("no such time of day")
    return hour * 3600 + minute * 60 + second


def _hour(fields: Fields) -> int:
    twelve = fields.get("I") or fields.get("l")
    if twelve is None:
        return int(fields.get("H") or fields.get("k") or 0)
    hour = int(twelve)
    if hour > 12:
        raise ValueError("no such hour")
    afternoon = (fields.get("p") or "").lower() == "pm"
    return hour % 12 + (12 if afternoon else 0)


def _zone(fields: Fields, east: int | None) -> int | None:
    """Return the zone's seconds east of UTC; None for local time."""
    text = fields.get("z") or fields.get("Z")
    if not text:
        return east
    named = offset(text)
    if named is None:
        raise ValueError("no such zone")
    return named


def _day(fields: Fields, today: date) -> tuple[date, bool, bool]:
    """Return the day, today's parts where it says none, and whether it says its year, and its day."""
    year = _year(fields)
    known = year is not None
    if year is None:
        year = today.year
    month = _month(fields)
    text = fields.get("d")
    if month is not None or text is not None:
        if month is None or text is None:
            raise ValueError("a month without a day, or a day without a month")
        return date(year, month, int(text)), known, True
    counted = _counted(fields, year)
    if counted is not None:
        return counted, known, True
    return today.replace(year=year), known, False


def _year(fields: Fields) -> int | None:
    text = fields.get("Y")
    if text is not None:
        return int(text)
    text = fields.get("y")
    return None if text is None else 2000 + int(text)


def _month(fields: Fields) -> int | None:
    text = fields.get("m")
    if text is not None:
        return int(text)
    text = fields.get("b") or fields.get("B")
    return None if text is None else _MONTH[text.lower()]


def _counted(fields: Fields, year: int) -> date | None:
    """Return the day that is given by its number in the year, or by its week and weekday."""
    text = fields.get("j")
    first = date(year, 1, 1)
    if text is not None:
        return first + timedelta(int(text) - 1)
    weekday = _weekday(fields)
    if weekday is None:
        return None
    week = fields.get("W")
    if week is not None:  # weeks begin on Monday; week 1 is that of the year's first Monday
        return first + timedelta((7 - first.weekday()) % 7 + 7 * (int(week) - 1) + weekday)
    week = fields.get("U")
    if week is not None:  # weeks begin on Sunday
        return first + timedelta((6 - first.weekday()) % 7 + 7 * (int(week) - 1) + (weekday + 1) % 7)
    return None


def _weekday(fields: Fields) -> int | None:
    text = fields.get("w")
    if text is not None:
        return (int(text) - 1) % 7
    text = fields.get("a") or fields.get("A")
    return None if text is None else _WEEKDAY[text.lower()]


def _epoch(day: date, clock: int, zone: int | None) -> float:
    if zone is not None:
        return float((day.toordinal() - _EPOCH_DAY) * DAY_S + clock - zone)
    minutes, second = divmod(clock, 60)
    hour, minute = divmod(minutes, 60)
    return time.mktime((day.year, day.month, day.day, hour, minute, second, 0, 0, -1))
