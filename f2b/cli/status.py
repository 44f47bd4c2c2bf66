"""`f2b status`: what the server watches, and whom each jail keeps out."""

from __future__ import annotations

import time
from typing import Any

import click

from f2b import duration
from f2b.cli import show
from f2b.cli.group import Server, asks

_STATE: dict[str, show.Colour] = {"up": "green", "waiting": "yellow", "down": "red"}


@click.command(short_help="What the server watches, and whom each jail keeps out")
@click.argument("jail", required=False)
@asks
@click.pass_obj
def status(server: Server, jail: str | None, as_json: bool) -> None:
    """Show the server and its jails, or one JAIL with everybody it keeps out.

    \b
    Examples:
      f2b status
      f2b status sshd
      f2b status --json | jq '.jails[] | {name, banned}'
    """
    answer = server.ask("jail", jail=jail) if jail else server.ask("status")
    if as_json:
        show.as_json(answer)
    elif jail:
        _tell_jail(answer)
    else:
        _tell_server(answer)


def _tell_server(view: dict[str, Any]) -> None:
    age = duration.human(max(1, int(time.time() - view["started"])))
    print(f"f2b {view['version']}, process {view['pid']}, running for {age}")
    if view["enforcing"]:
        print(show.paint("enforcing: yes", "green"))
    else:
        print(show.paint(f"enforcing: no ({view['reason']})", "yellow"))
    print()
    if view["jails"]:
        print(show.table(_HEADS, [_summary(jail) for jail in view["jails"]]))
    else:
        print("No jail is enabled.")
    for problem in view["problems"]:
        print(show.paint(f"problem: {show.plain(problem)}", "red"))


_HEADS = ("JAIL", "STATE", "FAILED", "TOTAL", "BANNED", "TOTAL", "WATCHES")


def _summary(jail: dict[str, Any]) -> list[str]:
    state = show.paint(jail["state"], _STATE[jail["state"]])
    numbers = [str(jail[key]) for key in ("failed", "failed_total", "banned", "banned_total")]
    return [show.plain(jail["name"]), state, *numbers, show.plain(jail["reason"]) or _watched(jail)]


def _watched(jail: dict[str, Any]) -> str:
    files = jail["files"]
    if len(files) > 1:
        return f"{files[0]} and {len(files) - 1} more"
    return files[0] if files else " ".join(jail["journalmatch"]) or "-"


def _tell_jail(jail: dict[str, Any]) -> None:
    state = show.paint(jail["state"], _STATE[jail["state"]])
    why = f" ({show.plain(jail['reason'])})" if jail["reason"] else ""
    print(f"{show.plain(jail['name'])}: {state}{why}")
    for source in jail["files"] or jail["journalmatch"]:
        print(f"  watches {source}")
    print(f"  failed  {jail['failed']} now, {jail['failed_total']} in all")
    print(f"  banned  {jail['banned']} now, {jail['banned_total']} in all")
    if jail["bans"]:
        print()
        print(show.bans(jail["bans"], with_jail=False))
