"""The type slow: patient attackers, by the slots of time in which they fail at all."""

from __future__ import annotations

import time as wall
from collections.abc import Sequence

from f2b.events import Failure
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options
from f2b.filter.recent import Recent

SLOT_S = 1800.0
KEPT = 48
"""So many slots are remembered: logs that are read one after the other may go back in time."""


class Slow(FailureJudge):
    """Lets one failure of an id pass in each slot; slots are counted from the epoch."""

    def __init__(self, options: Options) -> None:
        self._slot = options.seconds("slot", SLOT_S)
        self._filled: Recent[str, tuple[int, ...]] = Recent(self._slot * KEPT, options.maxhosts)
        self._passed = False

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return the failure if it is the first of its slot."""
        self._passed = True
        if failure.time is None:
            return (failure,)  # the jail tells that nobody knows when it was
        slot = int(failure.time // self._slot)
        filled = self._filled.get(failure.id, failure.time) or ()
        if slot in filled:
            self._passed = False
            return ()
        self._filled.put(failure.id, (*filled[1 - KEPT :], slot), failure.time)
        return (failure,)

    def why(self, failure: Failure) -> str:
        """Say whether the slot was filled before."""
        if failure.time is None:
            return "it has no date"
        begin = failure.time // self._slot * self._slot
        slot = f"the slot of {self._slot:g} s from {wall.strftime('%Y-%m-%d %H:%M:%S', wall.localtime(begin))}"
        return f"the first in {slot}" if self._passed else f"not the first in {slot}"
