"""Counting with `counting = window`: failures of the last findtime, exactly, where Fail2Ban estimates a rate."""

from __future__ import annotations

from bisect import bisect_right, insort

from f2b.ban.counter import Counter, Tally
from f2b.events import Failure


class Window(Counter):
    """Counts the failures that are less than findtime older than the newest one, in whatever order they come."""

    __slots__ = ()

    def _add(self, tally: Tally | None, failure: Failure, time: float) -> Tally:
        if tally is None or tally.last <= time - self.findtime:
            return self._begin(failure, time)._replace(times=self._worth(time, failure.attempts))
        times = [*(tally.times or (tally.last,) * min(tally.retry, self.maxretry))]  # counted as a rate until now
        for when in self._worth(time, failure.attempts):
            insort(times, when)
        within = tuple(times[bisect_right(times, times[-1] - self.findtime) :])
        matches = self._newest(tally.matches + failure.matches)
        return Tally(within[0], within[-1], len(within), tally.failures + 1, tally.seen, matches, within)

    def _more(self, tally: Tally, attempts: int) -> Tally:
        return self._add(tally, tally.seen._replace(attempts=attempts, matches=()), tally.last)

    def _worth(self, time: float, attempts: int) -> tuple[float, ...]:
        return (time,) * min(attempts, self.maxretry)
