"""`f2b tune`: how many hosts a jail would ban with other values of maxretry and findtime."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

import click

from f2b import duration, net
from f2b.ban.growth import Even
from f2b.ban.history import Past
from f2b.cli import archive, show
from f2b.cli.check import Wealthy
from f2b.cli.played import Logins
from f2b.cli.rerun import Rerun
from f2b.config import search
from f2b.config.model import JailSpec
from f2b.daemon.assemble import Nothing
from f2b.errors import ConfigError
from f2b.events import Ban, Failure
from f2b.jail import Jail
from f2b.named import NamedTuple
from f2b.value import replace

WRONG = 2
MAXRETRY = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50)
FINDTIME = (60.0, 600.0, 3600.0, 21600.0, 86400.0)
"""What is tried, besides what the jail has."""
ENDLESS = 1e12
"""The findtime while failures are gathered: none is too old for it."""

Failures = Mapping[str, Sequence[Failure]]
"""The failures and successes of each host, in the order of time."""


class Cell(NamedTuple):
    """One pair of values, and what it leads to."""

    maxretry: int
    findtime: float
    banned: int
    """Hosts."""
    logged_in: int
    """Those of them that logged in, at any time."""
    knee: bool = False
    """A smaller maxretry would ban few more, a larger one far fewer."""


@click.command(short_help="How many hosts a jail would ban with other limits")
@click.argument("jail", metavar="JAIL")
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@click.option("-c", "--config", "directory", metavar="DIR", help="Read the configuration in DIR.")
@click.option("--maxretry", metavar="N,N,...", help="Try these values.")
@click.option("--findtime", metavar="TIME,TIME,...", help="Try these values, as 10m,1h.")
@click.option("--rotated", is_flag=True, help="Each log with what was rotated away of it.")
@click.option("--now", metavar="EPOCH", type=float, help="When it is, for dates without a year (default: now).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def tune(
    jail: str,
    logs: tuple[str, ...],
    directory: str | None,
    maxretry: str | None,
    findtime: str | None,
    rotated: bool,
    now: float | None,
    as_json: bool,
) -> int:
    """Read logs once, and tell for each maxretry and findtime how many hosts the jail would ban.

    Beside it stands how many of these logged in as well, which hints at people who mistyped, and * marks the knee:
    from there on, a smaller maxretry bans few more. Without LOG the jail's own logs are read. Changes nothing.

    \b
    Examples:
      f2b tune sshd --rotated
      f2b tune web-4xx-scan '/var/log/nginx/access.log*' --findtime 10m,1h
    """
    spec = _jail(jail, directory, bool(logs))
    if spec is None:
        print(f"f2b tune: there is no jail {jail!r} that could run", file=sys.stderr)
        return WRONG
    tried = _numbers(maxretry, spec), _times(findtime, spec)
    paths = archive.in_order(path for log in logs for path in archive.found(log)) if logs else None
    failures, logins, lines = gathered(spec, paths, rotated, time.time() if now is None else now)
    cells = grid(spec, failures, logins, *tried)
    if as_json:
        bare = {"jail": jail, "lines": lines, "hosts": len(failures), "maxretry": spec.maxretry}
        show.as_json({**bare, "findtime": spec.findtime, "grid": [cell._asdict() for cell in cells]})
    else:
        print(_table(spec, cells))
        hosts = sum(any(one.attempts > 0 for one in found) for found in failures.values())
        print(f"\n{lines:,} lines, {hosts} hosts with a failure. BANNED/LOGGED IN; * the knee, [] what the jail has")
    return 0


def _jail(name: str, directory: str | None, given: bool) -> JailSpec | None:
    host = Wealthy() if given else None
    settings = search.load(Path(directory) if directory else None, host, only=(name,), disabled=True)
    for problem in settings.problems:
        if problem.severity == "error":
            print(f"error: {problem}", file=sys.stderr)
    return next((spec for spec in settings.jails if spec.name == name), None)


def _numbers(text: str | None, spec: JailSpec) -> Sequence[int]:
    if text is None:
        return sorted({*MAXRETRY, spec.maxretry})
    try:
        return sorted({max(1, int(word)) for word in text.split(",")})
    except ValueError:
        raise click.BadParameter("write numbers, as 3,5,10", param_hint="--maxretry") from None


def _times(text: str | None, spec: JailSpec) -> Sequence[float]:
    if text is None:
        return sorted({*FINDTIME, spec.findtime})
    try:
        return sorted({duration.seconds(word) for word in text.split(",")})
    except (ConfigError, ValueError):
        raise click.BadParameter("write times, as 10m,1h,1d", param_hint="--findtime") from None


def gathered(spec: JailSpec, logs: Sequence[Path] | None, rotated: bool, now: float) -> tuple[Failures, Logins, int]:
    """Return what a jail's filter finds in its logs, or in others, who logged in, and how many lines there were.

    Raises SourceError.
    """
    found: dict[str, list[Failure]] = defaultdict(list)
    logins = Logins()

    def hear(name: str, failure: Failure) -> None:
        logins.hear(name, failure)
        if not failure.unresolved and failure.time is not None:
            found[_counted(spec, failure.id)].append(failure)

    run = Rerun(lambda level, text: print(f"{level.lower()}: {text}", file=sys.stderr), hear)
    run.add(replace(spec, findtime=ENDLESS, maxretry=sys.maxsize), logs, rotated)
    for problem in run.problems:
        print(f"{problem.severity}: {problem}", file=sys.stderr)
    for _ in run.run(now):
        pass
    spares = [jail.allow.why for jail in run.engine.jails.values()]
    counted = {key: each for key, each in found.items() if not any(spared(key) for spared in spares)}
    return counted, logins, run.lines


def _counted(spec: JailSpec, key: str) -> str:
    """Return whom a failure is counted for: its id, or its network."""
    length = {4: spec.prefix4, 6: spec.prefix6}.get(net.family(key), 0)
    return net.network(f"{key}/{length}") or key if 0 < length < net.BITS[net.family(key)] and "/" not in key else key


def grid(
    spec: JailSpec, failures: Failures, logins: Logins, maxretry: Sequence[int], findtime: Sequence[float]
) -> list[Cell]:
    """Return what each pair of values leads to, in the order of findtime, then of maxretry."""
    cells: list[Cell] = []
    for within in findtime:
        row = []
        for most in maxretry:
            tried = Trial(replace(spec, maxretry=most, findtime=within))
            banned = [host for host, found in failures.items() if tried.bans(found)]
            row.append(Cell(most, within, len(banned), sum(bool(logins.of(host)) for host in banned)))
        at = knee([(cell.maxretry, cell.banned) for cell in row])
        cells += [cell._replace(knee=number == at) for number, cell in enumerate(row)]
    return cells


class Trial:
    """A jail with other limits, asked about one host after the other."""

    def __init__(self, spec: JailSpec) -> None:
        self._spec = replace(spec, bantime=1.0, increment=replace(spec.increment, enabled=False))
        self._jail = Jail(self._spec, Nothing(), Past(), Even())

    def bans(self, failures: Sequence[Failure]) -> bool:
        """Return whether a host is banned for its failures. It is asked no further than to the first ban."""
        if sum(max(one.attempts, 0) for one in failures) < self._spec.maxretry:
            return False
        for one in failures:
            assert one.time is not None
            for effect in self._jail.resolved(one, (one.id,), one.time):
                if isinstance(effect, Ban):
                    self._jail.unban(None)
                    return True
        for key in self._jail.counter.tallies():
            self._jail.counter.forget(key)
        return False


def knee(points: Sequence[tuple[int, int]]) -> int | None:
    """Return which point is the knee of a falling curve: the one farthest below the line between its ends.

    The values of maxretry count by their logarithm. None if the curve has no knee.
    """
    if len(points) < 3 or points[0][1] <= points[-1][1]:
        return None
    (x0, y0), (x1, y1) = points[0], points[-1]
    below = [1 - (log(x) - log(x0)) / (log(x1) - log(x0)) - (y - y1) / (y0 - y1) if x > 0 else 0.0 for x, y in points]
    best = max(range(len(points)), key=below.__getitem__)
    return best if below[best] > 0.01 else None


def _table(spec: JailSpec, cells: Sequence[Cell]) -> str:
    tried = sorted({cell.maxretry for cell in cells})
    rows = []
    for within in sorted({cell.findtime for cell in cells}):
        row = [_cell(spec, cell) for cell in cells if cell.findtime == within]
        rows.append([duration.human(round(within)), *row])
    return show.table(["FINDTIME", *(f"MAXRETRY {tried[0]}", *map(str, tried[1:]))], rows)


def _cell(spec: JailSpec, cell: Cell) -> str:
    text = f"{cell.banned}/{cell.logged_in}{'*' if cell.knee else ''}"
    return f"[{text}]" if (cell.maxretry, cell.findtime) == (spec.maxretry, spec.findtime) else text
