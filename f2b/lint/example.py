"""Texts that a regex matches, made from what Python parsed of it: the lines that a filter itself says it reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from f2b.filter.literals import parser, sre
from f2b.lint.chars import atomic, repeats, single, some
from f2b.lint.markup import IDENTITY
from f2b.named import NamedTuple

VARIANTS = 24
"""So many texts are tried at most; a regex of more alternatives shows some of them."""


_IP4 = frozenset({"ip4"})
_TELLING = IDENTITY | {"content"}
_FRAME = ("[", "]", "::ffff:")
"""What may stand around an address (`<ADDR>`): left out."""


class Pump(NamedTuple):
    """Repeat an item so often and end there, to see whether a search of such a text comes to an end."""

    item: Any
    """The repetition's value in the parsed regex."""
    text: str


class _End(Exception):  # noqa: N818 - it ends the walk, nothing is wrong
    """The pump was reached."""


class _Anatomy(NamedTuple):
    """A pattern as Python's parser understands it."""

    items: Any
    told: dict[int, frozenset[str]]
    """The named groups in each sequence of items, by its `id`."""
    choices: int
    """How many alternatives there are where there are most."""


@lru_cache(4096)
def _anatomy(pattern: re.Pattern[str]) -> _Anatomy:
    names = {number: name for name, number in pattern.groupindex.items()}
    told: dict[int, frozenset[str]] = {}
    choices = 1

    def look(items: Any) -> frozenset[str]:
        found: set[str] = set()
        nonlocal choices
        for kind, value in items:
            if kind is sre.SUBPATTERN and value[0] in names:
                found.add(names[value[0]])
            if kind is sre.BRANCH:
                choices = max(choices, len(value[1]))
            for part in parts(kind, value):
                found |= look(part)
        told[id(items)] = frozenset(found)
        return told[id(items)]

    items = parser.parse(pattern.pattern, pattern.flags)
    look(items)
    return _Anatomy(items, told, choices)


def parsed(pattern: re.Pattern[str]) -> Any:
    """Return a pattern as Python's parser understands it, the same each time."""
    return _anatomy(pattern).items


class _Walk:
    """One pass over a parsed regex that writes a text; `variant` decides what is taken where there is a choice."""

    def __init__(self, pattern: re.Pattern[str], given: Mapping[str, str], variant: int, pump: Pump | None) -> None:
        self.names = {number: name for name, number in pattern.groupindex.items()}
        self.told = _anatomy(pattern).told
        self.given = given
        self.variant = variant
        self.pump = pump
        self.text = ""
        self.groups: dict[int, str] = {}

    def all(self, items: Iterable[Any]) -> None:
        """Write items."""
        for kind, value in items:
            self._one(kind, value)

    def _one(self, kind: Any, value: Any) -> None:
        if kind is sre.LITERAL:
            self.text += chr(value)
        elif single(kind):
            self.text += some(kind, value)
        elif kind is sre.SUBPATTERN:
            self._group(value)
        elif kind is sre.BRANCH:
            self.all(self._alternative(value[1]))
        elif repeats(kind):
            self._repeat(value)
        elif atomic(kind):
            self.all(value)
        elif kind is sre.GROUPREF:
            self.text += self.groups.get(value, "")
        elif kind is sre.GROUPREF_EXISTS:
            number, yes, no = value
            self.all(yes if number in self.groups else no or ())

    def _group(self, value: Any) -> None:
        number, _, _, items = value
        start = len(self.text)
        name = self.names.get(number, "")
        if name in self.given:
            self.text += self.given[name]
        else:
            self.all(items)
        if number is not None:
            self.groups[number] = self.text[start:]

    def _alternative(self, alternatives: Any) -> Any:
        """Choose one: the way to the pump, else who says whose failure it is, an IPv4 address before all."""
        pump = self.pump
        if pump:
            leading = [one for one in alternatives if inside(one, pump.item)]
            if leading:
                return leading[0]
        told = [one for one in alternatives if self._tells(one, _IP4)]
        told = told or [one for one in alternatives if self._tells(one, _TELLING)]
        chosen = told or alternatives
        return chosen[self.variant // 2 % len(chosen)]

    def _repeat(self, value: Any) -> None:
        least, most, items = value
        if self.pump and self.pump.item is value:
            self.text += self.pump.text
            raise _End
        if least == 0 and most == 1 and _written_out(items) in _FRAME:
            return
        wanted = max(least, 1 if self.variant % 2 == 0 or self._tells(items, _TELLING) else 0)
        if self.pump and inside(items, self.pump.item):
            wanted = max(wanted, 1)
        for _ in range(min(wanted, most)):
            self.all(items)

    def _tells(self, items: Any, names: frozenset[str]) -> bool:
        return not names.isdisjoint(self.told[id(items)])


def _written_out(items: Any) -> str:
    """Return the one text that these items are; "" if they are more."""
    if any(kind not in (sre.LITERAL, sre.MAX_REPEAT) for kind, _ in items):
        return ""
    return "".join(
        chr(value) if kind is sre.LITERAL else chr(value[2][0][1]) * value[0]
        for kind, value in items
        if kind is sre.LITERAL or value[2][0][0] is sre.LITERAL
    )


def parts(kind: Any, value: Any) -> list[Any]:
    """Return the sequences of items inside an item."""
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.BRANCH:
        return list(value[1])
    if repeats(kind):
        return [value[2]]
    if atomic(kind):
        return [value]
    if kind is sre.GROUPREF_EXISTS:
        return [part for part in value[1:] if part]
    return []


def inside(items: Any, wanted: Any) -> bool:
    """Return whether the repetition with the value `wanted` stands somewhere in these items."""
    return any(value is wanted or any(inside(part, wanted) for part in parts(kind, value)) for kind, value in items)


def texts(pattern: re.Pattern[str], given: Mapping[str, str]) -> Iterator[str]:
    """Yield different texts that a pattern matches, with what is given in the place of named groups."""
    items, _, choices = _anatomy(pattern)
    seen: set[str] = set()
    for variant in range(min(VARIANTS, 2 * choices)):
        text = _written(pattern, items, given, variant, None)
        if text not in seen and pattern.search(f"{text}\n"):
            yield text
        seen.add(text)


def pumped(pattern: re.Pattern[str], items: Any, given: Mapping[str, str], variant: int, pump: Pump) -> str:
    """Return a text that leads a search of a parsed pattern to a repetition, and repeats what that takes."""
    return _written(pattern, items, given, variant, pump)


def body(pattern: re.Pattern[str], items: Any, variant: int) -> str:
    """Return a text for some items of a pattern."""
    return _written(pattern, items, {}, variant, None)


def _written(pattern: re.Pattern[str], items: Any, given: Mapping[str, str], variant: int, pump: Pump | None) -> str:
    walk = _Walk(pattern, given, variant, pump)
    try:
        walk.all(items)
    except _End:
        pass
    return walk.text
