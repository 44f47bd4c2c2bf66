"""What a filter type is: a judge of failures, of requests, or of what other jails find.

A type is a class that takes its `Options` and judges one thing at a time; `over` makes filters of them, and `kind`
has the tables that give them their names. What a type remembers it keeps itself, in `Recent` or bounded likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from f2b.events import Ban, Failure, Found
from f2b.filter.literals import Clause
from f2b.filter.request import Glimpse, Request
from f2b.filter.table import Table

Clauses = Sequence[Sequence[Clause]]


class FailureJudge(Protocol):
    """Judges the failures of its bases."""

    tables: Sequence[Table] = ()
    """The files that it judges by."""

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return what becomes of a failure, whose address is known: itself, others, or nothing."""
        ...

    def pardon(self, success: Failure) -> None:
        """Forget what is remembered of the failures of a host that succeeded."""

    def why(self, failure: Failure) -> str:
        """Say why the failure that was judged last passed on or not."""
        ...


class RequestJudge(Protocol):
    """Judges the requests of access logs."""

    tables: Sequence[Table] = ()

    def judge(self, request: Request, time: float | None) -> int:
        """Return how many attempts a request counts for: usually none, SUCCESS if it clears the host's."""
        ...

    def needs(self) -> Clauses | None:
        """Return what a line must hold to matter, as `Filter.needs` does; None: every request is to be seen."""
        return None

    def dull(self, seen: Glimpse) -> bool:
        """Return whether a request plainly says nothing to it, by what is seen at a glance. Changes nothing."""
        return False

    def why(self, request: Request, time: float | None) -> str:
        """Say why the request that was judged last counts or not."""
        ...


class EventJudge(Protocol):
    """Judges what other jails find and ban."""

    tables: Sequence[Table] = ()
    jails: frozenset[str]
    """The jails that it listens to."""

    def judge(self, event: Found | Ban) -> Failure | None:
        """Return the failure that an event completes."""
        ...

    def why(self, event: Found | Ban) -> str:
        """Say why the event that was judged last completed one or not."""
        ...
