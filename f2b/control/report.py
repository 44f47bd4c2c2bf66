"""What Fail2Ban's `status`, `statistics` and `banned` answer, in exactly its shapes: exporters look at positions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from operator import attrgetter

from f2b.ban.packed import Brief
from f2b.control.refusal import Args
from f2b.control.roll import Roll
from f2b.daemon.desk import JailView

Pairs = list[tuple[str, object]]
_FOREVER = "9999-12-31 23:59:59"
_CYMRU = ("Banned ASN list", "Banned Country list", "Banned RIR list")


def jails(views: Sequence[JailView]) -> Pairs:
    """Return `status`."""
    return [("Number of jail", len(views)), ("Jail list", ", ".join(sorted(view.name for view in views)))]


def everything(views: Sequence[JailView], flavour: str) -> object:
    """Return `status --all`: that of the server, and of each jail by name."""
    return [*jails(views), {view.name: jail(view, flavour) for view in sorted(views, key=lambda view: view.name)}]


def jail(view: JailView, flavour: str) -> object:
    """Return `status JAIL FLAVOUR`; an unknown flavour is the usual one."""
    if flavour == "stats":
        return _figures(view)
    logs = ("Journal matches", journal(view)) if view.spec.journal else ("File list", list(view.files))
    bans: Pairs = [("Currently banned", len(view.bans)), ("Total banned", view.banned_total)]
    if flavour != "short":
        bans.append(("Banned IP list", ids(view)))
    if flavour == "cymru":  # asks a name server about everybody; Fail2Ban without dnspython answers the same
        bans += [(name, ["error"]) for name in _CYMRU]
    found = [("Currently failed", view.failed), ("Total failed", view.failed_total), logs]
    return [("Filter", found), ("Actions", bans)]


def journal(view: JailView) -> list[str]:
    """Return what a jail reads of the journal, as one text: alternatives are joined by `+`."""
    return [" + ".join(view.journalmatch)] if view.journalmatch else []


def statistics(views: Sequence[JailView]) -> dict[str, object]:
    """Return `statistics`."""
    return {view.name: _figures(view) for view in views}


def _figures(view: JailView) -> list[object]:
    return [view.backend, (view.failed, view.failed_total), (len(view.bans), view.banned_total)]


def ids(view: JailView) -> Roll:
    """Return who is banned, in the order of banning."""
    held = list(view.bans.ids())
    return Roll(held, len(held))


def by_end(view: JailView, args: Args) -> Roll:
    """Return `get JAIL banip`: who is banned, the next to go first, with times if wanted."""
    held = [term.id for term in sorted(view.bans.terms(), key=attrgetter("end"))]
    if "--with-time" not in args[:1]:
        return Roll(held, len(held))
    return Roll((_with_time(ban) for ban in map(view.bans.brief, held) if ban), len(held))


def _with_time(ban: Brief) -> str:
    end = _FOREVER if ban.duration < 0 else _local(ban.time + ban.duration)
    return f"{ban.id} \t{_local(ban.time)} + {int(ban.duration)} = {end}"


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
