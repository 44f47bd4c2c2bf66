"""All that a configuration makes the server build, built the same way and thrown away: what is wrong comes to light.

Pure: nothing is started, no firewall is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from f2b.config.model import ActionSpec, FilterSpec, JailSpec, Problem, Settings, Severity
from f2b.config.survey import NOBODY, Survey
from f2b.daemon.assemble import build_filter
from f2b.errors import ActionError, ConfigError
from f2b.filter import Filter
from f2b.firewall.choice import NATIVE, choose, place
from f2b.firewall.port import Service
from f2b.firewall.render import Recipe
from f2b.firewall.script import Script
from f2b.firewall.ticket import Context
from f2b.named import NamedTuple
from f2b.value import replace

_TYPES = ("command", "script", "python", *NATIVE, "dry")
_PROGRAM = re.compile(r"\s*(\w[\w./+-]*|/[\w./+-]+)(?=\s|$)")
_SHELL = frozenset(
    [
        "for",
        "do",
        "done",
        "while",
        "until",
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "case",
        "esac",
        "in",
        "break",
        "continue",
        "return",
        "exit",
        "set",
        "unset",
        "export",
        "shift",
        "eval",
        "exec",
        "cd",
        "echo",
        "printf",
        "read",
        "test",
        "true",
        "false",
        "trap",
        "umask",
        "wait",
        "command",
        "local",
    ]
)
"""What a command line may begin with and is no program."""


class Here(NamedTuple):
    """What there is on this host."""

    service: Service
    installed: Callable[[str], bool]
    """Whether a shell would find a program."""
    lacks: Callable[[Filter], Sequence[Problem]]
    """What a filter cannot judge without, and is not there."""


def problems(settings: Settings, here: Here) -> Iterator[Problem]:
    """Yield what is wrong with settings beyond what they say themselves."""
    for jail in (*settings.jails, *settings.broken):
        found, wrong = build_filter(jail)
        yield from wrong
        if found is not None:
            yield from (replace(problem, jail=jail.name) for problem in here.lacks(found))
        for action in jail.actions:
            yield from _action(action, jail, here, jail.name)


def unused(survey: Survey, here: Here) -> Iterator[Problem]:
    """Yield what is wrong with filters and actions, whether a jail uses them or not."""
    for spec in survey.filters:
        yield from build_filter(JailSpec("", spec.place, spec))[1]
    for action in survey.actions:
        jail = JailSpec(NOBODY, action.place, FilterSpec("", action.place))
        yield from (problem for problem in _action(action, jail, here, "") if problem.severity == "error")


def _action(action: ActionSpec, jail: JailSpec, here: Here, name: str) -> Iterator[Problem]:
    try:
        yield from (_problem("warning", doubt, action, name) for doubt in _doubts(action, jail, here))
    except (ConfigError, ActionError) as error:
        yield _problem("error", error, action, name)


def _doubts(action: ActionSpec, jail: JailSpec, here: Here) -> Iterator[ConfigError]:
    """Yield what will not work here. Raises ConfigError or ActionError if nothing of it can."""
    if action.type not in _TYPES:
        cure = f"use {', '.join(_TYPES)}"
        raise ConfigError(f"actiontype = {action.type} is not known", place("actiontype", action, jail), cure)
    if action.type == "script":
        yield from _missing(
            [Script(action.options, action.name, jail.name, Context(), float, _mute).program], action, here
        )
    chosen = choose(action, jail, here.service, here.installed)
    if chosen.doubt:
        yield chosen.doubt
    if chosen.stands_in:
        yield ConfigError("iptables is not installed, nftables takes over", action.place)
    if chosen.plan is None and action.type == "command":
        recipe = Recipe({"name": jail.name, "actname": action.name, **action.options}, Context())
        yield from _missing(_programs(recipe), action, here)


def _missing(programs: Iterable[str], action: ActionSpec, here: Here) -> Iterator[ConfigError]:
    for program in programs:
        if not here.installed(program):
            yield ConfigError(f"{program} is not installed here", action.place, f"install it, or drop {action.name}")


def _mute(level: str, text: str) -> None:
    """Nothing is run, so nothing is told."""


def _programs(recipe: Recipe) -> list[str]:
    """Return what the commands begin with, as far as that is plain: `nft`, and not `$(...)`.

    Further lines are left alone: they may be the text of a mail.
    """
    texts = (recipe.text(verb, kind) for verb in ("start", "ban", "unban") for kind in ("inet4", "inet6"))
    found = dict.fromkeys(word[1] for word in map(_PROGRAM.match, texts) if word)
    return [word for word in found if word not in _SHELL]


def _problem(severity: Severity, error: ConfigError | ActionError, action: ActionSpec, jail: str) -> Problem:
    if isinstance(error, ActionError):
        error = ConfigError(str(error))
    where = error.place or action.place
    return Problem(severity, f"action {action.name}: {error.what}", error.cure, where, jail)
