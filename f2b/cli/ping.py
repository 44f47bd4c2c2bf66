"""`f2b ping`: whether the server answers."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks


@click.command(short_help="Whether the server answers, and whether it enforces bans")
@asks
@click.pass_obj
def ping(server: Server, as_json: bool) -> None:
    """Ask the server whether it is there. Exits with 3 if it is not.

    \b
    Examples:
      f2b ping || systemctl restart f2b
      f2b ping --json | jq .enforcing
    """
    answer = server.ask("ping")
    if as_json:
        show.as_json(answer)
        return
    bans = "yes" if answer["enforcing"] else f"no ({answer['reason']})"
    print(f"pong from f2b {answer['version']}, process {answer['pid']}, enforcing: {bans}")
