"""Rows of filters over logs: `f2b regex` beside `fail2ban-regex`, as whole processes, on the same lines."""

from __future__ import annotations

import re
import statistics
from functools import partial
from itertools import islice

from bench import logs
from bench.program import run
from bench.row import Bench, Measured, Row

THEIR_LINES = {"plain404": 60_000}
"""Fail2Ban's rate is that of so many lines, the first of the log: it takes some ten seconds for them."""
OTHERWISE = 200_000
PLAIN_404 = r'^<HOST> -.*"(?:GET|POST|HEAD)[^"]*" 404 '
INPUTS = {
    "noise": ("noise", "sshd"),
    "mixed": ("mixed", "sshd"),
    "attack": ("attack", "sshd"),
    "botsearch": ("access", "apache-botsearch"),
    "plain404": ("access", PLAIN_404),
}
"""Log and filter by row."""
CHECKED = {"botsearch": "apache"}
"""Where the filter finds nothing in its log, answers are compared on another one."""
_COUNTS = re.compile(r"Lines: (\d+) lines, (\d+) ignored, (\d+) matched, (\d+) missed")


def _measure(name: str, lines: int, bench: Bench) -> Measured:
    """Return lines a second of both."""
    kind, filter_ = INPUTS[name]
    log, short = bench.folder / "log", bench.folder / "short.log"
    many = bench.of(lines, 1000)
    few = many if bench.whole else min(many, bench.of(THEIR_LINES.get(name, OTHERWISE), 1000))
    logs.write(log, logs.LOGS[kind](many))
    logs.write(short, islice(logs.LOGS[kind](many), few))
    theirs, ours, computed, said = [], [], [], ""
    for _ in range(bench.runs):
        ran = run([*bench.theirs.regex, str(short), filter_])
        said = ran.said
        mine = run([*bench.ours.regex, str(log), filter_])
        theirs.append(few / ran.wall_s)
        ours.append(many / mine.wall_s)
        computed.append((ran.cpu_s / few) / (mine.cpu_s / many))
    if name in CHECKED:
        logs.write(short, logs.LOGS[CHECKED[name]](bench.of(20_000, 1000)))
        said = run([*bench.theirs.regex, str(short), filter_]).said
    same = _agreement(counts(said), counts(run([*bench.ours.regex, str(short), filter_]).said))
    by_cpu = statistics.median(computed)
    return Measured(theirs, ours, same, f"{many:,} lines; {by_cpu:.0f}× by processor time")


def counts(said: str) -> tuple[int, ...]:
    """Return how many lines there were, were ignored, matched and missed; nothing if a report does not tell."""
    found = _COUNTS.search(said)
    return tuple(map(int, found.groups())) if found else ()


def _agreement(theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    if not theirs or theirs != ours:
        return f"DIFFERENT: {theirs} and {ours}"
    return "both of {0:,}: {2:,} matched, {1:,} ignored, {3:,} missed".format(*theirs)


def _row(name: str, title: str, least: float, aim: float, lines: int) -> Row:
    return Row(name, title, "lines/s", least, aim, partial(_measure, name, lines))


ROWS = [
    _row("noise", "sshd filter, syslog without sshd", 50, 90, 1_000_000),
    _row("mixed", "sshd filter, 5 % failures, 20 % other sshd lines", 20, 32, 1_000_000),
    _row("attack", "sshd filter, every line a failure", 12, 20, 500_000),
    _row("botsearch", "apache-botsearch, access log", 50, 120, 500_000),
    _row("plain404", f"`{PLAIN_404}`, access log".replace("|", "\\|"), 120, 320, 500_000),
]
