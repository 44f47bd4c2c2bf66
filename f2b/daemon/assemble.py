"""From a jail's specification to what runs: its filter, its core, its firewalls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from f2b.ban.collateral import Others
from f2b.ban.growth import Even, Growth
from f2b.ban.history import Past
from f2b.ban.protected import Protection, nobody
from f2b.config.model import ActionSpec, FilterSpec, JailSpec, Problem
from f2b.date.reader import MOST
from f2b.engine import line_reader
from f2b.errors import ActionError, ConfigError, Place
from f2b.events import Failure, Line
from f2b.filter import Filter
from f2b.filter.build import build
from f2b.filter.literals import Clause
from f2b.firewall import Firewall
from f2b.jail import Jail
from f2b.value import replace

if TYPE_CHECKING:
    from f2b.config.formula import Chance

MANUAL = "manual"
"""The jail of bans by hand that name no jail."""

Maker = Callable[[ActionSpec, JailSpec], Firewall]


class Nothing:
    """The filter of a jail that reads nothing."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Find nothing."""
        return ()

    def needs(self) -> Sequence[Sequence[Clause]]:
        """Say that no line matters."""
        return ()


def manual() -> JailSpec:
    """Return the jail for bans by hand: every port, every protocol."""
    here = Place("f2b ban")
    action = ActionSpec("nftables-allports", "nftables-allports", here, "nftables", _ALL_PORTS)
    return JailSpec(MANUAL, here, FilterSpec(MANUAL, here), (action,))


_ALL_PORTS = {"name": MANUAL, "actname": "nftables-allports", "type": "allports", "protocol": "all"}


def build_filter(spec: JailSpec) -> tuple[Filter | None, list[Problem]]:
    """Compile all that a jail needs to read lines; the problems say what is wrong, all at once."""
    if spec.name == MANUAL:
        return Nothing(), []
    found, problems = build(spec.filter)
    problems += _unreadable(spec)
    problems += _without_measure(spec)
    return found, [replace(problem, jail=spec.name) for problem in problems]


def _without_measure(spec: JailSpec) -> list[Problem]:
    """Return what is wrong with the formulas of growing bans."""
    try:
        Growth(spec.increment, Even())
    except ConfigError as error:
        return [Problem("error", error.what, error.cure, error.place or spec.place)]
    return []


def _unreadable(spec: JailSpec) -> list[Problem]:
    """Return what is wrong with date patterns, time zone and encoding: the whole is tried, then each by itself."""
    patterns = spec.filter.datepattern
    problems = _refused(spec, patterns[0].place if patterns else spec.place)
    if not problems or len(patterns) > MOST:
        return problems
    usual = replace(spec, logencoding="auto", logtimezone=None, filter=replace(spec.filter, datepattern=()))
    place = {name: text.place for name, text in spec.written.items()}
    found = [
        *_refused(replace(usual, logencoding=spec.logencoding), place.get("logencoding", spec.place)),
        *_refused(replace(usual, logtimezone=spec.logtimezone), place.get("logtimezone", spec.place)),
    ]
    for text in patterns:
        found += _refused(replace(usual, filter=replace(spec.filter, datepattern=(text,))), text.place)
    return found or problems


def _refused(spec: JailSpec, place: Place) -> list[Problem]:
    try:
        line_reader(spec)
    except ConfigError as error:
        return [Problem("error", error.what, error.cure, error.place or place)]
    return []


def build_jail(
    spec: JailSpec,
    past: Past,
    chance: Chance,
    protection: Protection = nobody,
    others: Others | None = None,
) -> tuple[Jail | None, list[Problem]]:
    """Make a jail, or say why it cannot be made."""
    found, problems = build_filter(spec)
    wrong = any(problem.severity == "error" for problem in problems)
    return (None if found is None or wrong else Jail(spec, found, past, chance, protection, others)), problems


def build_firewalls(spec: JailSpec, make: Maker) -> tuple[list[Firewall], list[Problem]]:
    """Make a jail's actions; those that cannot be made are problems, the others go on without them."""
    made: list[Firewall] = []
    problems: list[Problem] = []
    for action in spec.actions:
        try:
            made.append(make(action, spec))
        except (ConfigError, ActionError) as error:
            problems.append(Problem("error", f"action {action.name}: {error}", "", action.place, spec.name))
    return made, problems
