"""How many hosts have which count: median and deviation of all of them, whatever their number."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import merge


class Histogram:
    """The counts of many, as a table from a count to how many have it."""

    __slots__ = ("_counts", "_members", "total")

    def __init__(self) -> None:
        self._members: dict[int, int] = {}
        self._counts: list[int] = []
        """The counts that somebody has, in order."""
        self.total = 0

    def add(self, count: int) -> None:
        """Take one more in."""
        if count in self._members:
            self._members[count] += 1
        else:
            self._members[count] = 1
            insort(self._counts, count)
        self.total += 1

    def remove(self, count: int) -> None:
        """Let one go that is there."""
        self._members[count] -= 1
        self.total -= 1
        if not self._members[count]:
            del self._members[count]
            del self._counts[bisect_left(self._counts, count)]

    def move(self, old: int, new: int) -> None:
        """Let one who had one count have another."""
        if old != new:
            self.add(new)
            self.remove(old)

    def median(self) -> float:
        """Return the median; there must be somebody."""
        return self._middle((count, self._members[count]) for count in self._counts)

    def deviation(self, median: float) -> float:
        """Return the median of the distances from the median."""
        at = bisect_left(self._counts, median)
        below = ((median - count, self._members[count]) for count in reversed(self._counts[:at]))
        above = ((count - median, self._members[count]) for count in self._counts[at:])
        return self._middle(merge(below, above))

    def _middle(self, ordered: Iterator[tuple[float, int]]) -> float:
        """Return the median of values, each with how often it is there."""
        half, seen = self.total / 2, 0
        lower: float | None = None
        for value, members in ordered:
            seen += members
            if lower is not None:
                return (lower + value) / 2
            if seen > half:
                return value
            if seen == half:
                lower = value
        raise ValueError("nobody is there")
