"""Bans counted: by day, jail, country, user name and hour of the week."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from f2b.events import Ban

Country = Callable[[str], str]
"""Returns the two letters of the country that an address is from; nothing if that is not known."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_S = 86_400
UNKNOWN = "?"


class Tally:
    """Numbers of bans. Days and hours are local time."""

    def __init__(self, bans: Iterable[Ban], country: Country | None = None) -> None:
        self.bans = 0
        self.first = self.last = 0.0
        """When the first and the last ban began, in epoch seconds."""
        self.by_day: Counter[str] = Counter()
        """`2026-11-21`: bans, each day from the first to the last, in order."""
        self.by_jail: Counter[str] = Counter()
        self.by_address: Counter[str] = Counter()
        self.by_country: Counter[str] = Counter()
        """Empty if no database of countries was given."""
        self.by_user: Counter[str] = Counter()
        """By the name that was tried, where a filter told."""
        self.by_hour: Counter[tuple[int, int]] = Counter()
        """By (weekday, hour), Monday being 0."""
        self._country = country
        for ban in bans:
            self._count(ban)
        self.by_day = Counter({day: self.by_day[day] for day in _days(self.first, self.last)} if self.bans else {})

    def _count(self, ban: Ban) -> None:
        moment = time.localtime(ban.time)
        self.first = min(self.first or ban.time, ban.time)
        self.last = max(self.last, ban.time)
        self.bans += 1
        self.by_day[_day(moment)] += 1
        self.by_jail[ban.jail] += 1
        self.by_address[ban.id] += 1
        self.by_hour[moment.tm_wday, moment.tm_hour] += 1
        if self._country:
            self.by_country[self._country(ban.host or ban.id) or UNKNOWN] += 1
        user = ban.captures.get("user")
        for name in (user,) if isinstance(user, str) else user or ():
            self.by_user[name] += 1

    def plain(self) -> dict[str, Any]:
        """Return all of it for a program; the most frequent first, days in order."""
        return {
            "bans": self.bans,
            "addresses": len(self.by_address),
            "first": self.first or None,
            "last": self.last or None,
            "by_day": dict(self.by_day),
            "by_jail": dict(self.by_jail.most_common()),
            "by_address": dict(self.by_address.most_common()),
            "by_country": dict(self.by_country.most_common()),
            "by_user": dict(self.by_user.most_common()),
            "by_hour": {day: [self.by_hour[at, hour] for hour in range(24)] for at, day in enumerate(DAYS)},
        }


def _day(moment: time.struct_time) -> str:
    return time.strftime("%Y-%m-%d", moment)


def _days(first: float, last: float) -> list[str]:
    """Return each day from one moment to another: noon by noon, since days may have 23 and 25 hours."""
    start, end = time.localtime(first), _day(time.localtime(last))
    days = [_day(start)]
    noon = time.mktime((*start[:3], 12, 0, 0, 0, 0, -1))
    while days[-1] < end:
        noon += DAY_S
        days.append(_day(time.localtime(noon)))
    return days
