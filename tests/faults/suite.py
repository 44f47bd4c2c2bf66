"""The fault suite: starts real servers and hurts them, and says which faults they bear. See script/faults --help."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.faults import action, clock, control, disk, kernel, load, logs, name, process  # noqa: F401 - their cases
from tests.faults.case import CASES, Case
from tests.faults.patient import Kind, Patient

BESIDE = 3
"""So many cases at once: they mostly wait."""


class Outcome(NamedTuple):
    """What became of a case."""

    case: Case
    kind: Kind
    failure: str
    """Empty if it holds."""
    took_s: float


def attempt(case: Case, kind: Kind) -> Outcome:
    """Do a fault to a server."""
    began = time.monotonic()
    failure = ""
    with tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True) as folder:
        patient = Patient(Path(folder), kind)
        try:
            case.hurt(patient)
        except Exception as error:  # noqa: BLE001 - whatever it is, the case does not hold
            failure = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
            failure = failure or "it does not hold"
        finally:
            patient.kill()
    return Outcome(case, kind, failure, time.monotonic() - began)


def attempts(cases: Iterable[Case], kind: Kind) -> list[Outcome]:
    """Do them all, several at once where that does no harm."""
    cases = [case for case in cases if kind in case.kinds]
    with ThreadPoolExecutor(BESIDE) as pool:
        done = list(pool.map(lambda case: _told(attempt(case, kind)), (it for it in cases if not it.alone)))
    return done + [_told(attempt(case, kind)) for case in cases if case.alone]


def _told(outcome: Outcome) -> Outcome:
    case = outcome.case
    mark = "FAILS" if outcome.failure else "holds"
    print(f"{mark}  {outcome.took_s:5.1f} s  {outcome.kind:8}  {case.area}: {case.name}", flush=True)
    if outcome.failure:
        print("       " + outcome.failure[:1500].replace("\n", "\n       "), flush=True)
    return outcome


def chosen(words: Sequence[str], quick: bool) -> list[Case]:
    """Return the cases whose area or name holds one of the words, all if there are none."""
    found = [case for case in CASES if not words or any(word in f"{case.area}: {case.name}" for word in words)]
    return [case for case in found if case.quick or not quick]


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, and return 0 if all cases hold."""
    parser = argparse.ArgumentParser(prog="script/faults", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only cases whose area or name holds it")
    parser.add_argument("--quick", action="store_true", help="only those of every .ci/run")
    parser.add_argument("--fail2ban", action="store_true", help="hurt Debian's Fail2Ban instead")
    asked = parser.parse_args(argv)
    kind: Kind = "Fail2Ban" if asked.fail2ban else "f2b"
    outcomes = attempts(chosen(asked.words, asked.quick), kind)
    held = sum(not outcome.failure for outcome in outcomes)
    print(f"{kind}: {held} of {len(outcomes)} faults do it no harm")
    return int(held < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
