"""`f2b migrate`: what becomes of a Fail2Ban configuration under f2b."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from f2b.cli import show
from f2b.config import search
from f2b.config.model import ActionSpec, JailSpec, Settings
from f2b.daemon.assemble import build_filter
from f2b.errors import ActionError, ConfigError
from f2b.firewall.build import service
from f2b.firewall.choice import choose
from f2b.firewall.native import installed
from f2b.firewall.owner import fail2ban
from f2b.firewall.plan import Plan
from f2b.named import NamedTuple

FOLDER = "/etc/fail2ban"
_OWN_TYPES = {"dry": "tells, and bans nobody", "script": "runs as a script", "python": "runs as it is, in a thread"}


class Finding(NamedTuple):
    """What becomes of one jail."""

    jail: JailSpec
    faults: tuple[str, ...]
    """Why it cannot run."""
    actions: tuple[tuple[str, str], ...]
    """By name, what carries each out."""


@click.command(short_help="What becomes of a Fail2Ban configuration")
@click.option("-c", "--config", "directory", metavar="DIR", default=FOLDER, show_default=True, help="Look at DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def migrate(directory: str, as_json: bool) -> int:
    """Say what of a Fail2Ban configuration runs as it is, what f2b carries out itself, and what differs.

    Changes nothing. Exits with 2 if a jail could not run.

    \b
    Examples:
      f2b migrate
      f2b migrate -c /srv/backup/fail2ban
    """
    settings = search.load(Path(directory))
    found = [finding(jail, settings) for jail in (*settings.jails, *settings.broken)]
    running = fail2ban() is not None
    if as_json:
        show.as_json({"directory": directory, "jails": list(map(_entry, found)), "server_running": running})
    else:
        print("\n".join(_report(directory, settings, found, running)))
    return 2 if any(it.faults for it in found) else 0


def finding(jail: JailSpec, settings: Settings) -> Finding:
    """Return what becomes of a jail."""
    problems = [*(it for it in settings.problems if it.jail == jail.name), *build_filter(jail)[1]]
    faults = tuple(dict.fromkeys(str(it) for it in problems if it.severity == "error"))
    return Finding(jail, faults, tuple((action.name, carried_out(action, jail)) for action in jail.actions))


def carried_out(action: ActionSpec, jail: JailSpec) -> str:
    """Say how an action is carried out."""
    if action.type in _OWN_TYPES:
        return _OWN_TYPES[action.type]
    try:
        choice = choose(action, jail, service, installed)
    except (ActionError, ConfigError) as error:
        return f"cannot run: {error}"
    if choice.plan is None:
        why = f" ({choice.doubt.what})" if choice.doubt else ""
        return f"runs its own commands{why}"
    if isinstance(choice.plan, Plan):
        return "native: nftables" + (", for iptables is not installed" if choice.stands_in else "")
    in_sets = any(half.set for half in choice.plan.halves.values())
    return f"native: {'ipset' if in_sets else 'iptables'}"


def _report(directory: str, settings: Settings, found: list[Finding], running: bool) -> Iterator[str]:
    yield show.paint(f"{directory}: {show.count(len(found), 'enabled jail')}", "bold")
    if found:
        rows = [
            [show.plain(it.jail.name), it.jail.filter.name, show.plain(name), _cannot() if it.faults else how]
            for it in found
            for name, how in it.actions or (("-", "has no action: bans keep nobody out"),)
        ]
        yield show.table(["JAIL", "FILTER", "ACTION", "UNDER f2b"], rows)
    for it in found:
        yield from (show.paint(show.plain(fault), "red") for fault in it.faults)
    warnings = [str(it) for it in settings.problems if it.severity == "warning"]
    yield from (show.paint(show.plain(text), "yellow") for text in warnings)
    yield ""
    yield from _advice(settings, running)


def _cannot() -> str:
    return show.paint("cannot run", "red")


def _advice(settings: Settings, running: bool) -> Iterator[str]:
    yield "Bans, counts and log positions are taken over from its database, and Fail2Ban can go back to it."
    if any(jail.increment.enabled for jail in settings.jails):
        yield "Bans that grow are looked up before they begin, not prolonged after."
    if any(jail.filter.usedns in ("yes", "warn") for jail in settings.jails):
        yield "Host names are looked up beside the work, so a slow name server holds up no log."
    yield "What differs on purpose: docs/differences.md"
    if running:
        yield "Fail2Ban runs now: end it before f2b serves the same configuration:  fail2ban-client stop && f2b serve"
    else:
        yield "Try it without a ban:  f2b serve --dry-run       In earnest:  f2b serve"


def _entry(found: Finding) -> dict[str, object]:
    actions = [{"name": name, "carried_out": how} for name, how in found.actions]
    return {
        "name": found.jail.name,
        "filter": found.jail.filter.name,
        "faults": list(found.faults),
        "actions": actions,
    }
