"""The dates of HTTP access logs, `[21/Nov/2026:10:00:00 +0000] "`, found without a regex once they are known.

No client's text can stand for the bracket and the quote behind it: before the request line, quotes are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from f2b.date.reader import STEADY, DateReader
from f2b.date.template import Stamp

CLF = "%d/%b/%Y:%H:%M:%S %z"
"""The date of the common log format, as a pattern."""
PATTERN = rf'^[^"\\]*(?:\\.[^"\\]*)*\[{CLF}\] "'
"""Where it stands in a line."""
FENCED = rf'^[^"]*\[({CLF})\] "'
"""The same for filters of regexes: before the line's first quote, cut out without its brackets."""
MEMORY = 1000
"""So many dates are remembered, then all are forgotten. A second's lines share one."""

_END = '] "'
_WHOLE = re.compile(r"\[\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}").fullmatch


class _Known(DateReader):
    """Remembers what the dates between brackets came to."""

    begins = False

    def __init__(self, patterns: Sequence[str], timezone: str | None = None, year: int = 0) -> None:
        """Take what `DateReader` takes."""
        super().__init__(patterns, timezone, year)
        self._known: dict[str, float] = {}
        self._quick = 0

    @property
    def steady(self) -> bool:
        """Whether lines are dated alike: what is cut out stands between brackets, so no words are joined."""
        return self._quick >= STEADY or super().steady

    def _remember(self, written: str, time: float) -> None:
        if len(self._known) >= MEMORY:
            self._known.clear()
        self._known[written] = time


class AccessDates(_Known):
    """Reads the dates of an access log; PATTERN is one of its patterns."""

    def read(self, text: str, now: float) -> Stamp | None:
        """Return the date of a line, as `DateReader` does."""
        end = text.find(_END)
        start = text.rfind("[", 0, end) if end > 0 else -1
        if start < 0:
            return super().read(text, now)
        written = text[start:end]
        time = self._known.get(written)
        if time is not None:
            self._quick += 1
            return Stamp(start, end + 1, time)
        stamp = super().read(text, now)
        if stamp is not None and stamp.time is not None and stamp.end == end + len(_END) and _WHOLE(written):
            self._remember(written, stamp.time)
        return stamp


class FencedDates(_Known):
    """Reads the dates of an access log for filters of regexes; FENCED is the first of its patterns."""

    def read(self, text: str, now: float) -> Stamp | None:
        """Return the date of a line, as `DateReader` does."""
        end = text.find('"') - 2
        start = text.rfind("[", 0, end) + 1 if end > 0 and text.startswith(_END, end) else 0
        if not start:
            return super().read(text, now)
        written = text[start:end]
        time = self._known.get(written)
        if time is not None:
            self._quick += 1
            return Stamp(start, end, time)
        stamp = super().read(text, now)
        if stamp is not None and stamp.time is not None and stamp[:2] == (start, end) and _WHOLE(f"[{written}"):
            self._remember(written, stamp.time)
        return stamp


def dates(patterns: Sequence[str], timezone: str | None = None, year: int = 0) -> DateReader:
    """Return who reads the dates that follow these patterns. Raises ConfigError."""
    if PATTERN in patterns:
        return AccessDates(patterns, timezone, year)
    return (FencedDates if patterns[:1] == (FENCED,) else DateReader)(patterns, timezone, year)
