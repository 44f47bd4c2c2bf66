"""Which date pattern a line's date follows: tries them, learns, and says where the date stands and what it is.

The order in which patterns are tried is part of the behaviour: a text can be read by different patterns, depending
on the lines before it. The choice is Fail2Ban's, rule by rule, because `01/02/2026` must not change its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from f2b.date.crowd import Crowd, default
from f2b.date.formats import HINT, decades
from f2b.date.head import Heads
from f2b.date.pattern import LINE_BEGIN, Pattern, defaults, expand
from f2b.date.template import Stamp, Template
from f2b.date.value import Wall, wall
from f2b.date.zone import configured
from f2b.errors import ConfigError

MOST = 100
"""How many lines a `datepattern` may have; each costs every line of a log its time."""
LONGEST = 10_000
"""Characters of one of them."""
STALE_S = 300
"""A template unused for this long makes way for a newer winner, whatever their weights."""
STEADY = 50
"""So many dates of one form in a row, or lines without any, and the log is taken to know no other."""
LOOKS = 50
"""After so many looks at all templates with the same winner these are searched for together first."""


class DateReader:
    """Finds and reads the dates of one log. It learns from line to line, so each log has its own."""

    begins = True
    """What a line begins with may tell its date."""

    def __init__(self, patterns: Sequence[str] = (), timezone: str | None = None, year: int = 0) -> None:
        """Take the lines of `datepattern`, the `logtimezone` and the current year.

        No patterns: the default detector. No zone: local time. The year bounds `%ExY`; 0: the first clock reading
        says it. Raises ConfigError.
        """
        self._lines = tuple(one for one in patterns if one)
        self._east = None if timezone is None else configured(timezone)
        self._year = year
        self.templates = [Template(pattern, weight) for pattern, weight in _patterns(self._lines, year)]
        """In the order in which they are tried."""
        self._wall = wall(0)
        self._last: Template | None = None
        self._match: re.Match[str] | None = None
        self._turned = 0
        """The hits that the last winner had when it became that."""
        self._looks = 0
        self._crowd: Crowd | None = None
        """All templates but the last winner, if they can be searched for together."""
        self.heads = Heads(None)
        """The begins of lines that the last winner has dated: of them `read` would say what is known there."""
        self._blank = 0
        """Lines without a date, while none had one."""

    @property
    def steady(self) -> bool:
        """Whether all lines of late were dated by one template, which leaves the words beside a date whole; or not
        at all."""
        last = self._last
        if last is None:
            return self._blank >= STEADY
        return last.pattern.clean and last.hits - self._turned >= STEADY

    @property
    def blank(self) -> bool:
        """Whether no line had a date so far."""
        return self._last is None

    def read(self, text: str, now: float) -> Stamp | None:
        """Return the date of a line, or None if it has none; `now` (epoch seconds) completes what it leaves out."""
        at = self._wall
        if not at.since <= now < at.until:
            at = self._turn(now)
        last = self._last
        if last is not None and last.pattern.anchored:  # nearly every line of nearly every log
            found = last.find(text)
            if found is not None:
                last.hits += 1
                last.start = found.start()
                last.used = now
                self._match = found
                known = last.stamp(found, at, now, self._east)
                self.heads.learn(found, known, at, now)
                return known.stamp
        chosen = self._choose(text)
        if chosen is None:
            self._blank += self._last is None
            return None
        template, found = chosen
        self._won(template, found, now)
        return template.stamp(found, at, now, self._east).stamp

    def _turn(self, now: float) -> Wall:
        """Look at the wall; a new year may bring a new decade for `%ExY`."""
        self._wall = wall(now)
        year = max(self._year, self._wall.today.year)
        if decades(year) != decades(self._year):
            fresh = {pattern.name: pattern for pattern, _ in _patterns(self._lines, year)}
            for template in self.templates:
                template.change(fresh[template.name])
            self._meet()
        self._year = year
        return self._wall

    def _choose(self, text: str) -> tuple[Template, re.Match[str]] | None:
        """Return the template whose date this line's is, and the match."""
        last, before = self._last, self._match
        if last is None or before is None:
            return self._other(text, None, None, 1)
        found = None if last.pattern.anchored else _again(last, before, text)
        if found is None:
            return self._other(text, last, None, before.start())
        if found.span() == before.span() or len(self.templates) == 1:
            return last, found
        return self._other(text, last, found, before.start())

    def _other(
        self, text: str, last: Template | None, candidate: re.Match[str] | None, limit: int
    ) -> tuple[Template, re.Match[str]] | None:
        """Try all but the last winner, whose match is but a candidate and whose last one began at `limit`."""
        if not self._lines and HINT.search(text) is None:
            return None
        best = None if last is None or candidate is None else (last, candidate)
        if self._dull(text, candidate, limit):
            return best
        end = len(self.templates) - 1
        for index, template in enumerate(self.templates):
            if template is last:
                continue
            found = template.find(text)
            if found is None:
                continue
            if template.pattern.anchored or index == end:
                return template, found
            start = found.start()
            if start == 0 and template.hits and not self.templates[index + 1].hits:
                return template, found
            if start <= limit and (not template.hits or start <= template.start):
                return template, found
            if best is None or start < best[1].start():
                best = template, found
        return best

    def _dull(self, text: str, candidate: re.Match[str] | None, limit: int) -> bool:
        """Return whether it is plain that `_other` would find nothing better than its candidate."""
        if self._looks < LOOKS:
            self._looks += 1
            if self._looks == LOOKS:
                others = [one.pattern for one in self.templates if one is not self._last]
                self._crowd = Crowd(others) if all(map(default, others)) else None
        if self._crowd is None:
            return False
        return not self._crowd.may(text, len(text) if candidate is None else max(candidate.start(), limit))

    def _meet(self) -> None:
        """Begin anew to find out what the others are, and what lines begin with."""
        self._looks, self._crowd = 0, None
        self.heads = Heads(self._last if self.begins else None)

    def _won(self, template: Template, found: re.Match[str], now: float) -> None:
        template.hits += 1
        template.start = found.start()
        template.used = now
        self._match = found
        if template is not self._last:
            self._last = template
            self._turned = template.hits
            self._meet()
            self._move(template, now)

    def _move(self, template: Template, now: float) -> None:
        """Let a new winner move up: to the first template that never won, half the way, or by one."""
        order = self.templates
        index = order.index(template)
        unused = next((slot for slot, one in enumerate(order) if not one.hits), index)
        for slot in (unused, index // 2, index - 1):
            if 0 <= slot < index and (order[slot].load < template.load or order[slot].used < now - STALE_S):
                del order[index]
                order.insert(slot, template)
                return


def _again(last: Template, before: re.Match[str], text: str) -> re.Match[str] | None:
    """Look for the last winner's date, first where it stood before if its edges there look the same."""
    return (last.within(text, *before.span()) if _edges_alike(before, text) else None) or last.find(text)


def _edges_alike(before: re.Match[str], text: str) -> bool:
    """Compare what bounds the last date at both ends: what is beside it, or its own ends if they are punctuation."""
    start, end = before.span()
    old = before.string
    left = start == 0 or old[start - 1] == text[start - 1 : start] or _bound(old, text, start)
    return left and (old[end : end + 1] == text[end : end + 1] or _bound(old, text, end - 1))


def _bound(old: str, new: str, at: int) -> bool:
    char = old[at : at + 1]
    return not char.isalnum() and char != "_" and char == new[at : at + 1]


def _patterns(lines: Sequence[str], year: int) -> list[tuple[Pattern, int]]:
    """Return the patterns that the lines of `datepattern` stand for, and their weights."""
    chosen: dict[str, tuple[Pattern, int]] = {}
    if len(lines) > MOST:
        raise ConfigError(f"a datepattern of {len(lines):,} lines", cure=f"no more than {MOST} are possible")
    for line in lines:
        if len(line) > LONGEST:
            raise ConfigError(
                f"a date pattern of {len(line):,} characters", cure=f"no more than {LONGEST:,} are possible"
            )
        added = line.upper() == LINE_BEGIN
        for pattern, weight in expand(line, year):
            known = chosen.get(pattern.name)
            if known is None:
                chosen[pattern.name] = pattern, weight
            elif added:
                chosen[pattern.name] = known[0], max(known[1], weight)
            else:
                raise ConfigError(f"date pattern {line!r} is there twice (as {pattern.name})")
    return list(chosen.values()) or defaults(year)
