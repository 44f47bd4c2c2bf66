"""A fault case: its name, how it hurts, and whom it can be done to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.patient import Kind, Patient

Hurt = Callable[[Patient], None]
BOTH: tuple[Kind, ...] = ("f2b", "Fail2Ban")
OURS: tuple[Kind, ...] = ("f2b",)


class Case(NamedTuple):
    """One fault. It holds if `hurt` raises nothing."""

    area: str
    name: str
    what: str
    hurt: Hurt
    kinds: tuple[Kind, ...]
    """The servers that it applies to."""
    quick: bool
    """It is tried by every .ci/run."""
    alone: bool
    """It keeps the machine busy, so nothing runs beside it."""


CASES: list[Case] = []


def fault(kinds: tuple[Kind, ...] = BOTH, quick: bool = False, alone: bool = False) -> Callable[[Hurt], Hurt]:
    """Make a function a fault case; its docstring says what is done and what must hold."""

    def note(hurt: Hurt) -> Hurt:
        area = hurt.__module__.rpartition(".")[2]
        what = (hurt.__doc__ or "").strip()
        CASES.append(Case(area, hurt.__name__.replace("_", " "), what, hurt, kinds, quick, alone))
        return hurt

    return note
