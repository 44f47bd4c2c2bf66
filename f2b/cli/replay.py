"""`f2b replay`: what the jails would have done with old logs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path

import click

from f2b.cli import archive, compare, database, show, timeline
from f2b.cli.check import Wealthy
from f2b.cli.played import Logins, Played
from f2b.cli.rerun import Rerun
from f2b.config import search
from f2b.config.model import Settings
from f2b.events import Ban, Effect, Found, Prolonged, Unban, Warned
from f2b.store import past

WRONG = 2
DATABASE = "database"
"""The word for `--compare` that means the bans that the server has made."""
PAUSE_S = 0.2
"""So long between two words on how far it is."""


@click.command(short_help="What the jails would have done with old logs")
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@click.option("-c", "--config", "directory", metavar="DIR", help="Read the configuration in DIR.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each event, then a summary.")
@click.option("--now", metavar="EPOCH", type=float, help="When it is, for dates without a year (default: now).")
@click.option(
    "--jail", "jails", metavar="NAME", multiple=True, help="This jail only, enabled or not. Again for more."
)
@click.option("--rotated", is_flag=True, help="Each log with what was rotated away of it, oldest first.")
@click.option(
    "--compare",
    "other",
    metavar="DIR|database",
    help="Set the configuration in DIR against this one, or this one against the bans in the database.",
)
@click.option("--db", metavar="FILE", help="The database for --compare database.")
@click.option("--plot", metavar="FILE", help="Draw when who was banned, too, as SVG.")
def replay(
    logs: tuple[str, ...],
    directory: str | None,
    as_json: bool,
    now: float | None,
    jails: tuple[str, ...],
    rotated: bool,
    other: str | None,
    db: str | None,
    plot: str | None,
) -> int:
    """Run old logs through the jails, with the clock taken from their lines. Changes nothing.

    Without LOG each jail reads its own logs, else every jail reads all of these. LOG may be a glob in quotes; .gz,
    .xz and .bz2 work, too. Exit codes: 0 done, 1 a log cannot be read, 2 wrong configuration or no jail to run.

    \b
    Examples:
      f2b replay --rotated                      what the enabled jails make of all logs there are
      f2b replay --jail web-scan '/var/log/nginx/access.log*'
      f2b replay --compare ./changed --rotated  what a changed configuration would do
      f2b replay --compare database             this one against what the server did
    """
    paths = _paths(logs)
    when = time.time() if now is None else now
    take = Take(paths, rotated, jails, when)
    told = Told(as_json) if other is None else None
    first = take.play(directory, told.tell if told else None)
    if first is None:
        print("f2b replay: there is no jail to run", file=sys.stderr)
        return WRONG
    if other is None:
        _sum_up(first, as_json)
    elif not _compared(take, first, directory, other, db, as_json):
        return WRONG
    if plot:
        _draw(plot, first)
    return 0


def _paths(logs: Sequence[str]) -> list[Path] | None:
    """Return the logs that are meant, each once."""
    found: list[Path] = []
    for log in logs:
        paths = archive.found(log)
        if not paths or not all(path.is_file() for path in paths):
            raise click.BadParameter(f"there is no log {log!r}", param_hint="LOG")
        found += paths
    return archive.in_order(found) if logs else None


class Run:
    """One replay that is done."""

    def __init__(self, rerun: Rerun, played: Played, logins: Logins, folder: str) -> None:
        self.rerun = rerun
        self.played = played
        self.logins = logins
        self.folder = folder or "the shipped configuration"

    @property
    def span(self) -> tuple[float, float]:
        """From when to when the logs go, as far as anything mattered in them."""
        return self.rerun.first or 0.0, max(self.rerun.last, self.rerun.first or 0.0)


class Take:
    """The logs, and how configurations are run over them."""

    def __init__(self, logs: list[Path] | None, rotated: bool, jails: tuple[str, ...], now: float) -> None:
        self._logs = logs
        self._rotated = rotated
        self._jails = jails
        self._now = now

    def play(self, directory: str | None, tell: Callable[[Effect], object] | None = None) -> Run | None:
        """Replay the configuration in a folder; None if it has no jail to run. Raises SourceError, ConfigError."""
        folder = Path(directory) if directory else None
        host = Wealthy() if self._logs else None
        settings = search.load(folder, host, only=self._jails, disabled=bool(self._jails))
        logins = Logins()
        rerun = prepared(settings, self._logs, self._rotated, logins)
        if not rerun.engine.jails:
            return None
        played = Played(rerun.engine.jails)
        for effect in rerun.run(self._now):
            played.take(effect)
            if tell is not None:
                tell(effect)
            if isinstance(effect, Warned):
                print(f"warning: [{effect.jail}] {' '.join(effect.texts)}", file=sys.stderr)
        return Run(rerun, played, logins, settings.directory)


def prepared(settings: Settings, logs: Sequence[Path] | None, rotated: bool, logins: Logins) -> Rerun:
    """Return what is about to run the jails of a configuration; what is wrong with it is told."""
    meter = Meter()
    run = Rerun(lambda level, text: print(f"{level.lower()}: {text}", file=sys.stderr), logins.hear, meter)
    for spec in settings.jails:
        run.add(spec, logs, rotated)
    for problem in (*settings.problems, *run.problems):
        if problem.severity == "error" or not logs:
            print(f"{problem.severity}: {problem}", file=sys.stderr)
    meter.total = run.size
    return run


class Meter:
    """Says on a terminal how far a long replay is."""

    def __init__(self) -> None:
        self.total = 0
        """How many bytes there are to read."""
        self._read = 0
        self._told = time.monotonic() + 1.0
        self._shown = sys.stderr.isatty()

    def __call__(self, amount: int) -> None:
        """Hear that so many bytes more were read."""
        self._read += amount
        now = time.monotonic()
        if not self._shown or (now < self._told and self._read < self.total):
            return
        self._told = now + PAUSE_S
        done = self._read >= self.total
        share = 100 * self._read // max(self.total, 1)
        end = "\r\x1b[K" if done else ""
        print(f"\r{share} % of {self.total / 1e6:.0f} MB\x1b[K{end}", end="", file=sys.stderr, flush=True)


class Told:
    """Tells what happens, one JSON object each; for people a table comes in the end."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def tell(self, effect: Effect) -> None:
        """Tell of one effect, if it is worth it."""
        if not self._as_json or isinstance(effect, Found):
            return
        if isinstance(effect, Ban):
            _event("ban", effect, effect.time)
        elif isinstance(effect, Prolonged):
            _event("prolong", effect.ban, effect.ban.time + (effect.after or 0))
        elif isinstance(effect, Unban):
            _event("unban", effect.ban, effect.ban.end)


def _event(what: str, ban: Ban, when: float) -> None:
    jail, key = quoted(ban.jail), quoted(ban.id)  # what json.dumps writes, at a fifth of its price
    about = f'"failures": {ban.failures}, "bantime": {ban.duration!r}'
    print(f'{{"event": "{what}", "time": {when!r}, "jail": {jail}, "id": {key}, {about}}}')


def _sum_up(run: Run, as_json: bool) -> None:
    played, lines = run.played, run.rerun.lines
    if as_json:
        print(json.dumps({"event": "summary", "lines": lines, "jails": played.counts}))
        return
    if played.bans:
        print(f"{_bans(run)}\n\n{timeline.lines(played.bans, *run.span)}\n")
    rows = [[show.plain(name), *(str(count) for count in counts.values())] for name, counts in played.counts.items()]
    print(show.table(["JAIL", "FOUND", "IGNORED", "BANS", "UNBANS"], rows))
    hosts = len({ban.id for ban in played.bans})
    print(f"{lines:,} lines, {show.count(len(played.bans), 'ban')} of {hosts} addresses")


def _bans(run: Run) -> str:
    """Return who would have been banned when, by which jail, for how long."""
    rows = []
    for ban in run.played.bans:
        until = "for ever" if ban.duration < 0 else show.moment(ban.end)
        login = "yes" if run.logins.on_that_day(ban) else ""
        cells = [show.moment(ban.time), until, compare.length(ban), show.plain(ban.jail), show.plain(ban.id)]
        rows.append([*cells, str(ban.failures), login])
    return show.table(["SINCE", "UNTIL", "FOR", "JAIL", "ADDRESS", "FAILURES", "LOGGED IN"], rows)


def _compared(take: Take, first: Run, directory: str | None, other: str, db: str | None, as_json: bool) -> bool:
    """Tell the difference; return whether there was something to set against the first run."""
    if other == DATABASE:
        begin, end = first.span
        jails = first.rerun.engine.jails
        bans = past.bans(database.found(db, directory), begin)
        made = [ban for ban in bans if ban.jail in jails and ban.time <= end]
        found = compare.difference((first.folder, "the database"), first.played.bans, made, first.logins)
    else:
        second = take.play(other)
        if second is None:
            print(f"f2b replay: there is no jail to run in {other}", file=sys.stderr)
            return False
        names = second.folder, first.folder
        found = compare.difference(names, second.played.bans, first.played.bans, second.logins)
    if as_json:
        print(json.dumps(found.plain()))
    else:
        print("\n\n".join([found.sentence(), *([found.table()] if found.more or found.fewer else [])]))
    return True


def _draw(path: str, run: Run) -> None:
    bans = run.played.bans
    title = f"{show.count(len(bans), 'ban')} in {run.rerun.lines:,} lines"
    try:
        Path(path).write_text(timeline.drawing(bans, *run.span, title), encoding="utf-8", errors="replace")
    except OSError as error:
        raise click.FileError(path, hint=f"{error.strerror}; name a file in a folder that you may write to") from None
