"""A regex written anew from what Python parsed, with a group around each free field, so that a match tells them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from f2b.filter.literals import parser, sre
from f2b.lint.chars import Nature, atomic, nature, repeats
from f2b.named import NamedTuple

IDENTITY = frozenset({"ip4", "ip6", "dns", "cidr", "fid"})
STRUCTURE = frozenset({"mlfid", "content", "nofail", "mlfgained", "mlfforget"})
"""Groups that say what a line is; any other name is a field, whatever it takes."""
_CLASSES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_PLACES = {
    sre.AT_BEGINNING: "^",
    sre.AT_BEGINNING_STRING: r"\A",
    sre.AT_BOUNDARY: r"\b",
    sre.AT_NON_BOUNDARY: r"\B",
    sre.AT_END: "$",
    sre.AT_END_STRING: r"\Z",
}
_FLAGS = ((re.I, "i"), (re.M, "m"), (re.S, "s"), (re.A, "a"))


class Marked(NamedTuple):
    """A regex that matches what another does, and says where its fields are."""

    pattern: re.Pattern[str]
    fields: tuple[tuple[str, Nature], ...]
    """Their groups."""


class _Writer:
    """One pass over a parsed regex."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.names = {number: name for name, number in pattern.groupindex.items()}
        self.fields: list[tuple[str, Nature]] = []

    def all(self, items: Iterable[Any], known: str = "") -> str:
        """Write items; `known` is the group around them that makes any wide text a field ("-": makes none)."""
        return "".join(self._one(kind, value, known) for kind, value in items)

    def _one(self, kind: Any, value: Any, known: str) -> str:
        if kind is sre.LITERAL:
            return re.escape(chr(value))
        if kind is sre.NOT_LITERAL:
            return f"[^{re.escape(chr(value))}]"
        if kind is sre.ANY:
            return "."
        if kind is sre.AT:
            return _PLACES[value]
        if kind is sre.IN:
            return f"[{''.join(map(_member, value))}]"
        if kind is sre.BRANCH:
            return f"(?:{'|'.join(self.all(one, known) for one in value[1])})"
        if repeats(kind):
            return self._repeat(kind, value, known)
        if kind is sre.SUBPATTERN:
            return self._group(value, known)
        return self._special(kind, value, known)

    def _special(self, kind: Any, value: Any, known: str) -> str:
        if atomic(kind):
            return f"(?>{self.all(value, known)})"
        if kind in (sre.ASSERT, sre.ASSERT_NOT):
            behind = "<" if value[0] < 0 else ""
            return f"(?{behind}{'=' if kind is sre.ASSERT else '!'}{self.all(value[1], '-')})"
        if kind is sre.GROUPREF:
            return f"(?P={self._name(value)})"
        if kind is sre.GROUPREF_EXISTS:
            number, yes, no = value
            return f"(?({self._name(number)}){self.all(yes, known)}|{self.all(no or (), known)})"
        raise ValueError(f"an item of a regex that is not known here: {kind}")

    def _name(self, number: int) -> str:
        return self.names.setdefault(number, f"group_{number}")

    def _repeat(self, kind: Any, value: Any, known: str) -> str:
        least, most, items = value
        found = None if known == "-" else nature(value, bool(known))
        lazy = "?" if kind is sre.MIN_REPEAT else "" if kind is sre.MAX_REPEAT else "+"
        times = f"{{{least},{'' if most is sre.MAXREPEAT else most}}}{lazy}"
        text = f"(?:{self.all(items, '-' if found else known)}){times}"
        if found is None:
            return text
        name = f"field_{len(self.fields)}"
        self.fields.append((name, found))
        return f"(?P<{name}>{text})"

    def _group(self, value: Any, known: str) -> str:
        number, added, removed, items = value
        if number is None:
            on = "".join(letter for flag, letter in _FLAGS if added & flag)
            off = "".join(letter for flag, letter in _FLAGS if removed & flag)
            return f"(?{on}{'-' + off if off else ''}:{self.all(items, known)})"
        name = self._name(number)
        inner = "-" if known == "-" or name in IDENTITY | {"content"} else known
        if inner == "" and name not in STRUCTURE and not name.startswith("group_"):
            inner = name
        return f"(?P<{name}>{self.all(items, inner)})"


def _member(item: Any) -> str:
    kind, value = item
    if kind is sre.NEGATE:
        return "^"
    if kind is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return _CLASSES[value] if kind is sre.CATEGORY else re.escape(chr(value))


@lru_cache(4096)
def marked(pattern: re.Pattern[str]) -> Marked:
    """Return a pattern with a group around each of its free fields."""
    writer = _Writer(pattern)
    text = writer.all(parser.parse(pattern.pattern, pattern.flags))
    flags = pattern.flags & (re.I | re.M | re.S | re.A)
    return Marked(re.compile(text, flags), tuple(writer.fields))
