"""Filters: what in a line is a failure. One module a type; a type is a class that satisfies `Filter`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from f2b.events import Failure, Line


class Filter(Protocol):
    """Turns lines into failures. It sees lines and their times only, never the wall clock."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failures that this line completes; usually none."""
        ...
