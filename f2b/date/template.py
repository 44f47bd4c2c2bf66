"""A pattern at work: it finds its date in a line, knows what it says, and remembers how it fared.

The last stage before `reader`, which chooses among templates.
"""

from __future__ import annotations

import re

from f2b.date.pattern import Pattern
from f2b.date.value import NEVER, Instant, Wall, instant
from f2b.errors import ConfigError
from f2b.named import NamedTuple
from f2b.runaway import Runaway

MEMO_SIZE = 200
"""How many texts a template remembers; then it forgets them all. A second's lines share one."""

_NEVER = re.compile(r"(?!)")
_TAI_DIGITS = slice(2, 17)


class Stamp(NamedTuple):
    """A date in a line: text[start:end] is what is cut out."""

    start: int
    end: int
    time: float | None
    """Seconds since the epoch; None for what no calendar has (30 February)."""
    implied: bool = False
    """The pattern says that the line needs no date: it counts as written now, or with the line before it."""


class Known(NamedTuple):
    """What a date means, and the clock readings (`since` <= now < `until`) for which it does."""

    stamp: Stamp
    since: float
    until: float


class Template:
    """One date pattern with its counters. The reader owns these and changes them."""

    __slots__ = ("_cut", "_find", "_known", "_within", "compiled", "hits", "pattern", "start", "used", "weight")

    def __init__(self, pattern: Pattern, weight: int = 1) -> None:
        self.weight = weight
        self.hits = 0
        self.start = -1
        """Where its last winning match began; -1 before the first."""
        self.used = float("-inf")
        """When it last won, by the clock."""
        self.change(pattern)

    def change(self, pattern: Pattern) -> None:
        """Take another year's regex for the same pattern. Raises ConfigError if it does not compile."""
        self.pattern = pattern
        try:
            self.compiled = re.compile(pattern.regex, pattern.flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(f"date pattern {pattern.text!r} makes no valid regex: {error}") from None
        self.wake()
        self._cut = 1 if self.compiled.groups else 0
        self._known: dict[str, Known] = {}

    @property
    def name(self) -> str:
        """Return the name that reports show."""
        return self.pattern.name

    @property
    def load(self) -> float:
        """Return what speaks for trying it early: its hits, and that it stands at the line's begin."""
        return self.hits * self.weight / max(1, self.start)

    def __str__(self) -> str:
        return f"the date pattern {self.pattern.text!r}"

    def rest(self) -> None:
        """Find no date until `wake`: lines count as undated."""
        self._find = self._within = _NEVER.search

    def wake(self) -> None:
        """Find dates (again)."""
        self._find = self.compiled.match if self.pattern.first else self.compiled.search
        self._within = self.compiled.search

    def find(self, text: str) -> re.Match[str] | None:
        """Return where its date stands in the line, if it has one. Raises Runaway; changes nothing."""
        try:
            return self._find(text)
        except Runaway as runaway:
            runaway.culprit = self
            raise

    def within(self, text: str, start: int, end: int) -> re.Match[str] | None:
        """Return its date if it stands in text[start:end]. Raises Runaway; changes nothing."""
        try:
            return self._within(text, start, end)
        except Runaway as runaway:
            runaway.culprit = self
            raise

    def stamp(self, found: re.Match[str], at: Wall, now: float, east: int | None) -> Known:
        """Return what a match means, read at `now`; `east` is the zone for dates that name none."""
        text = found.group()
        known = self._known.get(text)
        start = found.start(self._cut)
        if known is not None and known.stamp.start == start and known.since <= now < known.until:
            return known
        end = found.end(self._cut)
        if end <= start:
            return Known(Stamp(max(start, 0), max(start, 0), None, implied=True), now, now)
        moment = self._instant(found, at, now, east)
        known = Known(Stamp(start, end, moment.time), moment.since, moment.until)
        if len(self._known) >= MEMO_SIZE:
            self._known.clear()
        self._known[text] = known
        return known

    def _instant(self, found: re.Match[str], at: Wall, now: float, east: int | None) -> Instant:
        kind = self.pattern.kind
        if kind == "fields":
            return instant(found.groupdict(), at, now, east)
        number = found.groupdict().get("epoch") or found.group(self._cut)
        if kind == "seconds":
            return Instant(float(number))
        if kind == "long":
            return Instant(_long(number))
        if kind == "tai":
            return Instant(float(int(number[_TAI_DIGITS], 16)))
        return NEVER


def _long(number: str) -> float:
    """Return the seconds of 10 to 11 digits of seconds, or 3 more of milliseconds, or 6 more of microseconds."""
    whole = len(number.partition(".")[0])
    return float(number) / (1_000_000 if whole > 14 else 1000 if whole > 11 else 1)
