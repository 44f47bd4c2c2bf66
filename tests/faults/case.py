"""A fault case: its name, how it hurts, and whom it can be done to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.patient import Kind, Patient

Hurt = Callable[[Patient], None]


class Case(NamedTuple):
    """One fault. It holds if `hurt` raises nothing."""

    area: str
    name: str
    what: str
    hurt: Hurt
    ours: str
    """Why it cannot be done to Fail2Ban, empty if it can."""
    quick: bool
    """It is tried by every .ci/run."""
    alone: bool
    """It keeps the machine busy, so nothing runs beside it."""

    def applies(self, kind: Kind) -> bool:
        """Return whether it can be done to such a server."""
        return kind == "f2b" or not self.ours


CASES: list[Case] = []


def fault(*, ours: str = "", quick: bool = False, alone: bool = False) -> Callable[[Hurt], Hurt]:
    """Make a function a fault case; its docstring says what is done and what must hold, `ours` why to f2b only."""

    def note(hurt: Hurt) -> Hurt:
        area = hurt.__module__.rpartition(".")[2]
        what = (hurt.__doc__ or "").strip()
        CASES.append(Case(area, hurt.__name__.replace("_", " "), what, hurt, ours, quick, alone))
        return hurt

    return note
