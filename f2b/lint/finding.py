"""What lint says of a filter."""

from __future__ import annotations

from typing import Literal

from f2b.errors import Place
from f2b.named import NamedTuple

Kind = Literal["injection", "runaway", "unanchored", "misread", "dead", "slow", "duplicate", "broken"]


class Finding(NamedTuple):
    """Something wrong with a regex of a filter."""

    filter: str
    """With its options."""
    kind: Kind
    what: str
    place: Place | None = None
    regex: str = ""
    line: str = ""
    """A log line that shows it."""


class Tally:
    """What was done, and what was found."""

    def __init__(self) -> None:
        self.filters = 0
        """A filter in another mode is another one."""
        self.lines = 0
        """Lines with a failure in them that were planted in: cases, and what the regexes themselves say."""
        self.positions = 0
        """Free fields of these lines."""
        self.planted = 0
        """Lines with the victim's address in such a field that were read."""
        self.findings: list[Finding] = []
