"""`f2b scan --once`: one round for a timer or cron, on hosts that want no daemon."""

from __future__ import annotations

import os
from pathlib import Path

import click

from f2b import paths
from f2b.alarm import Alarm
from f2b.cli import show
from f2b.cli.group import Server as Where
from f2b.cli.group import asks
from f2b.cli.serve import Options, Service
from f2b.config import search
from f2b.config.model import Settings
from f2b.control import client
from f2b.control.endpoint import Endpoint
from f2b.control.listener import clear
from f2b.daemon.front import Front
from f2b.daemon.proof import Here
from f2b.daemon.record import Record
from f2b.daemon.reference import Reference
from f2b.daemon.round import Round, Tally, earlier, lasting
from f2b.daemon.server import Server
from f2b.errors import ControlError
from f2b.firewall.build import Builder, service
from f2b.firewall.native import installed
from f2b.value import replace

UNFINISHED = 1


class OneRound(Service):
    """A server for as long as there is something to do."""

    def once(self) -> Tally:
        """Read all that is new, do what follows, and leave the bans in force. Raises F2bError."""
        loop, log = self._loop, self._log
        try:
            clear(Path(self._socket))
        except ControlError:
            raise _runs(self._socket) from None
        store = self._open_store()
        alarm = Alarm()
        try:
            before = earlier(store, self._settings.jails, loop.now())
            builder = Builder(loop, log, bool(self._dry), self._settings.server.allowipv6)
            server = Server(self._settings, lasting(builder.make, before), store, loop, log, before.gap_s)
            builder.record = Record(server.engine, store, loop, self._settings.server.dbmaxmatches)
            here = Here(service, installed, Reference(lambda level, text: None).refresh)
            endpoint = Endpoint(loop, Front(server, self._read_again, here, self._dry), log, self._socket)
            endpoint.open()  # a server, or another round, that is begun meanwhile leaves the database alone
            alarm.set()
            try:
                return Round(server, store, before, loop).run(lambda: server.start(builder.native.restore.together))
            finally:
                self._end(server, keep=True)
                endpoint.close([])
        finally:
            alarm.off()
            store.close()


@click.command(short_help="Read what is new, ban and unban, and end: for timers and cron")
@click.option("--once", is_flag=True, required=True, help="One round. It is all that there is; for more, f2b serve.")
@click.option("--db", metavar="FILE", help="Keep bans and positions in this SQLite file.")
@click.option("--dry-run", is_flag=True, help="Say what would be banned, and touch no firewall.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what is wrong.")
@click.option("--loglevel", metavar="LEVEL", help="ERROR, WARNING, NOTICE (default), INFO or DEBUG.")
@click.option("--logtarget", metavar="TARGET", help="STDOUT, STDERR, SYSLOG, SYSTEMD-JOURNAL or a file.")
@asks
@click.pass_obj
def scan(
    where: Where,
    once: bool,
    db: str | None,
    dry_run: bool,
    quiet: bool,
    loglevel: str | None,
    logtarget: str | None,
    as_json: bool,
) -> int:
    """Read what the logs hold since the last round, ban and unban, and end. Bans stay in force between rounds.

    It is the server's own engine, with its configuration and its database, without the process that stays. It does
    nothing where a server runs. Run it at least twice within the shortest findtime; docs/scan.md has a systemd timer
    and a line for cron.

    \b
    Examples:
      f2b scan --once               a round; what it did stands in a line
      f2b scan --once --dry-run     say what it would do
      f2b scan --once -q            for cron: silent unless something is wrong

    Exit codes: 0 done, 1 a server runs, or something could not be finished, 2 wrong configuration.
    """
    options = Options(where.directory, where.socket, None, db, dry_run, loglevel=loglevel, logtarget=logtarget)
    settings = search.load(Path(where.directory).absolute() if where.directory else None)
    socket = where.socket or settings.server.socket or paths.defaults(os.getuid(), os.environ).socket
    if client.answers(socket):
        raise _runs(socket)
    before = os.umask(0o077)
    try:
        tally = OneRound(options, _calm(settings, options)).once()
    finally:
        os.umask(before)
    if as_json:
        show.as_json(_entry(tally))
    elif not quiet or tally.left:
        print(_summary(tally))
    return UNFINISHED if tally.left else 0


def _runs(socket: str) -> ControlError:
    return ControlError(f"a server runs already ({socket}) and reads these logs itself; use one or the other", 1)


def _calm(settings: Settings, options: Options) -> Settings:
    """Return settings that log bans, and no more, unless somebody wants more."""
    level = options.loglevel or ("NOTICE" if settings.server.loglevel == "INFO" else settings.server.loglevel)
    return replace(settings, server=replace(settings.server, loglevel=level))


def _entry(tally: Tally) -> dict[str, object]:
    return {
        "failures": tally.failures,
        "bans": tally.bans,
        "unbans": tally.unbans,
        "logs": tally.logs,
        "left": tally.left or None,
    }


def _summary(tally: Tally) -> str:
    done = [show.count(tally.failures, "failure"), show.count(tally.bans, "ban"), show.count(tally.unbans, "unban")]
    left = f"; not finished: {tally.left}" if tally.left else ""
    return f"{', '.join(done)}; {show.count(tally.logs, 'log')} read{left}"
