"""One thing that is measured: what is asked of it, and what came out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.program import Program


class Bench(NamedTuple):
    """What a measurement works with."""

    folder: Path
    """Its own, empty."""
    theirs: Program
    ours: Program
    runs: int
    share: float
    """How many of a row's usual lines, bans and seconds are used: 1 is all of them."""
    whole: bool
    """Fail2Ban, too, reads every log whole, which takes an hour."""

    def of(self, usual: int, least: int = 1) -> int:
        """Return how many to use where all of them are `usual`."""
        return max(least, round(usual * self.share))


class Measured(NamedTuple):
    """What came out, a number for each run."""

    theirs: Sequence[float]
    ours: Sequence[float]
    agree: str = ""
    """In what both gave the same answer, or how they differ."""
    remark: str = ""


class Row(NamedTuple):
    """A row of the table."""

    name: str
    title: str
    unit: str
    """`lines/s`: more is better, and the goals are ratios; else less is, and they are numbers of this unit."""
    least: float
    aim: float
    measure: Callable[[Bench], Measured]


class Outcome(NamedTuple):
    """A row, measured: medians."""

    theirs: float
    ours: float
    ratio: float
    """How many times better f2b is."""
    verdict: str


def outcome(row: Row, measured: Measured) -> Outcome:
    """Return what the runs come to, and whether it is what was asked for."""
    theirs = statistics.median(measured.theirs) if measured.theirs else float("nan")
    ours = statistics.median(measured.ours)
    ratio = ours / theirs if row.unit == "lines/s" else theirs / ours if ours else float("inf")
    if row.unit == "lines/s":
        reached, least = ratio >= row.aim, ratio >= row.least
    else:
        reached, least = ours <= row.aim, ours <= row.least
    return Outcome(theirs, ours, ratio, "aim" if reached else "yes" if least else "**no**")
