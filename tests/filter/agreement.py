"""How many of Fail2Ban's annotated sample lines f2b reads as they say, through `f2b regex --json`.

`script/samples` prints it. One command line for each filter with its options, on all its lines in order; a process
runs many of them, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.filter import sample
from tests.filter.sample import Run, Sample

SHELL = """
import contextlib, io, json, sys
from f2b.cli.main import run
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(json.loads(line))
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""
"""Runs f2b's command lines, one a line, and prints what came of each."""
ROOT = Path(__file__).parent.parent.parent
ZONE = "Europe/Zurich"
NOT_COMPARED = {"match", "time", "host", "desc", "constraint"}
"""What the annotations say that is no capture; match, time and host are compared by themselves."""


def main(argv: Sequence[str]) -> int:
    """Print each disagreement and the count; return 0 if all lines agree."""
    parser = argparse.ArgumentParser(prog="script/samples", description=__doc__)
    parser.add_argument("--python", default=sys.executable, metavar="PY", help="the Python that runs f2b")
    python = parser.parse_args(argv).python
    every = [run for log in sample.logs() for run in sample.runs(log)]
    share = os.cpu_count() or 1
    with ThreadPoolExecutor(share) as pool:
        found = pool.map(lambda first: disagreements(every[first::share], python), range(share))
        wrong = [line for lines in found for line in lines]
    count = sum(len(run.samples) for run in every)
    print(*wrong, f"{count - len(wrong)} of {count} sample lines agree", sep="\n")  # noqa: T201 - it is a command
    return 1 if wrong else 0


def disagreements(runs: Sequence[Run], python: str) -> list[str]:
    """Return a line for each sample that f2b reads otherwise than it says."""
    return [line for run, found in zip(runs, failures(runs, python), strict=True) for line in _differing(run, found)]


def _differing(run: Run, found: dict[int, list[dict[str, Any]]]) -> Iterator[str]:
    for number, one in enumerate(run.samples, 1):
        failed = found.get(number, [])
        if len(failed) != bool(one.expected.get("match")):
            yield f"{run.filter}: {len(failed)} failures, expected {one.expected}: {one.text!r}"
        elif failed:
            told = said(one, run.journal)
            seen = heard(failed[0], told)
            if seen != told:
                yield f"{run.filter}: {seen}, expected {told}: {one.text!r}"


def failures(runs: Sequence[Run], python: str) -> Iterator[dict[int, list[dict[str, Any]]]]:
    """Yield the failures of each line, by its number, that `f2b regex` finds in each run."""
    environment = {**os.environ, "TZ": ZONE, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        commands = [json.dumps(_command(run, Path(folder) / str(number))) for number, run in enumerate(runs)]
        words, lines = [python, "-c", SHELL], "\n".join(commands)
        done = subprocess.run(words, input=lines, capture_output=True, check=True, env=environment, text=True)
    for command, run, answer in zip(commands, runs, done.stdout.splitlines(), strict=True):
        status, out, err = json.loads(answer)
        if status or err:
            raise RuntimeError(f"{command}: exit {status}, {err}")
        *entries, last = map(json.loads, out.splitlines())
        assert last["summary"]["lines"] == len(run.samples)
        yield {entry["line"]: [one for one in entry["failures"] if not one["nofail"]] for entry in entries}


def _command(run: Run, log: Path) -> list[str]:
    """Write the log of a run; return the words of its command line."""
    log.write_bytes("".join(f"{one.text}\n" for one in run.samples).encode("utf-8", "surrogateescape"))
    words = ["regex", "--json", "-c", str(sample.FILTERS.parent), "--now", str(sample.NOW), "--usedns", "raw"]
    return [*words, *["--as-journal"][: run.journal], str(log), run.filter]


def said(one: Sample, journal: bool) -> dict[str, object]:
    """Return what the annotation says of the failure. A journal entry's time is not in its text."""
    told = {key: value for key, value in one.expected.items() if key not in NOT_COMPARED}
    if "host" in one.expected:
        told["host"] = one.expected["host"].lower()
    if "users" in told:
        told["users"] = sorted(one.expected["users"])
    if one.expected.get("time") and not journal:
        when = datetime.strptime(one.expected["time"][:19], "%Y-%m-%dT%H:%M:%S")
        told["time"] = when.replace(tzinfo=ZoneInfo(ZONE)).timestamp()
    return told


def heard(failure: dict[str, Any], told: dict[str, object]) -> dict[str, object]:
    """Return the same of a failure."""
    captures = failure["captures"]
    known = {
        "host": failure["id"],
        "time": failure["time"],
        "users": sorted(captures.get("users", ())),
        "attempts": failure["attempts"],
    }
    return {key: known.get(key, captures.get(key)) for key in told}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
