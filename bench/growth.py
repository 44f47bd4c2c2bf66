"""How both do as there is more of something: jails on one log, addresses that fail, entries of ignoreip."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from bench.daemon import LAST, begin, read_all, written
from bench.logs import mixed
from bench.program import Program
from bench.row import Bench
from bench.server import Folder, Jails

RUNS = 3
"""Of f2b, at most; Fail2Ban has one."""

Setup = Callable[[Path, int, int], tuple[Jails, Iterator[str], Sequence[str]]]
"""From a log, how much there is of it, and how many lines: jails, those lines, and for which filters the log ends."""


class Growth(NamedTuple):
    """One thing that grows."""

    name: str
    title: str
    sizes: tuple[int, ...]
    lines: int
    their_lines: Callable[[int], int]
    """By size: Fail2Ban takes its time."""
    setup: Setup


class Point(NamedTuple):
    """Lines a second with so much of it."""

    size: int
    theirs: float
    ours: float


def measure(growth: Growth, bench: Bench) -> list[Point]:
    """Return a point for each size; lines a second from a server's start until all its jails have read all."""
    points = []
    for size in growth.sizes:
        few = bench.of(growth.lines if bench.whole else growth.their_lines(size), 1000)
        theirs = _rate(growth, size, few, bench.theirs, bench.folder / f"{growth.name}-{size}-theirs")
        ours = [
            _rate(
                growth, size, bench.of(growth.lines, 1000), bench.ours, bench.folder / f"{growth.name}-{size}-{run}"
            )
            for run in range(min(bench.runs, RUNS))
        ]
        points.append(Point(size, theirs, statistics.median(ours)))
    return points


def _rate(growth: Growth, size: int, lines: int, program: Program, path: Path) -> float:
    path.mkdir()
    jails, content, filters = growth.setup(path / "log", size, lines)
    written(path / "log", content, filters)
    return lines / read_all(program, Folder(path / "server", jails), list(jails))[0]


def _many_jails(log: Path, size: int, lines: int) -> tuple[Jails, Iterator[str], Sequence[str]]:
    filters = list(islice(cycle(LAST), size))
    jails = {f"{name}-{number}": {"filter": name, **_reading(log)} for number, name in enumerate(filters)}
    return jails, mixed(lines, start=begin(lines)), list(LAST)


def _many_addresses(log: Path, size: int, lines: int) -> tuple[Jails, Iterator[str], Sequence[str]]:
    return {"sshd": _reading(log)}, _failures(lines, size), ["sshd"]


def _many_entries(log: Path, size: int, lines: int) -> tuple[Jails, Iterator[str], Sequence[str]]:
    entries = " ".join(f"172.{16 + (number >> 8)}.{number & 255}.0/{24 + number % 9}" for number in range(size))
    return {"sshd": {**_reading(log), "ignoreip": entries}}, _failures(lines, 1000), ["sshd"]


def _reading(log: Path) -> dict[str, object]:
    """Return the options of a jail that counts, and bans nobody; it keeps as many lines of each as most jails."""
    return {"logpath": log, "maxretry": 10**7, "maxmatches": 5, "findtime": "1w", "action": ""}


def _failures(lines: int, addresses: int) -> Iterator[str]:
    """Yield failures of so many addresses in turn."""
    dice = random.Random(5)
    whose = cycle([f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(addresses)])
    for line in mixed(lines, start=begin(lines)):
        pid, who = dice.randrange(1000, 4_000_000), next(whose)
        yield f"{line[:15]} host sshd[{pid}]: Failed password for root from {who} port {pid % 60000} ssh2"


GROWTHS = [
    Growth("jails", "jails on one log", (1, 10, 100), 100_000, lambda size: max(2_000, 40_000 // size), _many_jails),
    Growth("addresses", "addresses failing", (1_000, 10_000, 100_000), 200_000, lambda _: 30_000, _many_addresses),
    Growth(
        "ignoreip",
        "entries of ignoreip",
        (100, 1_000, 10_000),
        100_000,
        lambda size: 2_000 if size > 1_000 else 10_000,
        _many_entries,
    ),
]
