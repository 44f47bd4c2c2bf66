"""`f2b confirm`: keep what would be undone."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks


@click.command(short_help="Keep what a reload or ban with --confirm did")
@asks
@click.pass_obj
def confirm(server: Server, as_json: bool) -> int:
    """Keep what `f2b reload --confirm` or `f2b ban --confirm` did. Exits with 1 if there is nothing to confirm.

    \b
    Examples:
      f2b reload --confirm 60s
      f2b confirm
    """
    answer = server.ask("confirm")
    if as_json:
        show.as_json(answer)
    elif answer["confirmed"]:
        print(f"kept: {show.plain('; '.join(answer['confirmed']))}")
    else:
        print("nothing waits to be confirmed; was it undone already?")
    return 0 if answer["confirmed"] else 1
