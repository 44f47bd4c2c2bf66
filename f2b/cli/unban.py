"""`f2b unban`: let addresses in again."""

from __future__ import annotations

import click

from f2b.cli import show
from f2b.cli.group import Server, asks


@click.command(short_help="Let addresses in again")
@click.argument("addresses", metavar="IP...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Let everybody in.")
@click.option("-j", "--jail", metavar="JAIL", default="", help="Only in this jail.")
@asks
@click.pass_obj
def unban(server: Server, addresses: tuple[str, ...], everybody: bool, jail: str, as_json: bool) -> int:
    """Lift the bans of each IP, in every jail, and forget its history. Exits with 1 if none was banned.

    A network lifts every ban inside it.

    \b
    Examples:
      f2b unban 192.0.2.7
      f2b unban --jail sshd 192.0.2.0/24
      f2b unban --all
    """
    if bool(addresses) == everybody:
        raise click.UsageError("Give either addresses or --all")
    answer = server.ask("unban", ids=list(addresses), all=everybody, jail=jail)
    if as_json:
        show.as_json(answer)
    elif answer["unbanned"]:
        print(f"lifted {show.count(answer['unbanned'], 'ban')}")
    else:
        print("nobody was banned" if everybody else f"not banned: {' '.join(map(show.plain, addresses))}")
    return 0 if answer["unbanned"] or everybody else 1
