"""`f2b ban`: keep addresses out."""

from __future__ import annotations

import sys

import click

from f2b.cli import show
from f2b.cli.group import Server, asks
from f2b.cli.option import confirmable, seconds_of, to_confirm


@click.command(short_help="Keep addresses out")
@click.argument("addresses", metavar="IP...", nargs=-1, required=True)
@click.option("-j", "--jail", metavar="JAIL", default="", help="Ban in this jail; else in 'manual': all ports.")
@click.option(
    "-t", "--time", "seconds", metavar="TIME", callback=seconds_of, help="How long: 10m, 1d 12h, -1 for ever."
)
@click.option("--force", is_flag=True, help="Ban administrators, gateways and others behind an address, too.")
@confirmable
@asks
@click.pass_obj
def ban(
    server: Server,
    addresses: tuple[str, ...],
    jail: str,
    seconds: float | None,
    force: bool,
    confirm: float | None,
    as_json: bool,
) -> None:
    """Keep each IP (or network) out, whatever the allow list says; but nobody locks himself out without --force.

    It says whom else a ban hits: who logged in from there within a day, who comes by a proxy or the gateway, or is
    in the network. Where collateral = refuse, that needs --force, too.

    \b
    Examples:
      f2b ban 192.0.2.7
      f2b ban --time 1d 192.0.2.0/28 2001:db8::/64
      f2b ban --jail sshd --time -1 192.0.2.7
      f2b ban --confirm 60s 198.51.100.0/24
    """
    answer = server.ask("ban", ids=list(addresses), jail=jail, duration=seconds, force=force, confirm=confirm)
    if as_json:
        show.as_json(answer)
        return
    for text in answer["hits"]:
        print(f"f2b: this hits {show.plain(text)}, too", file=sys.stderr)
    new, already = answer["banned"], len(set(addresses)) - answer["banned"]
    print(f"banned {new}" + (f", {already} banned already" if already > 0 else ""))
    if new and confirm is not None:
        print(to_confirm(confirm))
