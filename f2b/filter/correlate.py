"""The type correlate: hosts that show up in several jails, each time below the limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil

from f2b import net
from f2b.events import Ban, Failure, Found
from f2b.filter.judge import EventJudge
from f2b.filter.option import Options
from f2b.filter.recent import Recent

WINDOW_S = 3600.0
BAN = ".ban"
"""Behind a jail's name: its bans count, not its failures."""
_SCORE = re.compile(r"(.+):(\d+(?:\.\d+)?)")

Times = Mapping[str, tuple[float, ...]]
"""When a host got the points of each score, no more than it takes to reach the threshold."""


class Correlate(EventJudge):
    """Adds up what other jails find of a host."""

    def __init__(self, options: Options) -> None:
        options.require("scores", "write JAIL:POINTS, or JAIL.ban:POINTS for bans")
        options.require("threshold", "say how many points make one failure")
        self._points = dict(_scores(options))
        self.jails = frozenset(name.removesuffix(BAN) for name in self._points)
        self._threshold = options.number("threshold", 1.0)
        self._jails = options.integer("minjails", 2)
        self._window = options.seconds("window", WINDOW_S)
        self._known: Recent[str, Times] = Recent(self._window, options.maxhosts)
        self._why = ""

    def judge(self, event: Found | Ban) -> Failure | None:
        """Return the failure of a host that has enough points by now; its points are used up then."""
        name = event.jail + BAN if isinstance(event, Ban) else event.jail
        points = self._points.get(name)
        if points is None:
            return None
        host = event.seen or event.id if isinstance(event, Found) else event.id
        known = self._within(host, event.time)
        most = ceil(self._threshold / points)
        known[name] = (*known.get(name, ()), event.time)[-most:]
        total = sum(self._points[score] * len(times) for score, times in known.items())
        jails = {score.removesuffix(BAN) for score in known}
        self._why = f"{host} has {total:g} points from {', '.join(sorted(known))} within {self._window:g} s"
        if total < self._threshold or len(jails) < self._jails:
            self._known.put(host, known, event.time)
            return None
        self._known.pop(host)
        address = host if net.family(host) else None
        return Failure(host, address, event.time, (self._why,), {})

    def _within(self, host: str, time: float) -> dict[str, tuple[float, ...]]:
        """Return when a host got points within the window."""
        known = self._known.get(host, time) or {}
        recent = {score: tuple(at for at in times if at > time - self._window) for score, times in known.items()}
        return {score: times for score, times in recent.items() if times}

    def why(self, event: Found | Ban) -> str:
        """Say how many points the host has."""
        return self._why


def _scores(options: Options) -> list[tuple[str, float]]:
    found = []
    for word in options.words("scores"):
        score = _SCORE.fullmatch(word.value)
        if score is None or not float(score[2]):
            options.fault("scores", f"{word.value!r} is no score", "write JAIL:POINTS or JAIL.ban:POINTS", word.place)
        else:
            found.append((score[1], float(score[2])))
    return found
