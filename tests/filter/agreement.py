"""How many of Fail2Ban's annotated sample lines f2b reads as they say, through `f2b regex --json`.

`script/samples` prints it. One process for each filter with its options, on all its lines in order.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.filter import sample
from tests.filter.sample import Run, Sample

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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [line for lines in pool.map(lambda run: list(disagreements(run, python)), every) for line in lines]
    count = sum(len(run.samples) for run in every)
    print(*wrong, f"{count - len(wrong)} of {count} sample lines agree", sep="\n")  # noqa: T201 - it is a command
    return 1 if wrong else 0


def disagreements(run: Run, python: str) -> Iterator[str]:
    """Yield a line for each sample of a run that f2b reads otherwise than it says."""
    found = failures(run, python)
    for number, one in enumerate(run.samples, 1):
        failed = found.get(number, [])
        if len(failed) != bool(one.expected.get("match")):
            yield f"{run.filter}: {len(failed)} failures, expected {one.expected}: {one.text!r}"
        elif failed:
            told = said(one, run.journal)
            seen = heard(failed[0], told)
            if seen != told:
                yield f"{run.filter}: {seen}, expected {told}: {one.text!r}"


def failures(run: Run, python: str) -> dict[int, list[dict[str, Any]]]:
    """Return the failures of each line, by its number, that `f2b regex` finds."""
    command = [python, "-m", "f2b", "regex", "--json", "-c", str(sample.FILTERS.parent)]
    command += ["--now", str(sample.NOW), "--usedns", "raw", *["--as-journal"][: run.journal], "-", run.filter]
    text = "".join(f"{one.text}\n" for one in run.samples).encode("utf-8", "surrogateescape")
    environment = {**os.environ, "TZ": ZONE, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=text, capture_output=True, check=False, env=environment, timeout=60)
    if done.returncode or done.stderr:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}, {done.stderr.decode()}")
    *entries, last = map(json.loads, done.stdout.splitlines())
    assert last["summary"]["lines"] == len(run.samples)
    return {entry["line"]: [one for one in entry["failures"] if not one["nofail"]] for entry in entries}


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
