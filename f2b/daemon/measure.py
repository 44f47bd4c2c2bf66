"""How the server does, in numbers: for `f2b metrics`. Nothing here is worth a look at every ban, so none is taken."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from f2b.daemon.desk import Steps
from f2b.daemon.guard import Guard
from f2b.daemon.server import Server
from f2b.engine import Volume
from f2b.errors import ActionError
from f2b.firewall import Firewall, is_proven, is_queued
from f2b.jail import Jail

PORTION = 128
"""Bans that the kernel is asked for at once, where it need not list all of them."""


def measures(server: Server, closely: bool) -> Steps[Mapping[str, object]]:
    """Count the whole server; `closely`: what each firewall holds, too, which takes a while."""
    kept, jails = server.feed, []
    for jail in list(server.engine.jails.values()):
        if server.engine.jails.get(jail.name) is jail:
            jails.append((yield from _jail(server, jail, closely)))
    return {
        "memory": _memory(),
        "processor": sum(os.times()[:2]),
        "events": kept.last,
        "database_trouble": bool(server.outlet.troubles),
        "jails": jails,
    }


def _memory() -> int:
    """Return the bytes that are resident (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _jail(server: Server, jail: Jail, closely: bool) -> Steps[dict[str, object]]:
    guard, held = server.outlet.guards[jail.name], dict[str, int | None]()
    for firewall in guard.firewalls if closely else ():
        held[firewall.name] = yield from _elements(firewall, jail)
    yield
    return _counts(server, jail, guard, held)


def _counts(server: Server, jail: Jail, guard: Guard, held: Mapping[str, int | None]) -> dict[str, object]:
    name = jail.name
    volume = server.engine.volumes.get(name, Volume())  # it may be gone by now
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
        "actions": _actions(guard, held),
    }


def _actions(guard: Guard, held: Mapping[str, int | None]) -> Sequence[Mapping[str, object]]:
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
                "elements": held.get(firewall.name),
            }
        )
    return found


def _elements(firewall: Firewall, jail: Jail) -> Steps[int | None]:
    """Count how many of the jail's bans the kernel holds; None if that cannot be asked."""
    if not is_proven(firewall):
        return None
    bans, held = list(jail.ledger.terms()), 0
    portion = PORTION if firewall.piecemeal else max(1, len(bans))
    try:
        for at in range(0, len(bans), portion):
            yield
            held += len(firewall.held(bans[at : at + portion]))
    except ActionError:
        return None
    return held
