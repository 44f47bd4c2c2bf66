"""Many default patterns searched for at once: quickly tells that none of them can have a date in a line.

Where a date moves from line to line (behind an address, say), or where lines have none, `reader` must ask every
pattern whether it knows better. Nearly always none does, and one search of all of them together says so. What this
says is an upper bound: only a No is final.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from f2b.date.formats import DEFAULTS, HINT
from f2b.date.pattern import LINE_BEGIN, Pattern

REACH = 64
"""Characters within which a date of any default pattern, from where it begins, is complete and holds a HINT."""
_BREAK = re.compile(r".*[^\w .,/<@:+-]", re.DOTALL)
"""Up to the last character that no date of a default pattern holds before its HINT."""

_NAMED = re.compile(r"\(\?P<(\w+)>")
_REFERRED = re.compile(r"\(\?P=(\w+)\)")
_NEVER = re.compile(r"(?!)")


class Crowd:
    """Some default patterns."""

    __slots__ = ("_anywhere", "_first")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        patterns = list(patterns)
        others = [one for one in patterns if not one.first]
        self._first = _joined([one for one in patterns if one.first])
        self._anywhere = _joined(others) if others else None

    def may(self, text: str, last: int) -> bool:
        """Return whether one of the patterns may have a date that begins in text[: last + 1]."""
        if self._first.match(text) is not None:
            return True
        if self._anywhere is None:
            return False
        match, looks = self._anywhere.match, 0
        for begin, end in _places(text, last):
            looks += end - begin
            if looks > REACH:
                return True  # each by itself is no slower
            if any(match(text, at, last + REACH) for at in range(begin, end)):
                return True
        return False


def _places(text: str, last: int) -> Iterator[tuple[int, int]]:
    """Yield where a date that holds a HINT may begin, in text[: last + 1]: in what goes on up to the hint, or in it.

    Of two hints in one date the first one counts, so no place is given twice.
    """
    done = 0
    for hint in HINT.finditer(text):
        begin = max(done, hint.start() - REACH)
        if begin > last:
            return
        broken = _BREAK.match(text, begin, hint.start())
        done = hint.end() + 1
        yield broken.end() if broken else begin, min(done, last + 1)


def default(pattern: Pattern) -> bool:
    """Return whether a pattern is one of those that can be in a crowd: their searches always come to an end."""
    return pattern.text in DEFAULTS or pattern.text.removeprefix(LINE_BEGIN) in DEFAULTS


def _joined(patterns: Sequence[Pattern]) -> re.Pattern[str]:
    parts = [
        f"(?{'i' if one.flags & re.I else ''}:{_unnamed(one.regex, number)})" for number, one in enumerate(patterns)
    ]
    return re.compile("|".join(parts)) if parts else _NEVER


def _unnamed(regex: str, number: int) -> str:
    """Return a regex without named groups, but for those it refers to, whose names get a number."""
    referred = set(_REFERRED.findall(regex))

    def group(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}{number}>" if found[1] in referred else "(?:"

    return _REFERRED.sub(lambda found: f"(?P={found[1]}{number})", _NAMED.sub(group, regex))
