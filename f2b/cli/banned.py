"""`f2b banned`: who is banned, where and until when."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks


@click.command(short_help="Who is banned, where and until when")
@click.argument("addresses", metavar="[IP]...", nargs=-1)
@asks
@click.pass_obj
def banned(server: Server, addresses: tuple[str, ...], as_json: bool) -> int:
    """List every ban, or those of each IP. Exits with 1 if there is none.

    \b
    Examples:
      f2b banned
      f2b banned 192.0.2.7 && echo 'kept out'
      f2b banned --json | jq -r '.bans[].id'
    """
    answer = server.ask("banned", ids=list(addresses))
    if as_json:
        show.as_json(answer)
    elif answer["bans"]:
        print(show.bans(answer["bans"]))
    else:
        print(f"not banned: {' '.join(map(show.plain, addresses))}" if addresses else "nobody is banned")
    return 0 if answer["bans"] or not addresses else 1
