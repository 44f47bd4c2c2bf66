"""How long somebody is banned who was banned before (`bantime.increment` and its kin)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from f2b.ban.history import History, together
from f2b.config.model import Increment
from f2b.events import Ban, Increased
from f2b.value import replace

if TYPE_CHECKING:
    from f2b.config.formula import Chance, Formula

DOUBLINGS = 20
"""More earlier bans than this count as so many."""
PLAIN = "1"
"""The factor that changes nothing."""
LONGEST_S = 10.0**10
"""Seconds of the longest ban that is not for ever: the kernel takes a timeout of twice that, and no more."""


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
        self._factor: Formula | None = None
        self._formula: Formula | None = None
        if steps.formula or steps.factor != PLAIN:
            from f2b.config.formula import Formula  # late: with ast it takes 0.7 MB, and few jails have any

            self._factor = Formula(steps.factor, variables=())
            self._formula = Formula(steps.formula) if steps.formula else None

    def grown(self, ban: Ban, earlier: Mapping[str, History]) -> tuple[Ban, list[Increased]]:
        """Return a new ban as it is for somebody with these earlier ones, by jail, and what is to be told of that."""
        own = earlier.get(ban.jail)
        if own and int(ban.time) <= own.time:  # lines were read twice: it is the ban that is known already
            return replace(ban, count=own.bans, duration=own.duration, grown=True), []
        bans = together(history for jail, history in earlier.items() if self._steps.overalljails or jail == ban.jail)
        if bans is None:
            return ban, []
        length, fault = ban.duration, ""
        if not ban.own_time:
            try:
                length = self.length(ban.duration, bans.bans)
            except ArithmeticError as error:
                fault = str(error)
        longer = replace(ban, count=bans.bans + 1, duration=length, grown=length != ban.duration)
        return longer, [Increased(longer, bans.bans, bans.time, ban.duration, fault)]

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
        factor = self._factor.value(self._chance) if self._factor else 1
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
