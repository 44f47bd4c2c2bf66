"""What happened lately, for the overview: who fails, the latest bans and troubles. Time is handed in. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

from f2b.cli.scoreboard import BAN, FOUND, Scoreboard, Suspect
from f2b.client import Event
from f2b.named import NamedTuple

KINDS = ("found", "ban", "unban", "prolong", "refused", "error", "down", "up")
LATEST = 20
"""So many events are listed, failures left out."""
MINUTES = 60
SUSPECTS = 10
MINUTE_S = 60
FRESH_S = 1.0


class Glance(NamedTuple):
    """Who fails now."""

    time: float
    rates: Mapping[str, tuple[int, int]]
    """How many failures and bans there were in the last minute, by jail."""
    suspects: Sequence[Suspect]
    """Who failed most in the last ten minutes."""


class Pulse:
    """Hears every event. For one thread."""

    def __init__(self) -> None:
        self._board = Scoreboard()
        self._glance = Glance(float("-inf"), {}, ())
        self._minutes: Counter[tuple[int, str]] = Counter()
        """Failures and bans by the minute."""
        self.latest: deque[Event] = deque(maxlen=LATEST)

    def hear(self, events: Iterable[Event]) -> None:
        """Take events in."""
        for event in events:
            if event.event in (FOUND, BAN) and not event.details.get("restored"):
                self._board.take(event)
                self._minutes[int(event.time // MINUTE_S), event.event] += 1
            if event.event != FOUND and event.event != "gap":
                self.latest.append(event)

    def glance(self, now: float) -> Glance:
        """Return who fails; as of a moment ago, perhaps, for in a flood counting takes 10 ms."""
        if not 0 <= now - self._glance.time < FRESH_S:
            rates = {jail: (rate.failures, rate.bans) for jail, rate in self._board.rates(now).items()}
            self._glance = Glance(now, rates, self._board.suspects(now, SUSPECTS))
        return self._glance

    def minutes(self, now: float) -> Sequence[tuple[int, int, int]]:
        """Return the last hour's minutes (epoch seconds of each one's begin), each with its failures and bans."""
        last = int(now // MINUTE_S)
        for key in [key for key in self._minutes if key[0] <= last - 2 * MINUTES]:
            del self._minutes[key]
        span = range(last - MINUTES + 1, last + 1)
        return [(at * MINUTE_S, self._minutes[at, FOUND], self._minutes[at, BAN]) for at in span]
