"""`f2b top`: the server as it works, in the terminal."""

from __future__ import annotations

import sys
import time

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.cli.scoreboard import SUSPECTS, WINDOW_S, Rate, Scoreboard, kept_out
from f2b.client import Client


@click.command(short_help="The server as it works, in the terminal")
@asks
@click.pass_obj
def top(server: Server, as_json: bool) -> int:
    """Show jails, failures and bans a minute, and who fails most, as it happens.

    Keys: b bans and u lifts the ban of the address in question, e explains it, q ends. It asks the server every two
    seconds, works over ssh and in 80 columns, and needs the extra tui: pip install 'f2b[tui]'.

    \b
    Examples:
      f2b top
      f2b top --json             what it would show now
    """
    with Client(server.path) as client:
        if as_json:
            show.as_json(_now(client))
            return 0
        client.status()  # if nobody answers, that is said before the screen is taken
    if not sys.stdout.isatty():
        raise click.ClickException("top needs a terminal; --json prints what it would show")
    try:
        from f2b.cli.screen import Screen  # textual, which only this command needs
    except ImportError:
        raise click.ClickException("top needs textual; pip install 'f2b[tui]'") from None
    Screen(server.path).run()
    return 0


def _now(client: Client) -> object:
    board, now = Scoreboard(), time.time()
    batch = client.read(since=now - WINDOW_S, wait=0)
    while batch.events:
        for event in batch.events:
            board.take(event)
        batch = client.read(batch.cursor, wait=0)
    rates = board.rates(now)
    jails = [
        {
            "name": jail.name,
            "state": jail.state,
            **rates.get(jail.name, Rate(0, 0))._asdict(),
            "banned": jail.banned,
            "lag": jail.lag,
        }
        for jail in client.status().jails
    ]
    suspects = board.suspects(now, SUSPECTS)
    banned = kept_out(client, suspects)
    return {"jails": jails, "addresses": [{**each._asdict(), "banned": each.id in banned} for each in suspects]}
