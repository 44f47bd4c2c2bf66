"""What is told when: one message for each event while it is calm, a digest when it is not. Pure: time is handed in.

In no `window` are there more than `limit` messages. All but the last of them may tell of single events; the last is
for the digest of what came too thick. In quiet hours everything is gathered, and told when they are over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from f2b.named import NamedTuple
from f2b.notify.news import News

MOST_IDS = 10_000
"""Addresses that are counted each for itself; those beyond are still counted together."""
MOST_REASONS = 5
_DAY_S = 86400


class Quiet(NamedTuple):
    """Hours of local time in which nothing is sent; minutes since midnight. The same twice is never."""

    begin: int = 0
    end: int = 0

    def left_s(self, now: float) -> float:
        """Return for how many seconds it is still quiet; 0 if it is not."""
        clock = time.localtime(now)
        minute = clock.tm_hour * 60 + clock.tm_min
        length, passed = (self.end - self.begin) % 1440, (minute - self.begin) % 1440
        return (length - passed) * 60.0 - clock.tm_sec - now % 1 if passed < length else 0.0


class Digest(NamedTuple):
    """Many events together."""

    since: float
    until: float
    kinds: Mapping[str, int]
    jails: Mapping[str, int]
    """Bans by jail; and so on."""
    ids: Mapping[str, int]
    countries: Mapping[str, int]
    networks: Mapping[str, int]
    reasons: Sequence[str]
    """The first of those that errors gave."""


Letter = News | Digest


class Gathered:
    """What waits for the next digest."""

    def __init__(self, saved: Mapping[str, Any] | None = None) -> None:
        saved = saved or {}
        self.since: float | None = saved.get("since")
        self._counts = {name: Counter[str](saved.get(name, {})) for name in _COUNTED}
        self._reasons: list[str] = list(saved.get("reasons", ()))

    def add(self, each: News, now: float) -> None:
        self.since = now if self.since is None else self.since
        self._counts["kinds"][each.kind] += 1
        if each.kind == "ban":
            for name, what in (("jails", each.jail), ("countries", each.country), ("networks", each.network)):
                self._counts[name].update([what] if what else [])
            if each.id in self._counts["ids"] or len(self._counts["ids"]) < MOST_IDS:
                self._counts["ids"][each.id] += 1
        elif each.reason and len(self._reasons) < MOST_REASONS:
            whose = f"{each.jail}: " if each.jail else ""
            self._reasons.append(f"{whose}{each.reason}")

    def digest(self, now: float) -> Digest:
        return Digest(self.since or now, now, reasons=tuple(self._reasons), **self._counts)

    def saved(self) -> Mapping[str, Any]:
        return {"since": self.since, "reasons": self._reasons, **self._counts}


_COUNTED = ("kinds", "jails", "ids", "countries", "networks")


class Pace:
    """Decides. `saved` is what an earlier one left."""

    def __init__(self, limit: int, window: float, quiet: Quiet, saved: Mapping[str, Any] | None = None) -> None:
        saved = saved or {}
        self._limit = limit
        self._window = window
        self._quiet = quiet
        self._sent: list[float] = list(saved.get("sent", ()))
        self._gathered = Gathered(saved.get("gathered"))
        self._down: set[str] = set(saved.get("down", ()))
        """Jails that were told to be down; the others need not be told to be up."""

    def take(self, told: Iterable[News], now: float) -> list[Letter]:
        """Return what to send of these now; the rest waits."""
        letters: list[Letter] = []
        for each in told:
            if not self._matters(each):
                continue
            calm = self._gathered.since is None and not self._quiet.left_s(now)
            if calm and self._room(now) > 1:
                self._sent.append(now)
                letters.append(each)
            else:
                self._gathered.add(each, now)
        return letters + self.due(now)

    def due(self, now: float) -> list[Letter]:
        """Return the digest, if it is time for one."""
        wait = self.wait_s(now)
        if wait is None or wait > 0:
            return []
        digest, self._gathered = self._gathered.digest(now), Gathered()
        self._sent.append(now)
        return [digest]

    def wait_s(self, now: float) -> float | None:
        """Return in how many seconds a digest is due; None if nothing waits."""
        if self._gathered.since is None:
            return None
        whole = self._gathered.since + self._window - now
        room = 0.0 if self._room(now) > 0 else self._sent[-self._limit] + self._window - now
        return max(0.0, whole, room, self._quiet.left_s(now))

    def saved(self) -> Mapping[str, Any]:
        """Return what the next one needs, as JSON can say it."""
        return {"sent": self._sent, "gathered": self._gathered.saved(), "down": sorted(self._down)}

    def _room(self, now: float) -> int:
        self._sent = [sent for sent in self._sent if now - self._window < sent <= now]
        return self._limit - len(self._sent)

    def _matters(self, each: News) -> bool:
        """Whether to tell of it: that something works is no news unless it did not."""
        if each.kind == "down":
            self._down.add(each.jail)
        elif each.kind == "up":
            if each.jail not in self._down:
                return False
            self._down.discard(each.jail)
        return True
