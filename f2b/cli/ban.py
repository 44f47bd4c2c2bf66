"""`f2b ban`: keep addresses out."""

from __future__ import annotations

import click

from f2b import duration
from f2b.cli import show
from f2b.cli.group import Server, asks


def _seconds(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else duration.seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None


@click.command(short_help="Keep addresses out")
@click.argument("addresses", metavar="IP...", nargs=-1, required=True)
@click.option("-j", "--jail", metavar="JAIL", default="", help="Ban in this jail; else in 'manual': all ports.")
@click.option(
    "-t", "--time", "seconds", metavar="TIME", callback=_seconds, help="How long: 10m, 1d 12h, -1 for ever."
)
@asks
@click.pass_obj
def ban(server: Server, addresses: tuple[str, ...], jail: str, seconds: float | None, as_json: bool) -> None:
    """Keep each IP (or network) out, whatever the allow list says.

    \b
    Examples:
      f2b ban 192.0.2.7
      f2b ban --time 1d 192.0.2.0/28 2001:db8::/64
      f2b ban --jail sshd --time -1 192.0.2.7
    """
    answer = server.ask("ban", ids=list(addresses), jail=jail, duration=seconds)
    if as_json:
        show.as_json(answer)
        return
    new, already = answer["banned"], len(set(addresses)) - answer["banned"]
    print(f"banned {new}" + (f", {already} banned already" if already > 0 else ""))
