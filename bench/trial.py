"""Rows of filters over logs: `f2b regex` beside `fail2ban-regex`, as whole processes, on the same lines."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from pathlib import Path

from bench import logs
from bench.program import Program, run
from bench.row import Bench, Measured, Row

THEIR_LINES = 200_000
"""Fail2Ban's rate is that of so many lines, if the log has more."""
PLAIN_404 = r'^<HOST> -.*"(?:GET|POST|HEAD)[^"]*" 404 '
INPUTS = {
    "noise": ("noise", "sshd"),
    "mixed": ("mixed", "sshd"),
    "attack": ("attack", "sshd"),
    "botsearch": ("access", "apache-botsearch"),
    "plain404": ("access", PLAIN_404),
}
"""Log and filter by row."""
_COUNTS = re.compile(r"Lines: (\d+) lines, (\d+) ignored, (\d+) matched, (\d+) missed")


def _measure(kind: str, lines: int, filter_: str, bench: Bench) -> Measured:
    """Return lines a second of both."""
    log, short = bench.folder / "log", bench.folder / "short.log"
    many = bench.of(lines, 1000)
    few = many if bench.whole else min(many, bench.of(THEIR_LINES, 1000))
    logs.write(log, logs.LOGS[kind](many))
    logs.write(short, islice(logs.LOGS[kind](many), few))
    theirs, ours = [], []
    for _ in range(bench.runs):
        theirs.append(few / run([*bench.theirs.regex, str(short), filter_]).wall_s)
        ours.append(many / run([*bench.ours.regex, str(log), filter_]).wall_s)
    answers = [_counts(program, short, filter_) for program in (bench.theirs, bench.ours)]
    same = "matched/missed of {0:,}: {2:,}/{3:,}".format(*answers[0])
    return Measured(theirs, ours, same if answers[0] == answers[1] else f"DIFFERENT: {answers}", f"{many:,} lines")


def _counts(program: Program, log: Path, filter_: str) -> tuple[int, ...]:
    """Return how many lines there were, were ignored, matched and missed."""
    found = _COUNTS.search(run([*program.regex, str(log), filter_]).said)
    return tuple(map(int, found.groups())) if found else ()


def _row(name: str, title: str, least: float, aim: float, lines: int) -> Row:
    kind, filter_ = INPUTS[name]
    return Row(name, title, "lines/s", least, aim, partial(_measure, kind, lines, filter_))


ROWS = [
    _row("noise", "sshd filter, syslog without sshd", 50, 90, 1_000_000),
    _row("mixed", "sshd filter, 5 % failures, 20 % other sshd lines", 20, 32, 1_000_000),
    _row("attack", "sshd filter, every line a failure", 12, 20, 500_000),
    _row("botsearch", "apache-botsearch, access log", 50, 120, 500_000),
    _row("plain404", f"`{PLAIN_404}`, access log".replace("|", "\\|"), 120, 320, 500_000),
]
