"""Filters: what in a line is a failure. One module a type; a type is a class that satisfies `Filter`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

from f2b.events import Ban, Failure, Found, Line
from f2b.filter.literals import Clause


class Filter(Protocol):
    """Turns lines into failures. It sees lines and their times only, never the wall clock."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failures that this line completes; usually none."""
        ...

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what a line must hold to matter: for each regex, its clauses. None: every line may matter."""
        ...


class Listener(Filter, Protocol):
    """A filter that judges what other jails find, too."""

    @property
    def listens(self) -> frozenset[str]:
        """The jails that it wants to hear of."""
        ...

    def hear(self, event: Found | Ban) -> Sequence[Failure]:
        """Return the failures that follow from what another jail found or banned."""
        ...


def is_listener(filter_: Filter) -> TypeGuard[Listener]:
    """Say whether a filter wants to hear of other jails; `isinstance` would import `inspect` for that."""
    return hasattr(filter_, "hear")
