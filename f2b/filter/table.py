"""Files that filter types judge by: GeoIP databases, robots.txt, lists of addresses.

A type names them; whoever drives the filter reads them, again when they change, and hands over what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from f2b.errors import Place

Kind = Literal["geoip", "robots", "addresses"]
Record = Mapping[str, Any]
"""What a GeoIP database knows of an address."""
Lookup = Callable[[str], "Record | None"]


class Holder(Protocol):
    """Says quickly whether a list holds an address."""

    def holder(self, text: str) -> str | None:
        """Return the entry that holds an address, if one does."""
        ...


class Rules(Protocol):
    """A robots.txt, understood."""

    groups: Sequence[str]
    """The agents that it has rules for, in lower case."""

    def can_fetch(self, target: str, agent: str) -> bool:
        """Return whether one of the groups (or anybody else, if `agent` is none) may fetch path and query."""
        ...


class Table:
    """One such file. `content` is None until it was read."""

    __slots__ = ("content", "kind", "patterns", "place")

    def __init__(self, kind: Kind, patterns: Sequence[str], place: Place) -> None:
        self.kind = kind
        self.patterns = tuple(patterns)
        """Paths or globs: the first that is there counts."""
        self.place = place
        """Where it was asked for."""
        self.content: Any = None  # Lookup, Rules or Holder, by kind: who asked for it knows
