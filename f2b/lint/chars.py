"""Which characters an item of a parsed regex accepts, and what a field of such characters is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from f2b.filter.literals import sre
from f2b.named import NamedTuple

_NEUTRAL = frozenset({sre.AT, sre.ASSERT, sre.ASSERT_NOT})
_REPEATS = frozenset(filter(None, (sre.MAX_REPEAT, sre.MIN_REPEAT, getattr(sre, "POSSESSIVE_REPEAT", None))))
_ATOMIC = getattr(sre, "ATOMIC_GROUP", None)
_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    sre.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    sre.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}
LIKELY = "x1 a0A.-_:/,;=@\"'()[]<>{}!?*+#%&|~^$\\`\tBCDEFbcdef23456789ghijklmnopqrstuvwyzGHIJKLMNOPQRSTUVWXYZ"
"""Characters that log lines are made of, those tried first in front."""
_MARKS = "\"'()[]<>{}=,;@ "
"""Characters that no host's name holds."""


class Nature(NamedTuple):
    """What a field of many characters is."""

    blank: bool
    """It takes blanks."""
    closed: str = ""
    """Characters that the filter says the program lets nobody write there. Empty: anything may be planted."""
    host: bool = False
    """It is where an address or the name of a host stands, and such a name may begin with an address."""


def repeats(kind: Any) -> bool:
    """Return whether an item is a repetition."""
    return kind in _REPEATS


def atomic(kind: Any) -> bool:
    """Return whether an item is an atomic group."""
    return _ATOMIC is not None and kind is _ATOMIC


def neutral(kind: Any) -> bool:
    """Return whether an item takes no characters."""
    return kind in _NEUTRAL


def accepts(kind: Any, value: Any, char: str) -> bool:
    """Return whether an item that takes one character takes this one."""
    if kind is sre.LITERAL:
        return ord(char) == int(value)
    if kind is sre.NOT_LITERAL:
        return ord(char) != int(value)
    if kind is sre.ANY:
        return char != "\n"
    if kind is sre.IN:
        return _member(value, char)
    return False


def _member(items: Sequence[Any], char: str) -> bool:
    negated = bool(items) and items[0][0] is sre.NEGATE
    for kind, value in items:
        if kind is sre.LITERAL and ord(char) == value:
            return not negated
        if kind is sre.RANGE and value[0] <= ord(char) <= value[1]:
            return not negated
        if kind is sre.CATEGORY and _CATEGORIES[value](char):
            return not negated
    return negated


def some(kind: Any, value: Any) -> str:
    """Return a character that an item takes, a likely one."""
    return next((char for char in LIKELY if accepts(kind, value, char)), "")


def single(kind: Any) -> bool:
    """Return whether an item takes exactly one character of a class."""
    return kind in (sre.ANY, sre.IN, sre.NOT_LITERAL)


def nature(value: Any, named: bool) -> Nature | None:
    """Return what a repetition is as a field; None if it is none: digits, blanks, few times, more than a class.

    `\\S+` and `[^"]*` say what the filter hopes for, not what the program does: anything is planted there. Three
    forms are believed: `[^\\s"]` names what the program keeps out, blanks among it; a class or `\\\\.` says that it
    escapes quotes; and `[\\w.-]` is the name of a host, unless it is caught as somebody's name (`named`).
    """
    _, most, items = value
    found = _unit(items) if most > 2 else None
    if found is None or not accepts(*found, "x"):
        return None
    blank = accepts(*found, " ")
    if _escapes(items):
        return Nature(blank, '"' if not accepts(*found, '"') else "")
    closed = "".join(char for char in LIKELY if not accepts(*found, char))
    kind, members = found
    if kind is sre.IN and not blank:
        if (sre.NEGATE, None) in members and (sre.CATEGORY, sre.CATEGORY_SPACE) in members:
            return Nature(blank, closed)
        if (sre.NEGATE, None) not in members and "-" not in closed and not named and not set(_MARKS) - set(closed):
            return Nature(blank, closed)
    return Nature(blank)


def _escapes(items: Iterable[Any]) -> bool:
    """Return whether a repetition's body is a class, or a backslash and any character."""
    for kind, value in items:
        if kind is sre.BRANCH:
            pairs = [list(one) for one in value[1]]
            return any(
                len(pair) == 2 and pair[0] == (sre.LITERAL, ord("\\")) and pair[1][0] is sre.ANY for pair in pairs
            )
        if kind is sre.SUBPATTERN:
            return _escapes(value[3])
    return False


def _unit(items: Iterable[Any]) -> tuple[Any, Any] | None:
    """Return the class that a repetition's body is, or may be."""
    taking = [(kind, value) for kind, value in items if not neutral(kind)]
    if len(taking) != 1:
        return None
    kind, value = taking[0]
    if single(kind):
        return kind, value
    if kind is sre.SUBPATTERN:
        return _unit(value[3])
    if atomic(kind):
        return _unit(value)
    if repeats(kind):
        return _unit(value[2])
    if kind is sre.BRANCH:
        return next((unit for unit in map(_unit, value[1]) if unit), None)
    return None
