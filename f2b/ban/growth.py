"""How long somebody is banned who was banned before (`bantime.increment` and its kin)."""

from __future__ import annotations

from f2b.config.formula import Chance, Formula
from f2b.config.model import Increment

DOUBLINGS = 20
"""More earlier bans than this count as so many."""
LONGEST_S = 10.0**12
"""Seconds of the longest ban that is not for ever: clocks, databases and calendars can still tell its end."""


class Even:
    """No chance at all: every random number is the middle one."""

    def random(self) -> float:
        """Return a half."""
        return 0.5


class Growth:
    """A jail's rule."""

    def __init__(self, steps: Increment, chance: Chance) -> None:
        """Raises ConfigError for a formula or a factor that is none."""
        self._steps = steps
        self._chance = chance
        self._factor = Formula(steps.factor, variables=())
        self._formula = Formula(steps.formula) if steps.formula else None

    def length(self, base: float, bans: int) -> float:
        """Return the seconds that somebody with so many earlier bans is banned, who would be for `base` else.

        The order is Fail2Ban's: no formula gives less than `base`, maxtime comes next, the random part last.
        Raises FormulaError.
        """
        if base < 0:
            return base
        steps = self._steps
        grown = self._grown(base, bans)
        if steps.maxtime:
            grown = min(grown, steps.maxtime)
        if steps.rndtime:
            grown += self._chance.random() * steps.rndtime
        return max(0, min(grown, LONGEST_S))

    def _grown(self, base: float, bans: int) -> float:
        factor = self._factor.value(self._chance)
        several = self._steps.multipliers
        if several:
            return base * factor * several[min(bans, len(several) - 1)]
        if self._formula is None:
            return max(base, base * (1 << min(bans, DOUBLINGS)) * factor)
        values = {"ban.Time": base, "ban.Count": bans, "banFactor": factor}
        return max(base, self._formula.value(self._chance, values))


def worth(bans: int, maxretry: int) -> int:
    """Return how many failures one of somebody with so many earlier bans counts for, in a jail with increments."""
    return min(maxretry, (1 << min(bans, DOUBLINGS) - 1) + 1) if bans > 0 else 1
