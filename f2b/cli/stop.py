"""`f2b stop`: end the server."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.control import client
from f2b.errors import ControlError

_PATIENCE = 30
"""Seconds; actions that run commands may take their time."""


@click.command(short_help="End the server")
@click.option("--keep", is_flag=True, help="Leave bans in the firewall until they time out or the server is back.")
@asks
@click.pass_obj
def stop(server: Server, keep: bool, as_json: bool) -> None:
    """End the server and take its rules and bans out of the firewall. The next start bans the same people again.

    \b
    Examples:
      f2b stop
      f2b stop --keep            restart without a gap
    """
    answer = server.ask("stop", keep=keep)
    if not client.wait_gone(server.path, _PATIENCE):
        raise ControlError(f"the server (process {answer['pid']}) is ending, but still there after {_PATIENCE} s")
    if as_json:
        show.as_json(answer)
    else:
        print("stopped, bans stay in force" if keep else "stopped, bans are lifted")
