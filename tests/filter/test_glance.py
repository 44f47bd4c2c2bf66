"""Quick looks beside the steps: for every stock filter, on samples, some mutilated: the same failures and counts."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path

import pytest

from f2b.cli import subject
from f2b.cli.report import Show
from f2b.cli.sample import Sample
from f2b.cli.trial import Setup, Trial
from f2b.config.model import FilterSpec
from f2b.date.reader import DateReader
from f2b.events import LOGIN
from f2b.filter.build import build
from f2b.filter.dispatch import PATIENCE
from f2b.filter.regex import RegexFilter
from f2b.filter.success import Forgiving
from f2b.lines import LineReader
from f2b.value import replace
from tests.filter import sample
from tests.filter.test_mutants import RUNAWAY, WORDS, mutilated

NOW = 1_700_000_000.0
RUNS = [run for log in sample.logs() for run in sample.runs(log) if run.filter != RUNAWAY]
LINES = PATIENCE + 400
LOGINS = ("sshd", 'sshd[logtype="journal"]', 'sshd[mode="aggressive"]')
"""Filters whose samples hold logins."""


@lru_cache(1)
def specification(name: str) -> FilterSpec:
    """Return a stock filter's specification."""
    spec = subject.find(name, Path("/etc/fail2ban"), False)
    assert spec
    return spec


def compiled(run: sample.Run) -> RegexFilter:
    """Return a run's filter, compiled anew."""
    return subject.compiled(specification(run.filter))


def log(run: sample.Run) -> list[str]:
    """Return lines of a run in pieces of their order, some mutilated, so that sessions go on."""
    dice = random.Random(run.filter)
    texts = [one.text for one in run.samples]
    lines: list[str] = []
    while len(lines) < LINES:
        start = dice.randrange(len(texts))
        for text in texts[start : start + dice.randrange(1, 6)]:
            lines.append(mutilated(dice, text, WORDS) if dice.random() < 0.3 else text)
    return [line.replace("\n", "").replace("\r", "") for line in lines]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.filter)
def test_line_when_fed_then_fails_as_step_by_step(run: sample.Run) -> None:
    quick, slow = compiled(run), compiled(run)
    reader = LineReader(DateReader([text.value for text in specification(run.filter).datepattern]))
    for text in log(run):
        line = reader.line(text, NOW)
        assert list(quick.feed(line)) == slow.examine(line, every=False).failures, text


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.filter)
@pytest.mark.parametrize("every", [True, False])
def test_report_when_filled_then_counts_what_verdicts_say(run: sample.Run, every: bool, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{line}\n" for line in log(run)), encoding="utf-8", errors="surrogateescape")

    spec = replace(specification(run.filter), usedns="raw")
    setup = Setup(now=NOW, every=every, as_fail2ban=True)
    quick, slow = (Trial(spec, Sample("file", str(path)), setup) for _ in range(2))
    filled, added = quick.report(Show()), slow.report(Show())
    quick.fill(filled)
    for _, verdict in slow.verdicts():
        added.add(verdict)
    assert list(filled.text(0)) == list(added.text(0))


@pytest.mark.parametrize("run", [run for run in RUNS if run.filter in LOGINS], ids=lambda run: run.filter)
def test_login_when_told_at_a_glance_then_as_step_by_step(run: sample.Run) -> None:
    found, slow = (build(specification(run.filter))[0] for _ in range(2))
    assert isinstance(found, Forgiving)
    assert isinstance(slow, Forgiving)
    slow.inner._quick = False
    reader = LineReader(DateReader())
    lines = [reader.line(text, NOW) for text in log(run)]
    told = [list(found.feed(line)) for line in lines]
    assert told == [list(slow.feed(line)) for line in lines]
    assert any(one.attempts == LOGIN for each in told[PATIENCE + 100 :] for one in each)
