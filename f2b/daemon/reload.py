"""Reloading: what of a new configuration concerns which jail, and what forbids it. Pure; `front` carries it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from f2b.config.model import JailSpec, Problem, Settings


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


def refusals(problems: Collection[Problem], known: Known, only: str = "") -> list[Problem]:
    """Return the problems that forbid a reload: those of jails that run, or were not enabled until now.

    A jail that was down after the last load blocks nothing, nor does a fault that was told then: its administrator
    knows, and the others must go on.
    """
    told = {_gist(problem) for problem in known.problems}
    return [
        problem
        for problem in problems
        if problem.severity == "error"
        and _gist(problem) not in told
        and (not problem.jail or problem.jail in known.running or problem.jail not in known.down)
        and (only in ("", problem.jail) or not problem.jail)
    ]


def _gist(problem: Problem) -> tuple[str, str]:
    """Return what makes a problem the same as before: not its line, which moves when others come before it."""
    return problem.jail, problem.what
