"""How the shipped filters read Fail2Ban's annotated sample lines: `script/agreement` prints it, service by service.

For each sample log of Debian's package that bears the name of a shipped filter: who fails on which line, and when.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from f2b import net
from f2b.config.search import load_filter_file
from f2b.date.reader import DateReader
from f2b.events import Failure
from f2b.filter.regex import compile_filter
from f2b.lines import LineReader, journal_line
from tests.filter import sample
from tests.filter.sample import Run, Sample

ROOT = Path(__file__).parent.parent.parent
ZONE = "Europe/Zurich"


class Difference(NamedTuple):
    """A sample line that a shipped filter reads otherwise than it is annotated."""

    filter: str
    found: list[str]
    expected: str
    """Who is to fail; "" for nobody."""
    line: str
    desc: str


class Result(NamedTuple):
    """One service."""

    name: str
    lines: int
    wrong: list[Difference]


def main(argv: Sequence[str]) -> int:
    """Print each service's count, and with -v each line that differs; return 0 if every service has its 98 %."""
    parser = argparse.ArgumentParser(prog="script/agreement", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="print the lines that differ")
    parser.add_argument("names", nargs="*", metavar="FILTER")
    options = parser.parse_args(argv)
    results = list(agreement(options.names))
    for result in results:
        print(f"{result.name:24} {result.lines - len(result.wrong):4} of {result.lines}")  # noqa: T201
        for one in result.wrong if options.verbose else ():
            print(f"    {one.filter} {one.found} for {[one.expected]}: {one.line!r}")  # noqa: T201
    count = sum(result.lines for result in results)
    wrong = sum(len(result.wrong) for result in results)
    print(f"{len(results)} services: {count - wrong} of {count} lines agree")  # noqa: T201 - it is a command
    return 1 if any(len(result.wrong) > 0.02 * result.lines for result in results) else 0


def names() -> list[str]:
    """Return the shipped filters for which there is a sample log."""
    logs = {path.name for path in sample.LOGS.iterdir() if path.is_file()}
    return sorted(logs & {path.stem for path in (ROOT / "filters").glob("*.conf")})


def agreement(wanted: Sequence[str] = ()) -> Iterator[Result]:
    """Yield what became of each service's lines, all read in the zone that they are annotated for."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = ZONE
    time.tzset()
    try:
        for name in wanted or names():
            runs = sample.runs(name)
            wrong = [one for run in runs for one in differences(run)]
            yield Result(name, sum(len(run.samples) for run in runs), wrong)
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def differences(run: Run) -> Iterator[Difference]:
    """Yield the lines of a run that a filter with its options reads otherwise."""
    for one, found in zip(run.samples, failures(run), strict=True):
        expected, seen = told(one, run.journal), [heard(failure, one, run.journal) for failure in found]
        if seen != ([expected] if expected is not None else []):
            yield Difference(run.filter, seen, expected or "", one.text, one.expected.get("desc", ""))


def failures(run: Run) -> list[Sequence[Failure]]:
    """Return what each line of a run is to the shipped filter."""
    spec, problems = load_filter_file(run.filter)
    assert spec is not None, (run.filter, problems)
    filter_, wrong = compile_filter(spec)
    assert filter_ is not None, wrong
    reader = LineReader(DateReader([text.value for text in spec.datepattern]))
    found = []
    for one in run.samples:
        line = journal_line(one.text, sample.NOW) if run.journal else reader.line(one.text, sample.NOW)
        found.append(filter_.feed(line))
    return found


def told(one: Sample, journal: bool) -> str | None:
    """Return who fails, after how many lines, and when, as the annotation says; None for nobody."""
    note = one.expected
    if not note.get("match"):
        return None
    host = str(note.get("host", "?"))
    when = ""
    if note.get("time") and not journal:
        moment = datetime.strptime(note["time"][:19], "%Y-%m-%dT%H:%M:%S")
        when = f"{moment.replace(tzinfo=ZoneInfo(ZONE)).timestamp():.0f}"
    return f"{net.address(host) or host} {note.get('attempts', '')} {when}"


def heard(failure: Failure, one: Sample, journal: bool) -> str:
    """Return the same of a failure, as far as the annotation says it."""
    host = failure.unresolved or failure.id if "host" in one.expected else "?"
    attempts = len(failure.matches) if "attempts" in one.expected else ""
    when = f"{failure.time:.0f}" if one.expected.get("time") and not journal and failure.time is not None else ""
    return f"{host} {attempts} {when}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
