"""Settings as the commands that Fail2Ban's client would send to its server: what `fail2ban-client -d` prints.

Read from `written`, so that times and tags stand there as people wrote them.
"""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Callable, Iterable, Iterator

from f2b.config.model import ActionSpec, FilterSpec, JailSpec, LogPath, ServerSpec, Settings, Text

Command = list[object]
Logs = Callable[[str], Iterable[str]]
"""The existing files that a path or a glob names."""

_WIDTH = 1000

_SERVER = {
    "syslogsocket": "auto",
    "loglevel": "INFO",
    "logtarget": "STDERR",
    "allowipv6": "auto",
    "dbfile": "/var/lib/fail2ban/fail2ban.sqlite3",
    "dbmaxmatches": "10",
    "dbpurgeage": "1d",
}
"""Fail2Ban's order, and what it says where nothing is configured."""

_LIMITS = (
    *("maxretry", "maxmatches", "findtime", "bantime", "bantime.increment", "bantime.factor", "bantime.formula"),
    *("bantime.multipliers", "bantime.maxtime", "bantime.rndtime", "bantime.overalljails"),
    *("ignorecommand", "ignoreself", "ignoreip", "ignorecache", "logtimezone", "logencoding"),
)
_ACTION = (
    *("actionstart", "actionstart_on_demand", "actionstop", "actionflush", "actionreload", "actioncheck"),
    *("actionrepair", "actionrepair_on_unban", "actionban", "actionprolong", "actionreban", "actionunban"),
    "norestored",
)
_NUMBERS = ("maxretry", "maxmatches", "maxlines", "dbmaxmatches")
_TRUTHS = (
    *("bantime.increment", "bantime.overalljails", "ignoreself"),
    *("actionstart_on_demand", "actionrepair_on_unban", "norestored"),
)
_TRUE = ("1", "on", "true", "yes")
_SINGLE = ("usedns", "prefregex", "maxlines")


def commands(settings: Settings, logs: Logs) -> Iterator[Command]:
    """Yield what sets a server up: its own options, each jail, and last the starts."""
    yield from _server(settings.server)
    for jail in settings.jails:
        yield from _jail(jail, logs)
    wrong = {problem.jail: problem.what for problem in reversed(settings.problems) if problem.severity == "error"}
    for name, what in reversed(wrong.items()):
        if name:
            yield ["config-error", f"Jail {name!r} skipped, because of wrong configuration: {what}"]
    for jail in settings.jails:
        yield ["start", jail.name]


def pretty(command: Command) -> str:
    """Return a command as `--dp` prints it: a long one over several lines."""
    return pprint.pformat(command, indent=2, width=_WIDTH)


def _server(server: ServerSpec) -> Iterator[Command]:
    for name, default in _SERVER.items():
        written = server.written.get(name)
        yield ["set", name, _typed(name, written.value if written else default)]


def _jail(jail: JailSpec, logs: Logs) -> Iterator[Command]:
    backend = jail.written.get("backend")
    yield ["add", jail.name, backend.value if backend and backend.value else "auto"]
    yield from _filter(jail.filter, jail)
    for name in _LIMITS:
        if name == "ignoreip" and name in jail.written:
            yield ["set", jail.name, "addignoreip", *jail.ignoreip]
        elif name in jail.written:
            yield ["set", jail.name, name, _typed(name, jail.written[name].value)]
    if not jail.journal:
        yield from (line for log in jail.logpath for line in _log(jail.name, log, logs))
    for action in jail.actions:
        yield from _action(jail.name, action)


def _filter(spec: FilterSpec, jail: JailSpec) -> Iterator[Command]:
    for name in sorted(_SINGLE, key=lambda name: name not in jail.written):  # the jail's own come first
        if name in spec.written:
            yield ["set", jail.name, name, _typed(name, spec.written[name].value)]
    yield from _several(jail.name, "addignoreregex", spec.ignoreregex)
    yield from _several(jail.name, "addfailregex", spec.failregex)
    if "datepattern" in spec.written:
        yield ["set", jail.name, "datepattern", spec.written["datepattern"].value]
    for match in spec.journalmatch:
        yield ["set", jail.name, "addjournalmatch", *_terms(match)]


def _terms(match: str) -> list[str]:
    try:
        return shlex.split(match)
    except ValueError:  # a quotation mark too many
        return match.split()


def _several(jail: str, verb: str, texts: Iterable[Text]) -> Iterator[Command]:
    values = [text.value for text in texts]
    if len(values) == 1:
        yield ["set", jail, verb, values[0]]
    elif values:
        yield ["multi-set", jail, verb, values]


def _log(jail: str, log: LogPath, logs: Logs) -> Iterator[Command]:
    for file in logs(log.pattern):
        yield ["set", jail, "addlogpath", file, "tail" if log.tail else "head"]


def _action(jail: str, action: ActionSpec) -> Iterator[Command]:
    if action.type == "python":
        yield ["set", jail, "addaction", action.name, str(action.place), json.dumps(dict(action.options))]
        return
    # What the jail hands over stands behind what the file itself defines.
    own = sorted((name for name in _ACTION if name in action.options), key=action.written.__contains__)
    told: list[Command] = [[name, _typed(name, action.options[name])] for name in own]
    told += [[name, text.value] for name, text in action.written.items() if name not in _ACTION]
    yield ["set", jail, "addaction", action.name]
    yield ["multi-set", jail, "action", action.name, told]


def _typed(name: str, value: str) -> object:
    if name in _TRUTHS:
        return value.lower() in _TRUE
    if name in _NUMBERS:
        return int(value) if value.strip().lstrip("-").isdigit() else None
    return value
