"""The sieve: which lines of a log's chunks must be read at all.

It stands before `lines`, in bulk only: while a log grows line by line, every line is read. A big chunk is scanned
for what matches must contain (`filter/scan.py`), as long as all dates of this log have one form: a line that is not
read could have taught the date reader nothing then.
"""

from __future__ import annotations

from collections.abc import Sequence

from f2b.filter import Filter
from f2b.filter.scan import Scanner
from f2b.lines import LineReader

BULK = 1024
"""Bytes of a chunk from which on a scan is worth it: less than what a backlog is read in at least."""
SAMPLE = 64 * 1024
"""Bytes of a log by which needles are chosen."""
DENSE = 0.6
"""The share of lines from which on reading all of them is quicker than picking."""
DENSE_CHUNKS = 8
"""So many chunks are read whole before the next look whether that is still so."""
WORSE = 0.03
"""The needles are chosen anew once a chunk has that many more lines to read, as a share of all, than when chosen."""


class Sieve:
    """What the filters of one log want to see of it."""

    def __init__(self, reader: LineReader | None, filters: Sequence[Filter]) -> None:
        """Take the log's reader (None: its lines need no date) and its filters; their bits are 1, 2, 4, ..."""
        self._reader = reader
        self.filters = filters
        self._scanner: Scanner | None = None
        self._share = 0.0
        """Of all lines, those to be read when the needles were chosen."""
        self._rest = 0
        """So many chunks are still to be read whole."""

    def starts(self, chunk: bytes, lines: int = 0) -> list[tuple[int, int]] | None:
        """Return where the lines to be read begin, each with the filters that want it; None: read all, for all.

        `lines`: how many there are, if the caller knows.
        """
        if len(chunk) < BULK or not self._predictable():
            return None
        if self._rest:
            self._rest -= 1
            return None
        lines = lines or count(chunk)
        known = self._scanner
        scanner = known or self._choose(chunk)
        if scanner.always:
            return None
        starts = scanner.lines(chunk)
        share = len(starts) / lines
        if known is None:
            self._share = share
        elif share > self._share + WORSE:
            starts = self._choose(chunk).lines(chunk)
            share = self._share = len(starts) / lines
        if share > DENSE:
            self._rest = DENSE_CHUNKS
            return None
        return starts

    @property
    def resting(self) -> bool:
        """Whether the next chunk is to be read whole, whatever it holds."""
        return self._rest > 0

    def _predictable(self) -> bool:
        """Whether lines can be left out without changing how others are read."""
        reader = self._reader
        return reader is None or (reader.ascii and reader.dates.steady)

    def _choose(self, chunk: bytes) -> Scanner:
        self._scanner = Scanner([filter_.needs() for filter_ in self.filters], chunk[:SAMPLE])
        return self._scanner


def count(chunk: bytes) -> int:
    """Return how many lines a chunk of whole lines has: in a tenth of the time that `bytes.count` takes to 3.11."""
    return len(chunk) - len(chunk.replace(b"\n", b""))
