"""Regexes that span lines (`maxlines`): the buffer of the last lines, and which of them a match took.

A match is looked for in all buffered lines joined, so the oldest start wins. The lines it took leave the buffer;
those that `<SKIPLINES>` passed over stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from f2b.events import Line


class Buffer:
    """The last lines of one log."""

    __slots__ = ("_lines", "_most", "text")

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: list[Line] = []
        self.text = ""
        """The lines joined: what is searched."""

    def add(self, line: Line) -> str:
        """Take a line, the oldest one goes if there are too many; return the text to search."""
        self._keep([*self._lines, line][-self._most :])
        return self.text

    def take(self, match: re.Match[str]) -> list[Line]:
        """Remove the lines that a match in `text` took, and return them, oldest first."""
        skipped = _skipped(match)
        taken: list[Line] = []
        kept: list[Line] = []
        start = 0
        for line in self._lines:
            end = start + len(line.text)
            if end <= match.start() or start >= max(match.end(), match.start() + 1):
                kept.append(line)
            elif skipped and line.text == skipped[0]:
                kept.append(line)
                del skipped[0]
            else:
                taken.append(line)
            start = end
        self._keep(kept)
        return taken

    def clear(self) -> None:
        """Forget all lines: a match took some of them that it cannot name."""
        self._keep(())

    def _keep(self, lines: Sequence[Line]) -> None:
        self._lines = list(lines)
        self.text = "".join(line.text for line in lines)


def _skipped(match: re.Match[str]) -> list[str]:
    """Return the lines that `<SKIPLINES>` passed over, in order."""
    names = sorted((name for name in match.re.groupindex if name.startswith("skiplines")), key=_number)
    return [f"{line}\n" for name in names for line in (match[name] or "").split("\n")[:-1]]


def _number(name: str) -> int:
    digits = name.removeprefix("skiplines")
    return int(digits) if digits.isascii() and digits.isdigit() else -1
