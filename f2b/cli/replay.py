"""`f2b replay`: what the jails would have done with old logs."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import click

from f2b import duration
from f2b.cli.check import Wealthy
from f2b.cli.rerun import Rerun
from f2b.config import search
from f2b.config.model import Settings
from f2b.events import Ban, Effect, Found, Ignored, Prolonged, Unban, Warned

WRONG = 2


@click.command(short_help="What the jails would have done with old logs")
@click.argument("logs", metavar="[LOG]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-c", "--config", "directory", metavar="DIR", help="Read the configuration in DIR.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each event, then a summary.")
@click.option("--now", metavar="EPOCH", type=float, help="When it is, for dates without a year (default: now).")
@click.option(
    "--jail", "jails", metavar="NAME", multiple=True, help="This jail only, enabled or not. Again for more."
)
def replay(
    logs: tuple[Path, ...], directory: str | None, as_json: bool, now: float | None, jails: tuple[str, ...]
) -> int:
    """Run old logs through the jails, with the clock taken from their lines. Changes nothing.

    Without LOG each jail reads its own logs, else every jail reads all of these; .gz, .xz and .bz2 work, too.
    Exit codes: 0 done, 1 a log cannot be read, 2 wrong configuration or no jail to run.

    \b
    Examples:
      f2b replay                            what the enabled jails make of the logs there are
      f2b replay --jail web-scan old.log.gz   one jail, one old log
    """
    folder = Path(directory) if directory else None
    settings = search.load(folder, Wealthy() if logs else None, only=jails, disabled=bool(jails))
    run = _prepared(settings, logs)
    if not run.engine.jails:
        print("f2b replay: there is no jail to run", file=sys.stderr)
        return WRONG
    told = Story(as_json, run)
    for effect in run.run(time.time() if now is None else now):
        told.tell(effect)
    told.end()
    return 0


def _prepared(settings: Settings, logs: tuple[Path, ...]) -> Rerun:
    run = Rerun(lambda level, text: print(f"{level.lower()}: {text}", file=sys.stderr))
    for spec in settings.jails:
        run.add(spec, list(logs) or None)
    for problem in (*settings.problems, *run.problems):
        if problem.severity == "error" or not logs:
            print(f"{problem.severity}: {problem}", file=sys.stderr)
    return run


class Story:
    """Tells what happens, and counts it."""

    def __init__(self, as_json: bool, run: Rerun) -> None:
        self._as_json = as_json
        self._run = run
        self._counts = {name: Counter[str](found=0, ignored=0, bans=0, unbans=0) for name in run.engine.jails}

    def tell(self, effect: Effect) -> None:
        """Tell of one effect, if it is worth it."""
        if isinstance(effect, Found):
            self._counts[effect.jail]["found"] += 1
        elif isinstance(effect, Ignored):
            self._counts[effect.jail]["ignored"] += 1
        elif isinstance(effect, Ban):
            self._counts[effect.jail]["bans"] += 1
            self._event("ban", effect, effect.time)
        elif isinstance(effect, Prolonged):
            self._event("prolong", effect.ban, effect.ban.time + (effect.after or 0))
        elif isinstance(effect, Unban):
            self._counts[effect.ban.jail]["unbans"] += 1
            self._event("unban", effect.ban, effect.ban.end)
        elif isinstance(effect, Warned):
            print(f"warning: [{effect.jail}] {' '.join(effect.texts)}", file=sys.stderr)

    def _event(self, what: str, ban: Ban, when: float) -> None:
        if self._as_json:
            bare = {"event": what, "time": when, "jail": ban.jail, "id": ban.id}
            print(json.dumps({**bare, "failures": ban.failures, "bantime": ban.duration}))
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
        length = "for ever" if ban.duration < 0 else f"for {duration.human(round(ban.duration))}"
        more = f" {length}, after {ban.failures} failures" if what != "unban" else ""
        print(f"{stamp} [{ban.jail}] {what} {ban.id}{more}")

    def end(self) -> None:
        """Sum up."""
        if self._as_json:
            print(json.dumps({"event": "summary", "lines": self._run.lines, "jails": self._counts}))
            return
        print(f"{self._run.lines} lines")
        for name, counts in self._counts.items():
            print(f"[{name}] {', '.join(f'{count} {what}' for what, count in counts.items())}")
