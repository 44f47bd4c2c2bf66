"""Regexes written so that Python's engine is quicker with them: same matches, same groups.

The shapes that cost most in real filters: a group that matches once or not at all (`(?:X)?` sets up a loop, `(?:X|)`
does not), small fixed numbers of repeats, and an alternative that a later condition dooms: where `(?P<g>...)` leads
to `(?(g)L|...)`, a look for L before the group saves all that lies between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from f2b.filter.literals import parser
from f2b.filter.repeat import straightened
from f2b.filter.tags import TOKEN
from f2b.named import NamedTuple

MOST = 3
"""Repeats that are written out."""
_QUANTIFIER = re.compile(r"(?:\?|\{(\d)(?:,(\d))?\})(?![?+])")
_QUANTIFIED = re.compile(r"[?*+]|\{\d*,?\d*\}")
_REPEATED = re.compile(r"[*+]|\{\d*,?\d*\}")
_NAMED = re.compile(r"\(\?P<(\w+)>")
_CONDITION = re.compile(r"\(\?\((\w+)\)")
_LITERAL = re.compile(r"[^|.^$*+?{}]+(?![*+?{])")
_RESTS = ("(?P<content>.+)$", "(?P<content>.+)")
_AROUND = ("(?=", "(?!", "(?<=", "(?<!")


class _Group(NamedTuple):
    """A pair of parentheses; `items` are texts and groups in their order."""

    opened: str
    items: list[str | _Group]

    @property
    def text(self) -> str:
        """The group as it was written."""
        return f"{self.opened}{_text(self.items)})"


_Items = Sequence["str | _Group"]


@lru_cache(1024)
def rewritten(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern that does the same and may be quicker; the very pattern if nothing is known to be."""
    if pattern.flags & re.VERBOSE:
        return pattern
    items = _tree((found.lastgroup or "", found[0]) for found in TOKEN.finditer(pattern.pattern))
    text = straightened(_rewritten(items, _doomed(items), False), pattern.flags)
    if text == pattern.pattern:
        return pattern
    quick = re.compile(text, pattern.flags & re.MULTILINE)
    return quick if (quick.groupindex, quick.flags) == (pattern.groupindex, pattern.flags) else pattern


def leading(pattern: re.Pattern[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches what stands before `content`, if that is all the rest of any line; else None.

    For lines, which end with their one newline. Whatever else it catches is the same.
    """
    text = pattern.pattern
    end = next((end for end in _RESTS if text.endswith(end)), None)
    if end is None or pattern.flags & (re.VERBOSE | re.DOTALL | re.MULTILINE):
        return None
    items = _tree((found.lastgroup or "", found[0]) for found in TOKEN.finditer(text))
    if any(isinstance(item, str) and "|" in item for item in items):
        return None
    lead = re.compile(text.removesuffix(end) + "(?=.)", pattern.flags & re.IGNORECASE)
    return lead if {**lead.groupindex, "content": lead.groups + 1} == pattern.groupindex else None


def _tree(tokens: Iterator[tuple[str, str]]) -> list[str | _Group]:
    """Return the items up to the end of a group, or of all."""
    items: list[str | _Group] = []
    for kind, text in tokens:
        if kind == "close":
            break
        items.append(_Group(text, _tree(tokens)) if kind == "open" else text)
    return items


def _text(items: _Items) -> str:
    return "".join(item if isinstance(item, str) else item.text for item in items)


def _doomed(items: _Items) -> dict[str, str]:
    """Return the named groups after which a match must hold a text, and what looks for that.

    Every match passes a condition that stands by itself, outside of groups and alternatives.
    """
    found: dict[str, str] = {}
    if any(isinstance(item, str) and "|" in item for item in items):
        return found
    for item, after in _followed(items):
        if isinstance(item, str) or _QUANTIFIED.match(after):
            continue
        condition = _CONDITION.fullmatch(item.opened)
        literal = _LITERAL.match(_text(item.items)) if condition else None
        if condition and literal:
            found[condition[1]] = f"(?=(?s:.*){literal[0]})"
    return found


def _followed(items: _Items) -> Iterator[tuple[str | _Group, str]]:
    """Yield items and the text behind each."""
    for number, item in enumerate(items):
        after = items[number + 1] if number + 1 < len(items) else ""
        yield item, after if isinstance(after, str) else ""


def _rewritten(items: _Items, doomed: Mapping[str, str], repeated: bool) -> str:
    """Return the text of items; `repeated`: they stand in something that may be matched more than once."""
    parts: list[str] = []
    skip = 0
    for item, after in _followed(items):
        if isinstance(item, str):
            parts.append(item[skip:])
            skip = 0
            continue
        again = repeated or _REPEATED.match(after) is not None
        around = item.opened.startswith(_AROUND)
        inner = item.opened + _rewritten(item.items, {} if around else doomed, again or around) + ")"
        quantifier = _QUANTIFIER.match(after)
        if quantifier and _may_unroll(item, quantifier, repeated):
            skip = quantifier.end()
            inner = _unrolled(inner, quantifier)
        elif not _QUANTIFIED.match(after):
            named = _NAMED.fullmatch(item.opened)
            inner = doomed.get(named[1], "") + inner if named else inner
        parts.append(inner)
    return "".join(parts)


def _may_unroll(group: _Group, quantifier: re.Match[str], repeated: bool) -> bool:
    """Return whether a quantified group can be written out: it never matches nothing, and no catch changes."""
    if int(quantifier[2] or quantifier[1] or 1) > MOST:
        return False
    text = group.text
    if quantifier[0] == "?" and not repeated and _NAMED.fullmatch(group.opened):
        text = f"(?:{_text(group.items)})"
    elif group.opened != "(?:":
        return False
    try:
        parsed = parser.parse(text)
    except (re.error, OverflowError, RecursionError):  # it refers to what stands elsewhere
        return False
    return bool(parsed.state.groups == 1 and parsed.getwidth()[0] > 0)


def _unrolled(text: str, quantifier: re.Match[str]) -> str:
    """Return `X?`, `X{2}` or `X{1,2}` written out."""
    least = int(quantifier[1] or 0)
    most = int(quantifier[2] or quantifier[1] or 1)
    rest = ""
    for _ in range(most - least):
        rest = f"(?:{text}{rest}|)"
    return text * least + rest
