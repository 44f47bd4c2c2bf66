"""`f2b verify`: whether the kernel keeps out whom it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.duration import human


@click.command(short_help="Whether the kernel keeps out whom it should, and what may be in the way")
@click.argument("addresses", metavar="[IP]...", nargs=-1)
@asks
@click.pass_obj
def verify(server: Server, addresses: tuple[str, ...], as_json: bool) -> int:
    """Ask the kernel for every ban, or for those of each IP, and say what may be wrong.

    With an IP it is looked at closely: its connections, and the rules of others that come before ours. Exits with 1
    if a ban is not in force, or an IP is not banned.

    \b
    Examples:
      f2b verify
      f2b verify 192.0.2.7
      f2b verify --json | jq -r '.checks[] | select(.held == false) | .id'
    """
    answer = server.ask("verify", ids=list(addresses))
    checks = answer["checks"]
    if as_json:
        show.as_json(answer)
    elif checks:
        print("\n".join([_table(checks), *_remarks(checks)]))
    else:
        print(f"not banned: {' '.join(map(show.plain, addresses))}" if addresses else "nobody is banned")
    bad = any(check["held"] is False for check in checks) or (addresses and not checks)
    return 1 if bad else 0


def _table(checks: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for check in checks:
        held = {True: show.paint("yes", "green"), False: show.paint("no", "red")}.get(check["held"], "cannot tell")
        left = (
            "-" if not check["held"] else "for ever" if check["left"] is None else human(max(1, round(check["left"])))
        )
        rows.append([show.plain(check["id"]), show.plain(check["jail"]), check["action"], held, left])
    return show.table(["ADDRESS", "JAIL", "ACTION", "IN KERNEL", "FOR"], rows)


def _remarks(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each remark once, with whom it is about."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for check in checks:
        for remark in check["remarks"]:
            about = check["jail"], check["action"], remark["cause"], remark["cure"]
            found.setdefault(about, []).append(check["id"])
    lines = []
    for (jail, action, cause, cure), ids in found.items():
        who = ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
        lines += ["", show.plain(f"{who}, {jail}, {action}: {cause}"), show.plain(f"  {cure}")]
    return lines
