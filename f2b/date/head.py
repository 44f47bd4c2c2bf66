"""What lines begin with while a second lasts: their date is known without a search.

A date of a default pattern at the line's begin depends on nothing that comes after it, if a blank and a word follow
that are no part of any date. So all lines that begin with the same characters, up to that word, have the same date.
"""

from __future__ import annotations

import re

from f2b.date.crowd import default
from f2b.date.pattern import Pattern
from f2b.date.template import MEMO_SIZE, Known

AFTER = 4
"""Characters behind a date that must be the same, too."""
_WORD = re.compile(r" (?!UTC|GMT|Z\W)[A-Z_]..", re.IGNORECASE | re.DOTALL)
"""So many, of which none continues a date: a zone or a year would."""


class Heads:
    """The begins of lines whose dates one pattern has found."""

    __slots__ = ("_fit", "known", "length")

    def __init__(self, pattern: Pattern | None) -> None:
        """None: nothing can be learnt."""
        self.length = 0
        """Of every begin, in characters; 0 while none is known."""
        self.known: dict[str, Known] = {}
        self._fit = pattern is not None and pattern.first and default(pattern)

    def learn(self, found: re.Match[str], known: Known) -> None:
        """Take note of what a match in a line means."""
        end = found.end() + AFTER
        if not self._fit or end != (self.length or end) or _WORD.match(found.string, found.end()) is None:
            return
        self.length = end
        if len(self.known) >= MEMO_SIZE:
            self.known.clear()
        self.known[found.string[:end]] = known
