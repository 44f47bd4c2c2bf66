"""Searches that run away: a regex whose search of one line does not come to an end.

`alarm` interrupts them by raising `Runaway` inside the search, which has changed nothing yet. The line is lost to who
searched it. `Patience` decides when a pattern has cost enough: it rests for a while, and everything else goes on.
"""

from __future__ import annotations

from typing import Protocol

TIMES = 5
WITHIN_S = 60.0
"""A pattern that ran away so many times within this time..."""
REST_S = 60.0
"""... rests for so long: it can eat a few percent of the time, and an attacker cannot switch it off for good."""


class Suspect(Protocol):
    """A pattern that can be set aside. As text it says what it is and where it stands."""

    def rest(self) -> None:
        """Search no more; what a filter cannot do without lets nothing through meanwhile."""
        ...

    def wake(self) -> None:
        """Search again."""
        ...


class Runaway(Exception):  # noqa: N818 - no error of ours, a finding about a pattern
    """A search took too long and was given up; `culprit` is what searched."""

    def __init__(self) -> None:
        super().__init__("a regex ran away")
        self.culprit: Suspect | None = None


class Patience:
    """What one jail has suffered from patterns that run away, and which of them rest."""

    __slots__ = ("_resting", "_strikes", "total")

    def __init__(self) -> None:
        self.total = 0
        """How many lines were lost."""
        self._strikes: dict[Suspect, list[float]] = {}
        self._resting: dict[Suspect, float] = {}

    def lose(self, culprit: Suspect | None, now: float, rest_s: float = REST_S) -> bool:
        """Count a line that was lost at `now`; return whether that was once too often and the pattern rests now."""
        self.total += 1
        if culprit is None or culprit in self._resting:
            return False
        strikes = [time for time in self._strikes.get(culprit, ()) if 0 <= now - time < WITHIN_S]
        self._strikes[culprit] = [*strikes, now]
        if len(strikes) + 1 < TIMES:
            return False
        del self._strikes[culprit]
        culprit.rest()
        self._resting[culprit] = now + rest_s
        return True

    def tick(self, now: float) -> None:
        """Wake what has rested long enough; a clock that was set back ends every rest."""
        for culprit, until in list(self._resting.items()):
            if not until - REST_S <= now < until:
                del self._resting[culprit]
                culprit.wake()

    def resting(self) -> str:
        """Return what rests now, and until when, in words; empty if nothing does."""
        return "; ".join(f"{culprit} runs away and is set aside for a minute" for culprit in self._resting)
