"""Filters: what in a line is a failure. One module a type; a type is a class that satisfies `Filter`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeGuard

from f2b.events import Ban, Failure, Found, Line
from f2b.filter.literals import Clause

Parts = tuple[str, str, "float | None"]
"""A `Line`, or the same as a plain tuple."""
Numbered = tuple[int, Parts]
"""A line, and where it stands among others."""
Outcome = tuple[Numbered, "Sequence[Failure] | Exception"]
"""What a line led to, or what went wrong with it."""


class Filter(Protocol):
    """Turns lines into failures. It sees lines and their times only, never the wall clock."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failures that this line completes; usually none."""
        ...

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what a line must hold to matter: for each regex, its clauses. None: every line may matter."""
        ...


class Batch(Filter, Protocol):
    """A filter that takes many lines at once with less work than one by one."""

    def each(self, lines: Iterable[Numbered]) -> Iterator[Outcome]:
        """Feed lines in their order; yield those that lead to anything."""
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


def each(filter_: Filter, lines: Iterable[Numbered]) -> Iterator[Outcome]:
    """Feed lines to a filter in their order; yield those that lead to anything."""
    return filter_.each(lines) if _is_batch(filter_) else _in_turn(filter_, lines)


def _is_batch(filter_: Filter) -> TypeGuard[Batch]:
    return hasattr(filter_, "each")


def _in_turn(filter_: Filter, lines: Iterable[Numbered]) -> Iterator[Outcome]:
    for one in lines:
        line = one[1]
        try:
            found = filter_.feed(line if isinstance(line, Line) else line_of(line))
        except Exception as error:  # noqa: BLE001 - a fault in one line must not cost the others
            yield one, error
            continue
        if found:
            yield one, found


line_of = partial(tuple.__new__, Line)
"""`Line._make`, at a tenth of its price: it is called for every line."""
