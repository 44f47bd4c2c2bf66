"""Which lines of a chunk can matter, found by looking for needles in its bytes before anything is decoded.

One pass of `bytes.rfind` for each needle is far quicker than a look at each line. A line without a needle of a filter
cannot match it (`cover`); which needle stands in which line decides which of several filters gets to see it.
"""

from __future__ import annotations

from collections.abc import Sequence

from f2b.filter.cover import Needle, cover
from f2b.filter.literals import Clause

Regexes = tuple[tuple[Clause, ...], ...]
"""The clauses of each regex of a filter."""
ALL = -1
"""The mask of a line that every filter must see."""


class Scanner:
    """Finds the lines that matter to some filters, told apart by bits."""

    def __init__(self, filters: Sequence[Sequence[Sequence[Clause]] | None], sample: bytes = b"") -> None:
        """Take the clauses of the regexes of each filter (None: it must see every line), and a piece of the log."""
        self.always = 0
        """The filters that must see every line: those without a needle to look for."""
        self._plain: dict[bytes, int] = {}
        self._folded: dict[bytes, int] = {}
        known: dict[Regexes, list[Needle] | None] = {}
        """Of a hundred jails many have the same filter, and choosing takes milliseconds for each."""
        for number, regexes in enumerate(filters):
            key = None if regexes is None else tuple(map(tuple, regexes))
            if key is not None and key not in known:
                known[key] = cover(key, sample)
            needles = None if key is None else known[key]
            if needles is None:
                self.always |= 1 << number
            for needle in needles or ():
                self._add(needle, 1 << number)

    def _add(self, needle: Needle, bit: int) -> None:
        table = self._folded if needle.folded else self._plain
        text = needle.text.encode()
        table[text] = table.get(text, 0) | bit

    def lines(self, chunk: bytes) -> list[tuple[int, int]]:
        """Return where the lines that matter begin, in order, each with the bits of the filters that want it."""
        starts: dict[int, int] = {}
        for needle, mask in self._plain.items():
            _find(chunk, needle, mask, starts)
        if self._folded:
            lower = chunk.lower()
            for needle, mask in self._folded.items():
                _find(lower, needle, mask, starts)
        return sorted(starts.items())


def _find(chunk: bytes, needle: bytes, mask: int, starts: dict[int, int]) -> None:
    """Note the lines of a chunk that hold a needle, from the last to the first: `rfind` is the quicker way."""
    rfind = chunk.rfind
    at = rfind(needle)
    while at >= 0:
        start = rfind(b"\n", 0, at) + 1
        starts[start] = starts.get(start, 0) | mask
        at = rfind(needle, 0, start) if start else -1
