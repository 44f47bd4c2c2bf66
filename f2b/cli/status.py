"""`f2b status`: what the server watches, and whom each jail keeps out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from f2b import duration
from f2b.cli import show
from f2b.cli.argument import WHERE, Command, Given

HELP = """\
Usage: f2b status [OPTIONS] [JAIL]

  Show the server and its jails, or one JAIL with everybody it keeps out.

  Examples:
    f2b status
    f2b status sshd
    f2b status --json | jq '.jails[] | {name, banned}'

Options:
  --json               Print the answer as JSON.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Find the server by the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("status", HELP, {**WHERE, "json": "json"}, words=1)

_STATE: dict[str, show.Colour] = {"up": "green", "waiting": "yellow", "down": "red"}


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _status)


def _status(given: Given) -> int:
    answer = given.ask("jail", jail=given.words[0]) if given.words else given.ask("status")
    if "json" in given.values:
        show.as_json(answer)
    elif given.words:
        _tell_jail(answer)
    else:
        _tell_server(answer)
    return 0


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
    if view.get("fleet"):
        print(_fleet(view["fleet"]))
    for problem in view["problems"]:
        print(show.paint(f"problem: {show.plain(problem)}", "red"))


def _fleet(said: dict[str, Any]) -> str:
    """Return what is known of the other hosts."""
    contact = said["contact"]
    ago = f"last contact {max(0.0, time.time() - contact):.0f} s ago" if contact else "no contact yet"
    return f"fleet: {said['hosts']} hosts, {said['bans']} shared bans, {ago}, {said['lag']:.1f} s behind"


_HEADS = ("JAIL", "STATE", "FAILED", "TOTAL", "BANNED", "TOTAL", "WATCHES")


def _summary(jail: dict[str, Any]) -> list[str]:
    state = show.paint(jail["state"], _STATE[jail["state"]])
    numbers = [str(jail[key]) for key in ("failed", "failed_total", "banned", "banned_total")]
    return [show.plain(jail["name"]), state, *numbers, show.plain(jail["reason"]) or _watched(jail) + _behind(jail)]


def _behind(jail: dict[str, Any]) -> str:
    return f" ({show.size(jail['lag'])} behind)" if jail["lag"] else ""


def _watched(jail: dict[str, Any]) -> str:
    files = jail["files"]
    if jail["backend"] == "bans":
        return "own bans"
    if len(files) > 1:
        return f"{files[0]} and {len(files) - 1} more"
    return files[0] if files else " ".join(jail["journalmatch"]) or "-"


def _tell_jail(jail: dict[str, Any]) -> None:
    state = show.paint(jail["state"], _STATE[jail["state"]])
    why = f" ({show.plain(jail['reason'])})" if jail["reason"] else ""
    print(f"{show.plain(jail['name'])}: {state}{why}")
    for source in jail["files"] or jail["journalmatch"]:
        print(f"  watches {source}")
    if jail["lag"]:
        print(f"  behind  {show.size(jail['lag'])} of its logs are written and not read yet")
    print(f"  failed  {jail['failed']} now, {jail['failed_total']} in all")
    print(f"  banned  {jail['banned']} now, {jail['banned_total']} in all")
    if jail["bans"]:
        print()
        print(show.bans(jail["bans"], with_jail=False))
