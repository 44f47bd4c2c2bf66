"""What lines begin with while a second lasts: their date is known without a search.

A date of a default pattern at the line's begin depends on nothing that comes after it, if a blank and a word follow
that are no part of any date. So all lines that begin with the same characters, up to that word, have the same date.
"""

from __future__ import annotations

import re

from f2b.date.crowd import default
from f2b.date.template import MEMO_SIZE, Known, Template
from f2b.date.value import Wall

AFTER = 4
"""Characters behind a date that must be the same, too."""
_WORD = re.compile(r" (?!UTC|GMT|Z\W)[A-Z_]..", re.IGNORECASE | re.DOTALL)
"""So many, of which none continues a date: a zone or a year would."""

Head = tuple[int, int, str, float, Template]
"""Where a date stands in a line, how it is written, what it says, and who counts the hit."""


class Heads:
    """The begins of lines whose dates one template has found."""

    __slots__ = ("_template", "known", "length", "since", "until")

    def __init__(self, template: Template | None) -> None:
        """None: nothing can be learnt."""
        self.length = 0
        """Of every begin, in characters; 0 while none is known."""
        self.known: dict[str, Head] = {}
        """By begins: what holds while `since` <= now < `until`."""
        self.since, self.until = float("-inf"), float("inf")
        self._template = template if template and template.pattern.first and default(template.pattern) else None

    def at(self, now: float) -> dict[str, Head]:
        """Return what is known by begins and holds at `now`."""
        if not self.since <= now < self.until:
            self.known.clear()
            self.since, self.until = float("-inf"), float("inf")
        return self.known

    def learn(self, found: re.Match[str], known: Known, at: Wall, now: float) -> None:
        """Take note of what a match in a line means at `now`, while the wall says what it does."""
        template, end = self._template, found.end() + AFTER
        if template is None or end != (self.length or end) or _WORD.match(found.string, found.end()) is None:
            return
        start, stop, time, _ = known.stamp
        if time is None:
            return
        if len(self.at(now)) >= MEMO_SIZE:
            self.known.clear()
        self.length = end
        self.known[found.string[:end]] = start, stop, found.string[start:stop], time, template
        self.since, self.until = max(self.since, at.since, known.since), min(self.until, at.until, known.until)
