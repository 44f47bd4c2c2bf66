"""Reloading: what of a new configuration concerns which jail, and what forbids it. Pure; `front` carries it out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from f2b.config.model import JailSpec, Problem, Settings
from f2b.named import NamedTuple
from f2b.value import replace

Item = TypeVar("Item")


class Plan(NamedTuple):
    """What a reload does, by jail name. Who is in none of these is not touched."""

    added: tuple[JailSpec, ...]
    changed: tuple[JailSpec, ...]
    removed: tuple[str, ...]


class Known(NamedTuple):
    """How things stood before."""

    running: Collection[str]
    """The jails that run."""
    down: Collection[str]
    """Those that were enabled at the last load, and do not run."""
    problems: Collection[Problem]
    """What is wrong, as it was told then."""


def plan(running: Mapping[str, JailSpec], settings: Settings, only: str = "", restart: bool = False) -> Plan:
    """Compare what runs with what was read; `only` one jail, if it is named. `restart`: all of it goes and comes."""
    wanted = {spec.name: spec for spec in settings.jails if only in ("", spec.name)}
    kept = [spec for name, spec in wanted.items() if name in running]
    new = [spec for name, spec in wanted.items() if name not in running]
    gone = [name for name in running if name not in wanted and only in ("", name)]
    if restart:
        return Plan((*kept, *new), (), (*gone, *(spec.name for spec in kept)))
    return Plan(tuple(new), tuple(spec for spec in kept if running[spec.name] != spec), tuple(gone))


def refusals(written: Collection[Problem], built: Collection[Problem], known: Known, only: str = "") -> list[Problem]:
    """Return the problems that forbid a reload: those of jails that run, or were not enabled until now.

    `written` is what is wrong with the files, and would take a jail down; `built` with what they make us build.
    A jail that was down after the last load blocks nothing, nor does a fault that was told then: its administrator
    knows, and the others must go on.
    """
    told = {_gist(problem) for problem in known.problems}
    fatal = [problem for problem in written if problem.jail in known.running]
    others = [
        problem
        for problem in (*written, *built)
        if _gist(problem) not in told and problem.jail not in known.down and problem not in fatal
    ]
    return [
        problem
        for problem in (*fatal, *others)
        if problem.severity == "error" and problem.jail in (only or problem.jail, "")
    ]


def merged(old: Settings, new: Settings, only: str) -> Settings:
    """Return the settings after one jail alone was read anew: those of the others are as they were."""

    def both(mine: Sequence[Item], others: Sequence[Item], whose: Callable[[Item], str]) -> tuple[Item, ...]:
        kept = [item for item in others if whose(item) not in (only, "")]
        return (*kept, *(item for item in mine if whose(item) in (only, "")))

    return replace(
        new,
        jails=both(new.jails, old.jails, lambda spec: spec.name),
        broken=both(new.broken, old.broken, lambda spec: spec.name),
        problems=both(new.problems, old.problems, lambda problem: problem.jail),
    )


def _gist(problem: Problem) -> tuple[str, str]:
    """Return what makes a problem the same as before: not its line, which moves when others come before it.

    An action that was broken may be broken otherwise.
    """
    what = problem.what.partition(":")[0] if problem.what.startswith("action ") else problem.what
    return problem.jail, what
