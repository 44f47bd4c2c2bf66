"""`f2b allow`: whom no filter may ban."""

from __future__ import annotations

import time

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.cli.option import seconds_of
from f2b.duration import human


@click.command(short_help="Let no filter ban an address")
@click.argument("addresses", metavar="[IP]...", nargs=-1)
@click.option("--for", "seconds", metavar="TIME", callback=seconds_of, help="How long: 2h, 1d; else for good.")
@click.option("--remove", is_flag=True, help="Let filters ban them again.")
@asks
@click.pass_obj
def allow(server: Server, addresses: tuple[str, ...], seconds: float | None, remove: bool, as_json: bool) -> None:
    """Let no filter ban each IP (or network), also after a restart, and let it in now. Without IP: who is allowed.

    \b
    Examples:
      f2b allow 192.0.2.7 --for 2h
      f2b allow 2001:db8:1::/48
      f2b allow --remove 192.0.2.7
      f2b allow
    """
    if remove and not addresses:
        raise click.UsageError("Give the addresses to remove")
    answer = server.ask("allow", ids=list(addresses), duration=seconds, remove=remove)
    if as_json:
        show.as_json(answer)
        return
    if answer["unbanned"]:
        print(f"lifted {show.count(answer['unbanned'], 'ban')}")
    now = time.time()
    rows = [
        [show.plain(it["id"]), "for good" if it["end"] is None else human(max(1, round(it["end"] - now)))]
        for it in answer["allowed"]
    ]
    print(show.table(["ALLOWED", "FOR"], rows) if rows else "nobody is allowed")
