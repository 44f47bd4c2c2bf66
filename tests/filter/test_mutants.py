"""Debian's filters beside the real Fail2Ban, on its sample lines mutilated: same failures, ids, users, times, lines.

One run of `fail2ban-regex -o` of each for a few hundred lines.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.filter import sample
from tests.filter.agreement import ROOT, ZONE
from tests.filter.sample import Run

OURS = "import sys; from f2b.cli.compat_regex import main; sys.exit(main())"
FORM = "<time>\x01<fid>\x01<F-USER>\x01<F-MLFID>\x01<msg>\x02"
LINES = 250
RUNAWAY = 'sshd[logtype="rfc5424"]'
"""Its prefix runs away on some such lines. Fail2Ban never comes back from them, so it is not given those."""
RUNAWAY_LINES = 40
RUNS = [run for log in sample.logs() for run in sample.runs(log)]
HARMLESS = [run for run in RUNS if run.filter != RUNAWAY]
_GIVEN_UP = re.compile(rb"^warning: line (\d+) is given up", re.MULTILINE)

ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{1,4}::?){2,7}[0-9a-fA-F]{1,4}")
ADDRESSES = [
    *("192.0.2.1", "2001:db8::1", "[2001:DB8::2]", "::ffff:192.0.2.3", "[192.0.2.4]", "example.com", "192.0.2.5:22"),
    *("2001:db8::5%eth0", "999.1.1.1", "192.0.2.9/24", "host_x", "01.02.03.04", "fe80::1:2:3:4", "1.2.3.4.5", "-"),
]
WORDS = [
    *("root", "from", "user", "", "é", "a b", "'", '"', "<>", "[x]", "port 22", "ssh2", "[preauth]", "=", "\\", "%s"),
    *("\t", "  ", "🦊", ": ", "from 192.0.2.77", "for invalid user x from 192.0.2.78 port 2 ssh2", "(", "rhost=::1"),
]
# 1.0.2 takes less than 1.1 for an IPv6 address, and knows fewer forms of the date without separators.
OLDER = re.compile(r":::|(?<![0-9a-fA-F:])::?(?!f{4}:\d)(?=[0-9a-fA-F:])|\d+-\d{4}-|:$|\d{8}[-T ]")


def mutilated(dice: random.Random, line: str, others: list[str]) -> str:
    """Return a line with one thing changed."""
    parts = re.split(r"(\s+|[,;:=\[\]()'\"<>]+)", line)
    at, to = dice.randrange(len(parts)), dice.randrange(len(parts))
    change = dice.randrange(8)
    if change < 2:
        return ADDRESS.sub(lambda _: dice.choice(ADDRESSES), line)
    if change == 2:
        other = dice.choice(others)
        return line[: dice.randrange(len(line) + 1)] + other[dice.randrange(len(other) + 1) :]
    if change == 3:
        del parts[at]
    elif change == 4:
        parts.insert(at, parts[at])
    elif change == 5:
        parts.insert(at, dice.choice(WORDS))
    elif change == 6:
        parts[at] = dice.choice(WORDS + ADDRESSES)
    else:
        parts[at], parts[to] = parts[to], parts[at]
    return "".join(parts)


def mutants(run: Run, dice: random.Random, count: int = LINES) -> list[str]:
    """Return lines of a run, most of them changed, in nearly their order."""
    texts = [one.text for one in run.samples]
    lines: list[str] = []
    while len(lines) < count:
        start = dice.randrange(len(texts))
        for text in texts[start : start + dice.randrange(1, 8)]:
            for _ in range(dice.choice([0, 1, 1, 2])):
                text = mutilated(dice, text, texts)
            if not OLDER.search(text):
                lines.append(text)
    return lines


def tried(command: list[str], log: Path, name: str) -> subprocess.CompletedProcess[bytes]:
    """Run a tester."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": ZONE, "PYTHONPATH": str(ROOT)}
    words = [*command, "-e", "utf-8", "--usedns=raw", "-o", FORM, str(log), name]
    return subprocess.run(words, capture_output=True, check=True, env=environment, timeout=120)


def drop_runaways(log: Path, name: str) -> None:
    """Take out of a log the lines that our tester gives up."""
    while True:
        done = tried([sys.executable, "-c", OURS], log, name)
        given_up = {int(found) for found in _GIVEN_UP.findall(done.stderr)}
        if not given_up:
            return
        lines = log.read_text(encoding="utf-8").split("\n")
        log.write_text("\n".join(line for at, line in enumerate(lines, 1) if at not in given_up), encoding="utf-8")


def rows(command: list[str], log: Path, name: str) -> list[list[str]]:
    """Return what a tester prints of each failure. Where a line has no time, each has its own word for it."""
    done = tried(command, log, name)
    found = [row.split("\x01") for row in done.stdout.decode("utf-8", "replace").split("\x02\n")[:-1]]
    written = log.stat().st_mtime
    for row in found:
        time = written if row[0] == "None" else float(row[0])
        row[0] = "now" if abs(time - written) < 100 else str(time)
    return found


@settings(max_examples=settings().max_examples // 15, phases=[Phase.generate])
@given(st.sampled_from(HARMLESS), st.integers(0, 2**32))
def test_mutants_of_samples_when_read_then_fail_as_in_fail2ban(run: Run, seed: int) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "mutants.log"
        log.write_text("".join(f"{line}\n" for line in mutants(run, dice)), encoding="utf-8", errors="replace")
        expected = rows(["/usr/bin/fail2ban-regex"], log, run.filter)
        assert rows([sys.executable, "-c", OURS], log, run.filter) == expected, run.filter


@settings(max_examples=1, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_mutants_when_a_regex_runs_away_on_some_then_the_others_fail_as_in_fail2ban(seed: int) -> None:
    run = next(run for run in RUNS if run.filter == RUNAWAY)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "mutants.log"
        lines = mutants(run, random.Random(seed), RUNAWAY_LINES)
        log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="replace")
        drop_runaways(log, run.filter)
        expected = rows(["/usr/bin/fail2ban-regex"], log, run.filter)
        assert rows([sys.executable, "-c", OURS], log, run.filter) == expected
