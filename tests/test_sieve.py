"""Reading in bulk beside reading line by line: for every stock filter, the same lines lead to the same effects."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.cli import subject
from f2b.config.model import JailSpec, Text
from f2b.date.reader import DateReader
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Effect
from f2b.jail import Jail
from f2b.lines import LineReader
from f2b.sieve import BULK, Sieve, count
from f2b.value import replace
from tests.filter import sample
from tests.filter.test_mutants import WORDS, mutilated

NOW = 1_700_000_000.0
HERE = Place("test")
RUNS = [sample.runs(log)[0] for log in sample.logs()]
NOISE = ["host CRON[7]: (root) CMD (true)", "host kernel: [UFW BLOCK] SRC=192.0.2.1 from here", "", "  é", "# no"]
FIRST = 6000
"""Bytes that are read line by line, until all know the log."""


def bodies(run: sample.Run) -> list[str]:
    """Return a run's sample lines without their dates."""
    spec = subject.find(run.filter, Path("/etc/fail2ban"), False)
    assert spec
    reader = LineReader(DateReader([text.value for text in spec.datepattern]))
    return [reader.line(one.text, NOW).text.strip() for one in run.samples]


def log(run: sample.Run, dice: random.Random) -> bytes:
    """Return a log of syslog's form that holds the samples, some mutilated, much noise, and lines without a date."""
    found = bodies(run)
    lines: list[str] = []
    when = NOW - 900
    while sum(map(len, lines)) < FIRST + BULK + 2000:
        when += dice.random() * 3
        body = dice.choice(found) if dice.random() < 0.2 else dice.choice(NOISE)
        if dice.random() < 0.1:
            body = mutilated(dice, body, WORDS)
        stamp = time.strftime("%b %d %H:%M:%S ", time.localtime(when)) if dice.random() < 0.9 else ""
        lines.append(f"{stamp}{body}\n".replace("\r", ""))
    return "".join(lines).encode()


def jails(run: sample.Run) -> list[Jail]:
    """Return a jail with the run's filter, and one with sshd's beside it."""
    made = []
    for number, name in enumerate((run.filter, "sshd")):
        spec = subject.find(name, Path("/etc/fail2ban"), False)
        assert spec
        spec = replace(spec, datepattern=(Text("{^LN-BEG}%b %d %H:%M:%S", HERE),), usedns="raw")
        made.append(Jail(JailSpec(f"j{number}", HERE, spec, findtime=600.0, maxretry=3), subject.compiled(spec)))
    return made


def effects(run: sample.Run, log: bytes, size: int) -> list[Effect]:
    """Return what follows from a log that is read in pieces of so many bytes."""
    engine = Engine()
    for jail in jails(run):
        engine.add(jail)
        engine.listen("log", jail.name)
    found: list[Effect] = []
    start = 0
    while start < len(log):
        end = log.find(b"\n", min(start + (size if start else FIRST), len(log) - 1)) + 1
        found += engine.feed("log", log[start:end], NOW, False)
        start = end
    return found


def test_sieve_when_much_is_read_then_picks_what_can_matter() -> None:
    reader = LineReader(DateReader())
    sieve = Sieve(reader, [jails(RUNS[0])[1].filter])
    dull = b"Nov 14 22:00:00 host cron: nothing\n"
    evil = b"Nov 14 22:00:00 host sshd[1]: Failed password for x from 192.0.2.1 port 1 ssh2\n"
    big = dull * (BULK // len(dull))
    assert sieve.starts(big) is None  # nothing is known of the log's dates yet
    for text in reader.texts(dull * 100):
        reader.line(text, NOW)
    assert sieve.starts(dull) is None  # not worth it
    assert sieve.starts(big + evil + big + evil) == [(len(big), 1), (2 * len(big) + len(evil), 1)]
    assert sieve.starts(evil * BULK) is None  # nearly all


def test_sieve_when_no_line_has_a_date_then_picks_until_one_has() -> None:
    reader = LineReader(DateReader(["{^LN-BEG}"]))
    sieve = Sieve(reader, [jails(RUNS[0])[1].filter])
    dull = b"192.0.2.7 - - [14/Nov/2023:22:00:00 +0000] GET /\n"
    evil = b"host sshd[1]: Failed password for x from 192.0.2.1 port 1 ssh2\n"
    for text in reader.texts(dull * 50):
        reader.line(text, NOW)
    big = dull * (BULK // len(dull))
    assert sieve.starts(big + evil) == [(len(big), 1)]
    dated = big + b"Nov 14 22:00:00 host cron: nothing\n"
    assert list(reader.picked(dated, [], NOW)) == []
    assert sieve.starts(big + evil) is None


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.filter)
def test_log_when_read_in_bulk_then_does_what_it_does_line_by_line(run: sample.Run) -> None:
    made = log(run, random.Random(run.filter))
    assert effects(run, made, 2 * BULK) == effects(run, made, 100)


@given(st.binary() | st.lists(st.sampled_from([b"\n", b"\r", b"x"])).map(b"".join))
def test_lines_when_counted_then_each_end_is_one(chunk: bytes) -> None:
    assert count(chunk) == chunk.count(b"\n")
