"""Reloading: what of a new configuration concerns which jail. Pure; `server` carries it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from f2b.config.model import JailSpec, Problem, Settings


class Plan(NamedTuple):
    """What a reload does, by jail name. Who is in none of these is not touched."""

    added: tuple[JailSpec, ...]
    changed: tuple[JailSpec, ...]
    removed: tuple[str, ...]


def plan(running: Mapping[str, JailSpec], settings: Settings, only: str = "") -> Plan:
    """Compare what runs with what was read; `only` one jail, if it is named."""
    wanted = {spec.name: spec for spec in settings.jails if only in ("", spec.name)}
    return Plan(
        tuple(spec for name, spec in wanted.items() if name not in running),
        tuple(spec for name, spec in wanted.items() if name in running and running[name] != spec),
        tuple(name for name in running if name not in wanted and only in ("", name)),
    )


def refusals(problems: Collection[Problem], known: Collection[Problem], only: str = "") -> list[Problem]:
    """Return the problems that forbid a reload: those of jails that ran or were not enabled until now.

    A jail that was broken at the last load (a jail of the `known` problems) blocks nothing, nor does a fault that was
    there then: its administrator knows, and the others must go on.
    """
    broken = {problem.jail for problem in known if problem.jail}
    return [
        problem
        for problem in problems
        if problem.severity == "error"
        and problem.jail not in broken
        and problem not in known
        and only in ("", problem.jail)
    ]
