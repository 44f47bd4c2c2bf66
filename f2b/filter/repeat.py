"""Repeats written so that Python's engine looks for no way back where there is none: same matches, same groups.

`\\d{1,3}\\.` need not try fewer digits, for none of them is a point. `(?:(?!L).)*` takes one character at a time:
before the end of a line all of it can be looked through at once, and so can `(?:(?!L).)*?` before that very L.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from f2b.filter.tags import TOKEN

_ATOMIC = sys.version_info >= (3, 11)
"""Python knows `a++` and `(?>a)`."""
_ONE = re.compile(r"\\[dDsSwW]|\\[^\w\s]|\[.+", re.DOTALL)
"""A token that is one character."""
_GREEDY = re.compile(r"(?:[*+]|\{\d+,\d*\})(?![?+])")
_MAYBE = re.compile(r"\?(?![?+])")
_QUANTIFIED = re.compile(r"[?*+{]")
_SIGN = re.compile(r"\\?([^\w\s|.^$*+?{}\\()\[\]]|(?<=\\)[^\w\s])(?![*?{])")
"""A character that stands for itself and must be there, neither small nor large."""
_TEXT = re.compile(r"[^|.^$*+?{}\n]+")
_STAR = re.compile(r"\*(?:\?|(?!\+))")
_KEPT = re.compile(r"\((?:\?(?:\(\w+\)|P<\w+>|:))?")
"""What opens a group that changes nothing of what stands in it."""

AHEAD = 6
"""Tokens that are looked at in one piece."""

_Token = tuple[str, str]
_New = tuple[str, int, int]
"""What to write, for so many tokens, and so many characters of the next one."""


def straightened(text: str, flags: int) -> str:
    """Return a regex's text with such repeats rewritten; `flags` are those of the compiled regex, not VERBOSE."""
    tokens = [(found.lastgroup or "", found[0]) for found in TOKEN.finditer(text)]
    return "".join(_Repeats(tokens, flags).parts())


class _Repeats:
    """The tokens of a regex."""

    def __init__(self, tokens: Sequence[_Token], flags: int) -> None:
        self._tokens = [*tokens, *[("", "")] * AHEAD]
        self._flags = flags
        self._opener = list(_openers(self._tokens))
        """Where the group of each token was opened, -1 for none."""
        self._closed = {self._opener[at]: at for at, (kind, _) in enumerate(tokens) if kind == "close"}

    def parts(self) -> Iterator[str]:
        """Yield the text of all tokens, rewritten."""
        at = skip = 0
        while at < len(self._tokens) - AHEAD:
            found = self._guarded(at) or self._one(at)
            if found:
                new, taken, skip = found
                yield new
            else:
                yield self._tokens[at][1][skip:]
                taken, skip = 1, 0
            at += taken

    def _one(self, at: int) -> _New | None:
        """Return what to write for a single character that is repeated."""
        kind, text = self._tokens[at]
        after = self._text(at + 1)
        if kind not in ("escape", "set") or not _ONE.fullmatch(text):
            return None
        if _MAYBE.match(after):
            return f"(?:{text}|)", 1, 1
        greedy = _GREEDY.match(after)
        if not _ATOMIC or greedy is None:
            return None
        sign = _SIGN.match(after[greedy.end() :] or self._tokens[at + 2][1] + self._text(at + 3))
        if sign is None or re.match(text, sign[1]):
            return None
        return f"{text}{greedy[0]}+", 1, greedy.end()

    def _guarded(self, at: int) -> _New | None:
        """Return what to write for `(?:(?!L).)*` and its like."""
        start, guard, refused, *rest = [text for _, text in self._tokens[at : at + 6]]
        if (start, guard, rest) != ("(?:", "(?!", [")", ".", ")"]) or not _TEXT.fullmatch(self._text(at + 2)):
            return None
        repeat = _STAR.match(self._text(at + 6))
        if repeat is None or not self._plain(at):
            return None
        follows = self._next(at + 6, repeat.end())
        if repeat[0] == "*":
            return (f"(?!.*{refused}).*", 6, 1) if follows.startswith("$") else None
        certain = follows.startswith(refused) and not _QUANTIFIED.match(follows, len(refused))
        return (f"(?>.*?(?={refused}))", 6, 2) if certain and _ATOMIC else None

    def _text(self, at: int) -> str:
        """Return a token that is plain text, else nothing."""
        kind, text = self._tokens[at] if at < len(self._tokens) else ("", "")
        return text if kind == "text" else ""

    def _plain(self, at: int) -> bool:
        """Return whether a point is any character but a newline there, and all around stands in the line's order."""
        opener = self._opener[at]
        while opener >= 0:
            if not _KEPT.fullmatch(self._tokens[opener][1]):
                return False
            opener = self._opener[opener]
        return not self._flags & re.DOTALL

    def _next(self, at: int, skip: int) -> str:
        """Return the text that must follow what stands before `skip` characters of a text, else nothing."""
        rest = self._text(at)[skip:]
        while not rest or rest.startswith("|"):
            close = self._closed.get(self._opener[at], len(self._tokens)) if rest else at + 1
            if close >= len(self._tokens) or self._tokens[close][0] != "close":
                return ""
            rest = self._text(close + 1)
            if _QUANTIFIED.match(rest):
                return ""
            at = close + 1 if rest else close
        return rest


def _openers(tokens: Sequence[_Token]) -> Iterator[int]:
    """Yield where the group of each token was opened, -1 for none; what closes it belongs to it."""
    stack = [-1]
    for at, (kind, _) in enumerate(tokens):
        yield stack[-1]
        if kind == "open":
            stack.append(at)
        elif kind == "close" and len(stack) > 1:
            stack.pop()
