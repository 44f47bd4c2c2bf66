"""`f2b reload`: read the configuration again."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.cli.option import confirmable, to_confirm


@click.command(short_help="Read the configuration again")
@click.argument("jail", required=False, default="")
@click.option("--unban", is_flag=True, help="Lift every ban first.")
@confirmable
@asks
@click.pass_obj
def reload(server: Server, jail: str, unban: bool, confirm: float | None, as_json: bool) -> None:
    """Read the configuration again, or that of one JAIL; bans, counters and log positions stay.

    If a running jail would become invalid, nothing is changed and the exit code is 2.

    \b
    Examples:
      f2b reload
      f2b reload sshd
      f2b reload --confirm 60s
    """
    answer = server.ask("reload", jail=jail, unban=unban, confirm=confirm)
    if as_json:
        show.as_json(answer)
        return
    for warning in answer["warnings"]:
        print(show.paint(f"warning: {show.plain(warning)}", "yellow"))
    print("reloaded")
    if confirm is not None:
        print(to_confirm(confirm))
