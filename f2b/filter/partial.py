"""How far a regex gets in a text that it does not match: its longest beginning that still matches, for `explain`.

The regex is cut into its items (a character, a set, a group with its quantifier), and bisection finds how many of
them match. The first that does not is looked into if it is a group: one branch of it may get further. Nothing of this
runs for a line of a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from f2b.config.model import Text, UseDns
from f2b.errors import ConfigError
from f2b.filter.rule import Rule, find
from f2b.filter.tags import TOKEN
from f2b.named import NamedTuple

_PIECE = re.compile(r"(?P<quantifier>[*+?][?+]?|\{\d*(?:,\d*)?\}[?+]?(?<!\{\}))|(?P<bar>\|)|(?P<char>.)", re.DOTALL)
_PLAIN_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z]*(?:-[a-zA-Z]+)?:))?")


class Reached(NamedTuple):
    """How far a regex got."""

    upto: int
    """So many characters of the regex, as written, match; all of them if it matches."""
    start: int
    """Where in the text that match begins."""
    end: int
    """And where it ends."""


class _Atom(NamedTuple):
    kind: str
    """As in TOKEN, and `char`, `bar`, `quantifier`."""
    start: int
    end: int


class _Item(NamedTuple):
    """A piece of a regex with its quantifier."""

    start: int
    end: int
    opened: int
    """Where the content of a group begins; 0 for what is none, or none that can be looked into."""
    branches: tuple[tuple[_Item, ...], ...]


class _Candidate(NamedTuple):
    """A beginning of the regex: its text so far, and what closes the groups that are open there."""

    text: str
    closers: str


class _Search:
    """One regex, one text."""

    def __init__(self, text: Text, usedns: UseDns, multiline: bool, searched: str) -> None:
        self._regex = text
        self._usedns = usedns
        self._multiline = multiline
        self._searched = searched
        self.best = Reached(0, 0, 0)

    def deepest(self, items: tuple[_Item, ...], before: _Candidate) -> None:
        """Find out how many items of a branch match behind what matched before it, and look into the next one."""
        low, high = 0, len(items)
        while low < high:
            middle = (low + high + 1) // 2
            if self._matches(items, middle, before):
                low = middle
            else:
                high = middle - 1
        if low < len(items) and items[low].opened:
            item = items[low]
            text = before.text + self._piece(items, low) + self._regex.value[item.start : item.opened]
            closer = _closer(self._regex.value[item.start : item.opened])
            for branch in item.branches:
                self.deepest(branch, _Candidate(text, closer + before.closers))

    def _matches(self, items: tuple[_Item, ...], count: int, before: _Candidate) -> bool:
        candidate = before.text + self._piece(items, count) + before.closers
        try:
            rule = Rule(Text(candidate, self._regex.place), self._usedns, self._multiline)
        except ConfigError:  # a reference to a group that is not there yet, say
            return False
        found = find((rule,), self._searched)
        if found is not None and items[count - 1].end > self.best.upto:
            self.best = Reached(items[count - 1].end, *found[1].span())
        return found is not None

    def _piece(self, items: tuple[_Item, ...], count: int) -> str:
        return self._regex.value[items[0].start : items[count - 1].end] if count else ""


def reach(text: Text, searched: str, usedns: UseDns = "warn", multiline: bool = False) -> Reached:
    """Return how far the regex gets in the text. Raises Runaway."""
    search = _Search(text, usedns, multiline, searched)
    atoms = list(_atoms(text.value))
    branches, _ = _branches(text.value, atoms, 0)
    for branch in branches:
        search.deepest(branch, _Candidate("", ""))
    return search.best


def _atoms(regex: str) -> Iterator[_Atom]:
    for token in TOKEN.finditer(regex):
        kind = token.lastgroup or "text"
        if kind != "text":
            yield _Atom(kind, token.start(), token.end())
            continue
        for piece in _PIECE.finditer(regex, token.start(), token.end()):
            yield _Atom(piece.lastgroup or "char", piece.start(), piece.end())


def _branches(regex: str, atoms: list[_Atom], at: int) -> tuple[tuple[tuple[_Item, ...], ...], int]:
    """Return the alternatives from an atom on, up to what closes their group, and where that stands."""
    branches: list[list[_Item]] = [[]]
    while at < len(atoms) and atoms[at].kind not in ("close", "end"):
        atom = atoms[at]
        if atom.kind == "bar":
            branches.append([])
        elif atom.kind == "quantifier" and branches[-1]:
            branches[-1][-1] = branches[-1][-1]._replace(end=atom.end)
        elif atom.kind in ("open", "begin"):
            inner, at = _branches(regex, atoms, at + 1)
            end = atoms[at].end if at < len(atoms) else atoms[-1].end
            plain = atom.kind == "begin" or _PLAIN_GROUP.fullmatch(regex, atom.start, atom.end)
            branches[-1].append(_Item(atom.start, end, atom.end if plain else 0, inner))
        else:
            branches[-1].append(_Item(atom.start, atom.end, 0, ()))
        at += 1
    return tuple(map(tuple, branches)), at


def _closer(opening: str) -> str:
    return f"</{opening[1:]}" if opening.startswith("<") else ")"
