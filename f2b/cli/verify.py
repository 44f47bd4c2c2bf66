"""`f2b verify`: whether the kernel keeps out whom it should."""

from __future__ import annotations

from collections import Counter
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
    """Ask the kernel for every ban, or for those of each IP, and say what may be wrong. What it lacks is put back.

    With an IP it is looked at closely: its connections, and the rules of others that come before ours. Exits with 1
    if a ban was not in force, or an IP is not banned.

    \b
    Examples:
      f2b verify
      f2b verify 192.0.2.7
      f2b verify --json | jq -r '.checks[] | select(.held == false) | .id'
    """
    answer = server.ask("verify", ids=list(addresses))
    checks, free = answer["checks"], answer["not_banned"]
    if as_json:
        show.as_json(answer)
    else:
        tables = [_bans(checks) if addresses else _actions(checks)] if checks else []
        none = [] if checks or addresses else ["nobody is banned"]
        print("\n".join([*tables, *_remarks(checks), *none, *(show.plain(f"not banned: {who}") for who in free)]))
    return 1 if free or any(check["held"] is False for check in checks) else 0


def _actions(checks: Sequence[Mapping[str, Any]]) -> str:
    """Return how many bans each action has in force."""
    asked = Counter((check["jail"], check["action"]) for check in checks)
    held = Counter((check["jail"], check["action"]) for check in checks if check["held"])
    unsure = {(check["jail"], check["action"]) for check in checks if check["held"] is None}
    rows = []
    for key, bans in asked.items():
        colour: show.Colour = "green" if held[key] == bans else "red"
        in_kernel = "cannot tell" if key in unsure else show.paint(str(held[key]), colour)
        rows.append([show.plain(key[0]), key[1], str(bans), in_kernel])
    return show.table(["JAIL", "ACTION", "BANS", "IN KERNEL"], rows)


def _bans(checks: Sequence[Mapping[str, Any]]) -> str:
    """Return what became of each ban."""
    words = {True: show.paint("yes", "green"), False: show.paint("no", "red"), None: "cannot tell"}
    rows = [
        [show.plain(check["id"]), show.plain(check["jail"]), check["action"], words[check["held"]], _left(check)]
        for check in checks
    ]
    return show.table(["ADDRESS", "JAIL", "ACTION", "IN KERNEL", "FOR"], rows)


def _left(check: Mapping[str, Any]) -> str:
    if not check["held"]:
        return "-"
    return "for ever" if check["left"] is None else human(max(1, round(check["left"])))


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
