"""Every annotated line of Fail2Ban's sample logs, through Debian's own filters: found as it is said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from f2b.cli.subject import find
from f2b.date.reader import DateReader
from f2b.events import Failure
from f2b.filter.regex import compile_filter
from f2b.lines import LineReader
from tests.filter import sample
from tests.filter.sample import Run, Sample

SAID_ALREADY = {"match", "time", "host", "desc", "constraint"}


@pytest.fixture(scope="module", autouse=True)
def _zone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Zurich")
        time.tzset()
        yield
    time.tzset()


def failures(run: Run) -> Iterator[tuple[Sample, list[Failure]]]:
    """Yield the samples of a run and what they lead to."""
    spec = find(run.filter, Path("/etc/fail2ban"), run.journal)
    assert spec is not None
    tested, problems = compile_filter(replace(spec, usedns="raw"))
    assert tested is not None, problems
    reader = LineReader(DateReader([text.value for text in spec.datepattern], year=time.localtime().tm_year))
    for one in run.samples:
        line = reader.entry(one.text, sample.NOW) if run.journal else reader.line(one.text, sample.NOW)
        yield one, list(tested.feed(line))


def said(one: Sample, journal: bool) -> dict[str, object]:
    """Return what the annotation says of the failure."""
    told = {key: value for key, value in one.expected.items() if key not in SAID_ALREADY}
    if "host" in one.expected:
        told["host"] = one.expected["host"].lower()
    if "users" in told:
        told["users"] = sorted(one.expected["users"])
    if "time" in one.expected and not journal:
        told["time"] = datetime.strptime(one.expected["time"][:19], "%Y-%m-%dT%H:%M:%S").timestamp()
    return told


def found(failure: Failure, told: dict[str, object]) -> dict[str, object]:
    """Return the same of a failure."""
    users = failure.captures.get("users", ())
    known = {
        "host": failure.id,
        "time": failure.time,
        "users": sorted(users),
        "attempts": len(failure.matches),
    }
    return {key: known.get(key, failure.captures.get(key)) for key in told}


@pytest.mark.parametrize("log", sample.logs())
def test_samples_when_fed_in_order_then_fail_as_annotated(log: str) -> None:
    for run in sample.runs(log):
        for one, failed in failures(run):
            assert len(failed) == bool(one.expected.get("match")), f"{run.filter}: {one.text}"
            if failed:
                told = said(one, run.journal)
                assert found(failed[0], told) == told, f"{run.filter}: {one.text}"


def test_samples_when_counted_then_are_all_there() -> None:
    assert sum(len(run.samples) for log in sample.logs() for run in sample.runs(log)) == 1381
