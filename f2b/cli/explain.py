"""`f2b explain`: why an address is or is not banned, and what becomes of a line."""

from __future__ import annotations

import time
from pathlib import Path

import click

from f2b.alarm import alarmed
from f2b.cli import explain_account, explain_words, show
from f2b.cli.explain_ip import examine
from f2b.cli.explain_line import Explainer, find
from f2b.cli.group import Server, asks

COUNTS = frozenset({"counts", "bans", "success"})
BANNED = ("banned", "not in force")


@click.command(short_help="Why an address is or is not banned; what becomes of a line")
@click.argument("what", metavar="IP|FILTER|JAIL")
@click.option("--line", "lines", metavar="LINE", multiple=True, help="Explain this line of a log. Again for more.")
@click.option("--now", metavar="EPOCH", type=float, help="When the line is read (default: now).")
@click.option("--timezone", metavar="ZONE", help="The zone of dates that name none.")
@click.option("--all", "everything", is_flag=True, help="Every regex, jail and failure.")
@asks
@click.pass_obj
def explain(
    server: Server,
    what: str,
    lines: tuple[str, ...],
    now: float | None,
    timezone: str | None,
    everything: bool,
    as_json: bool,
) -> int:
    """Say why the running server bans an IP, or does not; or what a filter, or a jail's, makes of a line.

    With --line no server is needed: where the date stands and how old it looks, up to where each regex matches, the
    session that the line belongs to, and what follows. Lines of one session are given in their order.

    \b
    Examples:
      f2b explain 192.0.2.7
      f2b explain --line 'Nov 21 10:48:32 host sshd[1]: Failed password for root from 192.0.2.7 port 4 ssh2' sshd
      f2b explain --line "$(tail -1 /var/log/app.log)" '^ login failed for .* from <HOST>$'

    Exit codes: 0 it is banned, or each line counts, 1 not so, 2 wrong usage or configuration, 3 no server answers.
    """
    if not lines:
        return _about(server, what, everything, as_json)
    folder = Path(server.directory) if server.directory else None
    spec, jail = find(what, folder)
    explainer = Explainer(spec, jail, time.time() if now is None else now, timezone)
    with alarmed():
        reports = [explainer.explain(text) for line in lines for text in line.splitlines() or [""]]
    if as_json:
        show.as_json({"lines": reports})
    else:
        print("\n\n".join(explain_words.told(report, everything) for report in reports))
    return 0 if all(report["verdict"]["cause"] in COUNTS for report in reports) else 1


def _about(server: Server, who: str, everything: bool, as_json: bool) -> int:
    """Ask the server about somebody, look into its logs, and tell; return whether he is banned, as an exit code."""
    answer = server.ask("explain", id=who)
    with alarmed():
        examine(answer)
    if as_json:
        show.as_json(answer)
    else:
        print(explain_account.told(answer, everything))
    return 0 if answer["verdict"]["cause"] in BANNED else 1
