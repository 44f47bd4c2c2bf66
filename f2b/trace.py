"""What became of a jail's latest failures, kept in a small ring for `f2b explain`.

A failure is noted with what followed from it, as a plain tuple that refers to what exists anyway; what it means is
put into words only when somebody asks. Lines that are no failure leave nothing here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from f2b.ban.counter import Counter
from f2b.events import (
    SUCCESS,
    AlreadyBanned,
    Ban,
    Effect,
    Expired,
    Failure,
    Forgiven,
    Found,
    Ignored,
    Judge,
    Known,
    Prolonged,
    Resolve,
    Spared,
    Surged,
    Warned,
)
from f2b.named import NamedTuple

LINES = 5
"""So many lines of one failure."""
LONGEST = 500
"""And so many characters of a line."""

COUNTED = "counted"
NAMELESS = "nameless"
"""The host name has no address."""
PASSED = "passed over"
"""Nothing followed: a cached answer spares its id."""
UNDATED = "undated"
"""No line of it has a date that could be read, so nobody knows when it was."""
_SAYS: Mapping[type, str] = {
    Known: COUNTED,
    Ignored: "ignored",
    Resolve: "asked for addresses",
    Judge: "asked ignorecommand",
    Warned: UNDATED,
    Forgiven: "forgave",
    Spared: "spared",
    Surged: "held",
    Ban: "banned",
    Prolonged: "prolonged",
    AlreadyBanned: "already banned",
    Expired: "over already",
}
"""The word for a failure that led to such an effect; of several, the last one with a word counts."""
_WHY: Mapping[type, str] = {Ignored: "by", Spared: "why", Resolve: "name"}
"""Which attribute of the effect says more."""


class Step(NamedTuple):
    """A failure, and what was made of it."""

    read: float
    """When the jail took it in."""
    time: float | None
    """When it was, by its line; the time of reading if the line's is odd."""
    id: str
    """Whose it is: the address, or the host name as long as that is all that is known."""
    counted: str
    """Whom it was counted for: a network, where addresses count together."""
    lines: tuple[str, ...]
    attempts: int
    """What it counts for."""
    what: str
    why: str
    tally: int
    """What was counted for its id by then; 0 if it was not, or began anew with a ban."""


class Trace:
    """The ring of one jail."""

    __slots__ = ("_ring", "latest")

    def __init__(self, kept: int) -> None:
        self._ring: deque[tuple[object, ...]] = deque(maxlen=max(0, kept))
        self.latest: float | None = None
        """When the latest failure, or success, came in; None if none did."""

    def __len__(self) -> int:
        return len(self._ring)

    def keep(self, kept: int) -> None:
        """Keep so many from now on."""
        if kept != self._ring.maxlen:
            self._ring = deque(self._ring, maxlen=max(0, kept))

    def note(self, failure: Failure, effects: Sequence[Effect], now: float, counter: Counter) -> None:
        """Take note of a failure and what followed from it."""
        self.latest = now
        if not self._ring.maxlen or (not effects and failure.attempts == SUCCESS):
            return
        what = UNDATED if failure.time is None else PASSED
        why, key, attempts = "", failure.id, failure.attempts
        for effect in effects:
            kind = type(effect)
            if isinstance(effect, Found):  # first, for most lead to nothing else
                key, what = effect.id, COUNTED
                continue
            what = _SAYS.get(kind, what)
            if kind in _WHY:
                why = getattr(effect, _WHY[kind])
            elif isinstance(effect, Known):
                attempts = effect.worth
        tally = counter.tally(key)
        count = 0 if tally is None else tally.retry
        self._ring.append((now, failure.time, failure.id, key, _lines(failure), attempts, what, why, count))

    def lack(self, failure: Failure, now: float) -> None:
        """Take note of a failure whose host name has no address."""
        name = failure.unresolved
        self._ring.append((now, failure.time, name, name, _lines(failure), failure.attempts, NAMELESS, name, 0))

    def steps(self) -> list[Step]:
        """Return all that is kept, oldest first."""
        return [Step._make(entry) for entry in self._ring]


def _lines(failure: Failure) -> tuple[str, ...]:
    lines = failure.matches
    if len(lines) == 1 and len(lines[0]) <= LONGEST:
        return lines
    return tuple(line[:LONGEST] for line in lines[-LINES:])
