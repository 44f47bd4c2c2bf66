"""What every match of a regex must contain, read from the regex as Python parsed it.

A `clause` is a set of texts one of which stands in every text that the regex matches. `scan` looks for such texts in
whole chunks, `dispatch` in single lines, before a regex is tried. Whatever this module cannot see through (a class of
many characters, a back reference, what a flag makes of a letter) ends a text; a regex of which nothing is known has
no clause, and is tried on every line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from f2b.named import NamedTuple

try:
    from re import _constants as sre  # type: ignore[attr-defined] # not public; Python has no other way to its parser
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as sre
    import sre_parse as parser

__all__ = ["Clause", "Shape", "finite", "parser", "shape", "sre"]

WIDEST = 16
"""The alternatives that a text may have before it ends."""
_NEUTRAL = frozenset({sre.AT, sre.ASSERT, sre.ASSERT_NOT})
"""They take no characters, so what stands before and behind them is adjacent."""
_ATOMIC = getattr(sre, "ATOMIC_GROUP", None)
_REPEATS = frozenset(filter(None, (sre.MAX_REPEAT, sre.MIN_REPEAT, getattr(sre, "POSSESSIVE_REPEAT", None))))
Texts = tuple[str, ...]


class Clause(NamedTuple):
    """One of these texts stands in every match."""

    texts: frozenset[str]
    folded: bool = False
    """In lower case: the match may hold either case."""

    @property
    def length(self) -> int:
        """The length of its shortest text."""
        return min(map(len, self.texts))

    @property
    def only(self) -> str:
        """The one text that stands in every match as it is; empty if there is a choice."""
        return next(iter(self.texts)) if len(self.texts) == 1 and not self.folded else ""


class Shape(NamedTuple):
    """What is known of a regex."""

    clauses: tuple[Clause, ...]
    heads: tuple[str, ...]
    """Every match begins with one of these, at the very begin of the text; empty: nothing is known."""
    anchored: bool
    """It can match at the begin of the text only."""


class _Walk:
    """One pass over a parsed regex. A run is the set of texts that may stand just before the place reached."""

    def __init__(self) -> None:
        self.clauses: list[Clause] = []

    def sequence(self, items: Iterable[Any], run: Texts, folded: bool) -> Texts:
        """Walk over items in order, with the run before them; return the run behind them."""
        for kind, value in items:
            run = self._item(kind, value, run, folded)
        return run

    def _item(self, kind: Any, value: Any, run: Texts, folded: bool) -> Texts:
        if kind in _NEUTRAL:
            return run
        if kind is sre.SUBPATTERN:
            _, added, removed, inner = value
            inside = bool(added & re.I) or (folded and not removed & re.I)
            if inside is folded:
                return self.sequence(inner, run, folded)
            self.end(run, folded)
            return self.end(self.sequence(inner, ("",), inside), inside)
        if kind is _ATOMIC:
            return self.sequence(value, run, folded)
        texts = finite(kind, value, folded)
        if texts is not None:
            return self._extend(run, texts, folded)
        self.end(run, folded)
        if kind is sre.BRANCH:
            self._branch(value[1], folded)
        elif kind in _REPEATS and value[0] > 0:
            self.end(self.sequence(value[2], ("",), folded), folded)
        return ("",)

    def _extend(self, run: Texts, texts: Texts, folded: bool) -> Texts:
        if len(run) * len(texts) > WIDEST:
            run = self.end(run, folded)
        joined = tuple(dict.fromkeys(before + after for before in run for after in texts))
        return joined if len(texts) <= WIDEST else ("",)

    def _branch(self, alternatives: Sequence[Any], folded: bool) -> None:
        """Each alternative has its own clauses: the best of each together are one."""
        best: list[Clause] = []
        for alternative in alternatives:
            walk = _Walk()
            walk.end(walk.sequence(alternative, ("",), folded), folded)
            if not walk.clauses:
                return
            best.append(max(walk.clauses, key=lambda clause: clause.length))
        if len({clause.folded for clause in best}) == 1:
            self.clauses.append(Clause(frozenset().union(*(clause.texts for clause in best)), best[0].folded))

    def end(self, run: Texts, folded: bool) -> Texts:
        """Note what a run says, and begin a new one."""
        pieces = [max(_pieces(text, folded), key=len, default="") for text in run]
        if all(pieces):
            self.clauses.append(Clause(frozenset(pieces), folded))
        return ("",)


def finite(kind: Any, value: Any, folded: bool) -> Texts | None:
    """Return all texts that an item may match, if they are few; in lower case if `folded`."""
    if kind is sre.LITERAL:
        return (chr(value).lower() if folded else chr(value),)
    if kind is sre.IN:
        return _members(value, folded)
    if kind is sre.BRANCH:
        return _joined([_all(alternative, folded) for alternative in value[1]])
    if kind in _REPEATS and value[1] == 1 and value[0] in (0, 1):
        inner = _all(value[2], folded)
        return inner if inner is None or value[0] else _joined([("",), inner])
    if kind is sre.SUBPATTERN and not value[1] and not value[2]:
        return _all(value[3], folded)
    return None


def _all(items: Iterable[Any], folded: bool) -> Texts | None:
    texts: Texts = ("",)
    for kind, value in items:
        more = ("",) if kind in _NEUTRAL else finite(kind, value, folded)
        if more is None or len(texts) * len(more) > WIDEST:
            return None
        texts = tuple(before + after for before in texts for after in more)
    return texts


def _joined(parts: Iterable[Texts | None]) -> Texts | None:
    texts: dict[str, None] = {}
    for part in parts:
        if part is None:
            return None
        texts.update(dict.fromkeys(part))
    return tuple(texts) if len(texts) <= WIDEST else None


def _members(items: Sequence[Any], folded: bool) -> Texts | None:
    chars: list[str] = []
    for kind, value in items:
        if kind is sre.LITERAL:
            chars.append(chr(value))
        elif kind is sre.RANGE and value[1] - value[0] < WIDEST:
            chars += map(chr, range(value[0], value[1] + 1))
        else:
            return None
    if folded:
        chars = [char.lower() for char in chars]
    return tuple(dict.fromkeys(chars)) if len(chars) <= WIDEST else None


_CUT = re.compile(r"[^ -~]+|(?<=[^\w])(?=[^\w])")
_CUT_FOLDED = re.compile(_CUT.pattern + "|[kKsSiI]")
"""Ignoring case, these letters match characters beyond ASCII too, whose bytes are others."""


def _pieces(text: str, folded: bool) -> list[str]:
    """Return the pieces of a text that a line surely holds as they are.

    Only ASCII that can be printed; and since a line's date is cut out before it is searched, a text may be joined
    from what stood around the date. Both neighbours of a date are no word characters (`date.pattern.bounded`).
    """
    return [piece for piece in (_CUT_FOLDED if folded else _CUT).split(text) if piece]


@lru_cache(1024)
def shape(pattern: re.Pattern[str]) -> Shape:
    """Return what is known of a compiled regex."""
    folded = bool(pattern.flags & re.I)
    items = list(parser.parse(pattern.pattern, pattern.flags))
    walk = _Walk()
    walk.end(walk.sequence(items, ("",), folded), folded)
    anchored = not pattern.flags & re.M and _anchored(items)
    heads = _heads(items)[0] if anchored and not folded else ("",)
    return Shape(tuple(dict.fromkeys(walk.clauses)), heads if all(heads) else (), anchored)


def _anchored(items: Iterable[Any]) -> bool:
    """Whether these items can match at the begin of the text only."""
    for kind, value in items:
        if kind is sre.AT and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return True
        if kind is sre.SUBPATTERN and not value[1] & re.M:
            return _anchored(value[3])
        if kind is sre.BRANCH:
            return all(map(_anchored, value[1]))
        if kind not in _NEUTRAL:
            return False
    return False


def _heads(items: Iterable[Any]) -> tuple[Texts, bool]:
    """Return what matches of these items begin with, and whether that is all of a match."""
    texts: Texts = ("",)
    for kind, value in items:
        if kind in _NEUTRAL:
            continue
        more, whole = _head(kind, value)
        if len(texts) * len(more) > WIDEST:
            return texts, False
        texts = tuple(dict.fromkeys(before + after for before in texts for after in more))
        if not whole:
            return texts, False
    return texts, True


def _head(kind: Any, value: Any) -> tuple[Texts, bool]:
    if kind is sre.SUBPATTERN and not value[1] and not value[2]:
        return _heads(value[3])
    if kind is sre.BRANCH:
        parts = [_heads(alternative) for alternative in value[1]]
        texts = _joined(part for part, _ in parts)
        return (texts, all(whole for _, whole in parts)) if texts else (("",), False)
    if kind in _REPEATS and value[0] > 0 and value[1] > 1:
        return _heads(value[2])[0], False
    texts = finite(kind, value, folded=False)
    return (texts, True) if texts else (("",), False)
