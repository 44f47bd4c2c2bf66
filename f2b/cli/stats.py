"""`f2b stats`: whom the server banned in the past, counted in several ways."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from f2b import duration
from f2b.cli import database, show
from f2b.cli.option import seconds_of
from f2b.cli.origin import countries
from f2b.cli.tally import DAYS, Tally
from f2b.cli.tally_plot import drawing
from f2b.store import past

RECENT = 31
"""So many days are shown, the last ones."""
TOP = 10
"""So many names of each kind are shown; --json has them all."""
BAR = 30
"""Columns of the longest bar."""
_SHADES = "·▁▂▃▄▅▆▇█"


@click.command(short_help="Bans of the past by day, jail, country, user name and hour")
@click.option("-c", "--config", metavar="DIR", help="Find the database by the configuration in DIR.")
@click.option("--db", metavar="FILE", help="Read this database.")
@click.option("--since", metavar="TIME", callback=seconds_of, help="Bans of the last TIME only, as 30d.")
@click.option("--geoip", metavar="FILE", help="A GeoIP database (.mmdb) of countries.")
@click.option("--plot", metavar="FILE", help="Draw it, too, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def stats(
    config: str | None, db: str | None, since: float | None, geoip: str | None, plot: str | None, as_json: bool
) -> int:
    """Count the bans in the database: by day, jail, country, user name and hour of the week.

    It needs no server. The database holds as much of the past as `dbpurgeage` lets it.

    \b
    Examples:
      f2b stats
      f2b stats --since 7d --geoip /usr/share/GeoIP/GeoLite2-Country.mmdb
      f2b stats --plot bans.svg
      f2b stats --json | jq .by_jail
    """
    path = database.found(db, config)
    began = time.time() - since if since else 0.0
    tally = Tally(past.bans(path, began), countries(geoip) if geoip else None)
    if plot and tally.bans:
        _write(plot, drawing(tally))
    if as_json:
        show.as_json(tally.plain())
    elif tally.bans:
        print("\n\n".join([_summary(tally, path), *_charts(tally), _week(tally)]))
    else:
        print(f"no ban in {path}" + (f" in the last {duration.human(since)}" if since else ""))
    return 0


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise click.FileError(path, hint=f"{error.strerror}; name a file in a folder that you may write to") from None


def _summary(tally: Tally, path: str) -> str:
    who = f"{len(tally.by_address)} address" + ("" if len(tally.by_address) == 1 else "es")
    return (
        f"{show.count(tally.bans, 'ban')} of {who}, {show.moment(tally.first)} to {show.moment(tally.last)} ({path})"
    )


def _charts(tally: Tally) -> list[str]:
    named = {
        "JAIL": tally.by_jail,
        "COUNTRY": tally.by_country,
        "USER NAME": tally.by_user,
        "ADDRESS": tally.by_address,
    }
    return [
        _chart("DAY", dict(list(tally.by_day.items())[-RECENT:])),
        *(_chart(head, _top(counts)) for head, counts in named.items() if counts),
    ]


def _top(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common(TOP))


def _chart(head: str, counts: Mapping[str, int]) -> str:
    most = max(counts.values())
    rows = [[show.plain(name), str(number), "█" * round(BAR * number / most)] for name, number in counts.items()]
    return show.table([head, "BANS", ""], rows)


def _week(tally: Tally) -> str:
    """Return a line for each day of the week: the taller a sign, the more bans in that hour."""
    most = max(tally.by_hour.values())
    hours = " ".join(f"{hour:02d}" for hour in range(24))
    lines = [show.paint(f"HOUR  {hours}", "bold")]
    for at, day in enumerate(DAYS):
        shades = [_SHADES[-(-8 * tally.by_hour[at, hour] // most)] for hour in range(24)]
        lines.append(f"{day}   " + " ".join(shade * 2 for shade in shades))
    return "\n".join(lines)
