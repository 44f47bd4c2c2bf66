"""docs/benchmarks.md and its plot, from what was measured."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import plot
from bench.growth import Growth, Point
from bench.program import PYTHON
from bench.row import Measured, Row, outcome
from f2b import __version__

HEADS = ("work", "Fail2Ban", "f2b", "ratio", "at least", "aim", "reached", "same answer, remarks")


def table(measured: Sequence[tuple[Row, Measured]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [HEADS, ("---",) * len(HEADS), *(_line(row, each) for row, each in measured)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _line(row: Row, measured: Measured) -> tuple[str, ...]:
    found = outcome(row, measured)
    goals = (f"{goal:g}×" if row.unit == "lines/s" else f"{goal:g} {row.unit}" for goal in (row.least, row.aim))
    remarks = "; ".join(filter(None, (measured.agree, measured.remark)))
    ratio = f"{found.ratio:.0f}×" if found.ratio >= 10 else f"{found.ratio:.1f}×"
    return (
        row.title,
        _amount(found.theirs, row.unit),
        _amount(found.ours, row.unit),
        ratio,
        *goals,
        found.verdict,
        remarks,
    )


def _amount(number: float, unit: str) -> str:
    if unit == "lines/s":
        return f"{number / 1e6:.2f} M/s" if number >= 1e6 else f"{number:,.0f}/s"
    digits = 0 if number >= 100 else 1 if number >= 10 else 3 if number < 0.1 else 2
    return f"{number:.{digits}f} {unit}"


def growth_table(growth: Growth, points: Sequence[Point]) -> str:
    """Return how one thing grows as a Markdown table."""
    lines = [(growth.title, "Fail2Ban", "f2b"), ("---:",) * 3]
    for point in points:
        lines.append((f"{point.size:,}", _amount(point.theirs, "lines/s"), _amount(point.ours, "lines/s")))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def drawing(grown: Mapping[str, tuple[Growth, Sequence[Point]]]) -> str:
    """Return the plot of all that grows."""
    drawn = [
        {"Fail2Ban": [(it.size, it.theirs) for it in points], "f2b": [(it.size, it.ours) for it in points]}
        for _, points in grown.values()
    ]
    return plot.panels([growth.title for growth, _ in grown.values()], drawn, "lines/s")


def write(
    folder: Path,
    measured: Sequence[tuple[Row, Measured]],
    grown: Mapping[str, tuple[Growth, Sequence[Point]]],
    how: str,
) -> None:
    """Write page and plot into a folder."""
    parts = [_HEAD.format(date=time.strftime("%Y-%m-%d"), machine=machine(), how=how), table(measured)]
    if grown:
        (folder / "benchmarks.svg").write_text(drawing(grown), encoding="utf-8")
        parts.append(_GROWTH)
        parts += ["\n".join(growth_table(*each) for each in grown.values())]
    (folder / "benchmarks.md").write_text("".join([*parts, _FOOT]), encoding="utf-8")


def machine() -> str:
    """Return what this was measured on."""
    version = ["dpkg-query", "-W", "-f", "${Version}", "fail2ban"]
    debian = subprocess.run(version, capture_output=True, text=True, check=False).stdout or "?"
    python = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "?")
    return (
        f"{os.cpu_count()} cores ({model}), Linux {platform.release().split('-')[0]}, "
        f"f2b {__version__} and Debian's Fail2Ban {debian} on the same Python ({PYTHON}, {python})"
    )


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()


_HEAD = """# How fast, and how small

What f2b and Debian's Fail2Ban need for the same work in the same run: whole programs, medians, the same lines, and
answers that are compared. `bench/run --write` measures all of it anew and writes this page; `bench/run --help` tells
of quicker runs and single rows.

Measured on {date} on {machine}. {how}

`at least` and `aim` are what f2b set out to reach: of lines a second as a multiple of Fail2Ban's, of all else as a
number. `reached` says which of the two it is.

"""

_GROWTH = """
## As there is more of it

From the start of a server until all its jails have read all, and count. Near flat is good. Of a hundred jails, ten at
a time have the same filter, so there ten jails count each failure.

![lines a second over jails, addresses and entries of ignoreip](benchmarks.svg)

"""

_FOOT = """
## What is measured, and how

- **Filters**: `f2b regex LOG FILTER` and `fail2ban-regex LOG FILTER`, wall time of the whole process. The logs are
  made from seeds (`bench/logs.py`). Where Fail2Ban gets fewer lines, they are the first of the same log, and both
  answers are compared on these.
- **Servers**: each in a network namespace of its own, with a copy of Debian's configuration and some of its jails.
  Ten jails are sshd, dropbear, pure-ftpd, proftpd, vsftpd, postfix, dovecot, named-refused, cyrus-imap and
  courier-auth; each finds the last line of the log that is meant for it, and then all is read. Nobody is banned.
- **From a line to the kernel**: a failure is written to a log of a jail with maxretry 1, at random moments, and the
  kernel's own news tell when the address is in the set. Fail2Ban looks once a second here: Debian's package runs
  without pyinotify unless that is installed.
- **Restored bans**: from the start of the process until all are in the kernel's set. Fail2Ban runs a command
  for each, and so restores 500; its time is computed for all.
- **Memory**: PSS, which shares pages of libraries among the processes that use them, so what another process costs;
  RSS stands beside it. For Fail2Ban's 50,000 bans there is no action, which would take a quarter of an hour.
- **Processor while idle**: what the kernel has counted for all threads.
"""
