"""What the disk refused: kept in the order in which it is to be written, until it can be."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from f2b.named import NamedTuple

MOST = 50_000
"""Changes kept; beyond that the oldest go, and all bans in force must be written anew."""

Statement = tuple[str, tuple[Any, ...]]


class Change(NamedTuple):
    """One thing to remember."""

    what: Hashable
    """A later change of the same thing makes this one superfluous."""
    statements: tuple[Statement, ...]


class Backlog:
    """Changes that wait, each thing once."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._changes: dict[Hashable, Change] = {}
        self.overflown = False
        """Some were lost. Whoever has put that right clears it."""

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes.values())

    def get(self, what: Hashable) -> Change | None:
        """Return what is kept of a thing."""
        return self._changes.get(what)

    def add(self, changes: Iterable[Change]) -> None:
        """Keep these; what they supersede goes, and what is kept of it stands last."""
        for change in changes:
            self._changes.pop(change.what, None)
            self._changes[change.what] = change

    def trim(self) -> None:
        """Keep no more than can be kept for long."""
        while len(self._changes) > self._most:
            del self._changes[next(iter(self._changes))]
            self.overflown = True

    def drop(self, change: Change) -> None:
        """This was written, or never can be."""
        del self._changes[change.what]

    def clear(self) -> None:
        """All was written."""
        self._changes.clear()
