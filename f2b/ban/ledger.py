"""The ledger: who is banned until when. What the kernel holds is compared with it, never the other way round."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from itertools import islice

from f2b import net
from f2b.ban.packed import Bans, Brief, Remnant, Term
from f2b.events import Ban

_NEVER = float("inf")
SLOT_S = 64
"""Ends further away than this are not sorted yet: of a ban that is 8 bytes more in place of 100."""


class Ledger:
    """The bans in force, in the order of banning, and when the next of them ends."""

    def __init__(self) -> None:
        self._bans = Bans()
        self._near: list[tuple[float, int, str]] = []
        """A heap of ends before `_horizon`, equal ones in the order of banning; some no longer hold."""
        self._horizon = float("-inf")
        self._far: dict[int, list[str]] = {}
        """Who may be in for a later one, by slots of SLOT_S, in the order of banning."""
        self._slots: list[int] = []
        """A heap of these slots."""
        self._turn = itertools.count()

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._bans)

    def __contains__(self, ban: object) -> bool:
        return isinstance(ban, Ban) and self.get(ban.id) == ban

    def get(self, key: str) -> Ban | None:
        """Return the ban of this id, if it is banned."""
        return self._bans.get(key)

    def ids(self) -> Iterator[str]:
        """Yield who is banned, in the order of banning."""
        return self._bans.ids()

    def restored(self) -> Iterator[str]:
        """Yield who was banned already before the server started, in the order of banning."""
        return self._bans.restored()

    def terms(self) -> Iterator[Term]:
        """Yield who is banned, and until when, in the order of banning."""
        return self._bans.terms()

    def brief(self, key: str) -> Brief | None:
        """Return what lists tell of the ban of this id, if it is banned."""
        return self._bans.brief(key)

    def put(self, ban: Ban) -> None:
        """Add a ban, or replace the one of the same id."""
        self._bans.put(ban)
        self._expect(ban.id, ban.end)

    def take(self, jail: str, remnants: Sequence[Remnant]) -> None:
        """Add bans of an earlier server, or replace those of the same ids."""
        self._bans.take(jail, remnants)
        for one in remnants:
            self._expect(one.id, one.end)

    def _expect(self, key: str, end: float) -> None:
        """Note when somebody's ban ends."""
        if end < self._horizon:
            heapq.heappush(self._near, (end, next(self._turn), key))
        elif end != _NEVER:
            slot = int(end // SLOT_S)
            if slot in self._far:
                self._far[slot].append(key)
            else:
                self._far[slot] = [key]
                heapq.heappush(self._slots, slot)

    def keep(self, full: int) -> None:
        """Keep what led to a ban of the newest so many."""
        self._bans.full = full

    def cut(self, most: float) -> int:
        """Let go of the oldest beyond so many; return how many these were."""
        gone = list(islice(self.ids(), max(0, len(self) - int(most)))) if most < len(self) else []
        for key in gone:
            self._bans.pop(key)
        return len(gone)

    def lift(self, key: str) -> Ban | None:
        """End the ban of this id; return it if there was one."""
        return self._bans.pop(key)

    def inside(self, network: str) -> list[Ban]:
        """Return the bans of this very id, or of what lies inside it if it is a network."""
        span = net.span(network) if "/" in network else None
        if span is None:
            exact = self._bans.get(network)
            return [exact] if exact else []
        family, first, last = span
        begin = net.beginning(net.network(network) or "")
        near = (key for key in self._bans.ids() if key.startswith(begin))
        found = (self._bans.get(key) for key in near if _within(key, family, first, last))
        return [ban for ban in found if ban]

    def expire(self, now: float, most: float = float("inf")) -> list[Ban]:
        """End and return the bans that are over, or so many of them, the earliest end first."""
        over: list[Ban] = []
        while len(over) < most and (end := self.next_end()) is not None and end <= now:
            ended = self._bans.pop(heapq.heappop(self._near)[2])
            over += [ended] if ended else []
        return over

    def next_end(self) -> float | None:
        """Return when the next ban ends, or None if none does."""
        while self._near or self._slots:
            if not self._near:
                self._approach(heapq.heappop(self._slots))
                continue
            end, _, key = self._near[0]
            ban = self._bans.get(key)
            if ban and ban.end == end:
                return end
            heapq.heappop(self._near)
        return None

    def _approach(self, slot: int) -> None:
        """Sort the ends of the nearest slot; who was let in since, or prolonged, is no longer among them."""
        self._horizon = (slot + 1) * SLOT_S
        for key in self._far.pop(slot):
            ban = self._bans.get(key)
            if ban and ban.end < self._horizon:
                heapq.heappush(self._near, (ban.end, next(self._turn), key))


def _within(key: str, family: int, first: int, last: int) -> bool:
    span = net.span(key)
    return span is not None and span[0] == family and first <= span[1] and span[2] <= last
