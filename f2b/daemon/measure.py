"""How the server does, in numbers: for `f2b metrics`. Nothing here is worth a look at every ban, so none is taken."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from f2b.daemon.server import Server
from f2b.errors import ActionError
from f2b.firewall import Firewall, is_proven, is_queued
from f2b.jail import Jail


def measures(server: Server, closely: bool) -> Mapping[str, object]:
    """Return counts of the whole server; `closely`: what each firewall holds, too, which takes a while."""
    kept = server.feed
    return {
        "memory": _memory(),
        "processor": sum(os.times()[:2]),
        "events": kept.last,
        "database_trouble": bool(server.outlet.troubles),
        "jails": [_jail(server, jail, closely) for jail in server.engine.jails.values()],
    }


def _memory() -> int:
    """Return the bytes that are resident (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _jail(server: Server, jail: Jail, closely: bool) -> dict[str, object]:
    name = jail.name
    volume = server.engine.volumes[name]
    totals = server.feed.totals
    return {
        "name": name,
        "works": not server.failing(name),
        "failed": len(jail.counter),
        "failed_total": jail.counter.total,
        "banned": len(jail.ledger),
        "banned_total": jail.banned_total,
        **{f"{kind}_total": totals[kind, name] for kind in ("unban", "prolong", "refused", "error", "ignored")},
        "lines_total": volume.lines,
        "bytes_total": volume.bytes,
        "lost_total": server.outlet.broke[name],
        "lag": server.intake.lag(name),
        "actions": _actions(server, jail, closely),
    }


def _actions(server: Server, jail: Jail, closely: bool) -> Sequence[Mapping[str, object]]:
    guard = server.outlet.guards[jail.name]
    found = []
    for firewall in guard.firewalls:
        effort = guard.effort(firewall)
        found.append(
            {
                "name": firewall.name,
                "works": not (guard.failing.get(firewall.name) or (is_queued(firewall) and firewall.fault)),
                "calls": effort.calls,
                "failures": effort.failures,
                "seconds": effort.seconds,
                "elements": _elements(firewall, jail) if closely else None,
            }
        )
    return found


def _elements(firewall: Firewall, jail: Jail) -> int | None:
    """Return how many of the jail's bans the kernel holds; None if that cannot be asked."""
    if not is_proven(firewall):
        return None
    try:
        return len(firewall.held(tuple(jail.ledger.terms())))
    except ActionError:
        return None
