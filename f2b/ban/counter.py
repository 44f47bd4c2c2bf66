"""Counting: how many failures somebody has, and when it is too many.

Fail2Ban's count is a rate, not a window: when the first failure is older than findtime, what was counted so far is
scaled to the share of it that fits into findtime (findtime 600, failures at 0, 1, 2, 3 and 602: 4 scaled to 4, plus
one). Where Fail2Ban leaves an entry without failures within findtime to a purge that may be 20 s late, we drop it
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

from f2b.events import Failure
from f2b.named import NamedTuple

MOST = 100_000
"""Ids that are counted at once; beyond, whoever did not fail for longest is forgotten."""
PURGED = 5_000
"""Of so many a purge sees whether they still count: with 100,000 nobody would be answered meanwhile."""
KEPT = 16_384
"""Characters of a log line, or of what a regex caught in it, that are kept for actions."""


class Tally(NamedTuple):
    """What was counted for somebody."""

    first: float
    """When the count begins; moves on as the count is scaled."""
    last: float
    """The latest failure."""
    retry: int
    """What decides: scaled to findtime."""
    failures: int
    """What people are told: never scaled."""
    seen: Failure
    """The first failure, whose captures actions get."""
    matches: tuple[str, ...]
    """The newest log lines, oldest first."""
    times: tuple[float, ...] = ()
    """When the failures were that count, where each counts by itself (`ban.window`)."""


class Counter:
    """The failures of everybody who is not banned for them yet, counted as a rate."""

    __slots__ = ("_purged", "_tallies", "findtime", "forgotten", "maxmatches", "maxretry", "most", "total")

    def __init__(self, maxretry: int, findtime: float, maxmatches: int) -> None:
        self.maxretry = maxretry
        self.findtime = findtime
        self.maxmatches = maxmatches
        self.total = 0
        self.most = MOST
        """Ids that are counted at once."""
        self.forgotten = 0
        """How many were forgotten since there were more."""
        self._tallies: dict[str, Tally] = {}
        """Whoever failed last at the end."""
        self._purged = 0
        """Where the next purge begins."""

    def __len__(self) -> int:
        return len(self._tallies)

    def __contains__(self, key: object) -> bool:
        return key in self._tallies

    def add(self, failure: Failure, time: float) -> Tally | None:
        """Count a failure at `time`; return the tally, which is then forgotten, if it reached maxretry."""
        key = failure.id
        return self._keep(key, self._add(self._tallies.get(key), failure, time))

    def more(self, key: str, attempts: int) -> Tally | None:
        """Let the last failure of an id weigh more, if it is still counted; return the tally as `add` does."""
        tally = self._tallies.get(key)
        return self._keep(key, self._more(tally, attempts)) if tally else None

    def _keep(self, key: str, tally: Tally) -> Tally | None:
        self.total += 1
        self._tallies.pop(key, None)
        if tally.retry >= self.maxretry:
            return tally
        self._tallies[key] = tally
        if len(self._tallies) > self.most:
            self._shed()
        return None

    def _shed(self) -> None:
        """Forget some, not one each time: finding the first of a dict whose first ones went takes long."""
        gone = list(islice(self._tallies, len(self._tallies) - self.most + self.most // 50))
        for key in gone:
            del self._tallies[key]
        self.forgotten += len(gone)

    def _add(self, tally: Tally | None, failure: Failure, time: float) -> Tally:
        if tally is None or tally.last <= time - self.findtime:
            return self._begin(failure, time)
        first, last, retry, failures, seen, matches, _ = tally
        if time > last:
            if first < time - self.findtime:
                retry = round(retry / (time - first) * self.findtime)
                first = time - self.findtime
            last = time
        newest = self._newest(matches + failure.matches)
        return _tally((first, last, retry + failure.attempts, failures + 1, seen, newest, ()))

    def _begin(self, failure: Failure, time: float) -> Tally:
        return _tally((time, time, failure.attempts, 1, lean(failure), self._newest(failure.matches), ()))

    def _more(self, tally: Tally, attempts: int) -> Tally:
        return tally._replace(retry=tally.retry + attempts, failures=tally.failures + 1)

    def _newest(self, matches: tuple[str, ...]) -> tuple[str, ...]:
        return _cut(matches[-self.maxmatches :] if self.maxmatches > 0 else ())

    def purge(self, now: float) -> None:
        """Forget who has no failure within findtime: the next PURGED of all are looked at.

        While some are over they are taken from the beginning, where whoever failed longest ago stands.
        """
        horizon = now - self.findtime
        looked = list(islice(self._tallies.items(), self._purged, self._purged + PURGED))
        over = [key for key, tally in looked if tally.last <= horizon]
        for key in over:
            del self._tallies[key]
        self._purged = 0 if over or len(looked) < PURGED else self._purged + PURGED

    def forget(self, key: str) -> None:
        """Start from zero for this id."""
        self._tallies.pop(key, None)

    def tally(self, key: str) -> Tally | None:
        """Return what is counted for this id now."""
        return self._tallies.get(key)

    def tallies(self) -> dict[str, Tally]:
        """Return all that is counted now, by id (a copy)."""
        return dict(self._tallies)

    def restore(self, tallies: dict[str, Tally]) -> None:
        """Go on from what an earlier server counted."""
        self._tallies.update(tallies)


def lean(failure: Failure) -> Failure:
    """Return a failure whose lines and captures are no longer than what is kept; the id stays whole."""
    caught = failure.captures.values()
    for text in (*failure.matches, *caught):
        if len(text) > KEPT or not isinstance(text, str):
            break
    else:
        return failure  # nearly every one
    captures = {name: text[:KEPT] if isinstance(text, str) else _cut(text) for name, text in failure.captures.items()}
    return failure._replace(matches=_cut(failure.matches), captures=captures)


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    for line in lines:
        if len(line) > KEPT:
            return tuple(line[:KEPT] for line in lines)
    return tuple(lines)


_tally = partial(tuple.__new__, Tally)
"""`Tally._make`, at a fifth of its price: a flood is counted line by line."""
