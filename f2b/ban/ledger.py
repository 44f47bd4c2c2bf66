"""The ledger: who is banned until when. What the kernel holds is compared with it, never the other way round."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from f2b import net
from f2b.events import Ban


class Ledger:
    """The bans in force, in the order of banning, and when the next of them ends."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        self._ends: list[tuple[float, int, str]] = []
        """Equal ends in the order of banning; some no longer hold, which is seen when they come due."""
        self._turn = itertools.count()

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._bans.values())

    def get(self, key: str) -> Ban | None:
        """Return the ban of this id, if it is banned."""
        return self._bans.get(key)

    def put(self, ban: Ban) -> None:
        """Add a ban, or replace the one of the same id."""
        self._bans[ban.id] = ban
        if ban.end != float("inf"):
            heapq.heappush(self._ends, (ban.end, next(self._turn), ban.id))

    def lift(self, key: str) -> Ban | None:
        """End the ban of this id; return it if there was one."""
        return self._bans.pop(key, None)

    def inside(self, network: str) -> list[Ban]:
        """Return the bans of this very id, or of what lies inside it if it is a network."""
        span = net.span(network) if "/" in network else None
        if span is None:
            exact = self._bans.get(network)
            return [exact] if exact else []
        family, first, last = span
        return [ban for ban in self if _within(ban.id, family, first, last)]

    def expire(self, now: float) -> list[Ban]:
        """End and return the bans that are over, the earliest end first."""
        over: list[Ban] = []
        while self._ends and self._ends[0][0] <= now:
            key = heapq.heappop(self._ends)[2]
            ban = self._bans.get(key)
            if ban and ban.end <= now:
                over.append(self._bans.pop(key))
        return over

    def next_end(self) -> float | None:
        """Return when the next ban ends, or None if none does."""
        while self._ends:
            end, _, key = self._ends[0]
            ban = self._bans.get(key)
            if ban and ban.end == end:
                return end
            heapq.heappop(self._ends)
        return None


def _within(key: str, family: int, first: int, last: int) -> bool:
    span = net.span(key)
    return span is not None and span[0] == family and first <= span[1] and span[2] <= last
