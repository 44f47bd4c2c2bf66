"""What lines begin with while a second lasts: their date is known without a search.

A date of a default pattern at the line's begin depends on nothing that comes after it, if a blank and a word follow
that are no part of any date. So all lines that begin with the same characters, up to that word, have the same date;
and where only the seconds are others, only these are.
"""

from __future__ import annotations

import re

from f2b.date.crowd import default
from f2b.date.template import MEMO_SIZE, Known, Template
from f2b.date.value import DAY_S, Wall

AFTER = 4
"""Characters behind a date that must be the same, too."""
_WORD = re.compile(r" (?!UTC|GMT|Z\W)[A-Z_]..", re.IGNORECASE | re.DOTALL)
"""So many, of which none continues a date: a zone or a year would."""

_SECONDS = {f"{second:02}": second for second in range(60)}
NEAR_S = 300 * DAY_S
"""A date without a year that is read as one from now to so long ago is not about to become next year's."""

Head = tuple[int, int, str, float, Template]
"""Where a date stands in a line, how it is written, what it says, and who counts the hit."""


class Heads:
    """The begins of lines whose dates one template has found."""

    __slots__ = ("_after", "_before", "_head", "_minute", "_template", "known", "length", "since", "until")

    def __init__(self, template: Template | None) -> None:
        """None: nothing can be learnt."""
        self.length = 0
        """Of every begin, in characters; 0 while none is known."""
        self.known: dict[str, Head] = {}
        """By begins: what holds while `since` <= now < `until`."""
        self.since, self.until = float("-inf"), float("inf")
        self._head: Head | None = None
        """The last that was learnt, if its seconds may be others."""
        self._before = self._after = ""
        """What stands around its seconds."""
        self._minute = 0.0
        """When its minute began, by the epoch. No zone changes in the middle of one."""
        self._template = template if template and template.pattern.first and default(template.pattern) else None

    def at(self, now: float) -> dict[str, Head]:
        """Return what is known by begins and holds at `now`."""
        if not self.since <= now < self.until:
            self.known.clear()
            self._head = None
            self.since, self.until = float("-inf"), float("inf")
        return self.known

    def alike(self, begin: str) -> Head | None:
        """Return what a begin says that differs from the last one learnt in nothing but its seconds; None: ask."""
        head, at = self._head, len(self._before)
        second = _SECONDS.get(begin[at : at + 2])
        if head is None or second is None or begin != f"{self._before}{begin[at : at + 2]}{self._after}":
            return None
        start, stop, _, _, template = head
        if len(self.known) >= MEMO_SIZE:
            self.known.clear()
        head = self.known[begin] = start, stop, begin[start:stop], self._minute + second, template
        return head

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
        begin = found.string[:end]
        self.known[begin] = self._head = start, stop, found.string[start:stop], time, template
        self.since, self.until = max(self.since, at.since, known.since), min(self.until, at.until, known.until)
        self._part(found, begin, now)

    def _part(self, found: re.Match[str], begin: str, now: float) -> None:
        """Note what stands around the seconds of the last head, if others in their place would only be later."""
        fields = found.groupdict()
        time = self._head[3] if self._head else now
        if not (fields.get("S") in _SECONDS and fields.get("d") and now - NEAR_S < time <= now):
            self._head = None
            return
        at, end = found.span("S")
        self._before, self._after = begin[:at], begin[end:]
        self._minute = time - _SECONDS[begin[at:end]]
