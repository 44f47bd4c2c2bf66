"""The fault suite: starts real servers and hurts them, and says which faults they bear. See script/faults --help."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.faults import (  # noqa: F401 - their cases
    action,
    clock,
    control,
    crowd,
    disk,
    journal,
    kernel,
    load,
    logs,
    name,
    page,
    process,
    refused,
    several,
    state,
    talk,
)
from tests.faults.case import CASES, Case
from tests.faults.patient import Kind, Patient
from tests.faults.soak import Soak

BESIDE = 3
"""So many cases at once, unless told: they mostly wait."""


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
            patient.close()
    return Outcome(case, kind, failure, time.monotonic() - began)


def attempts(cases: Iterable[Case], kind: Kind, keep: Path | None = None, beside: int = BESIDE) -> list[Outcome]:
    """Do them all, several at once where that does no harm."""
    cases = [case for case in cases if case.applies(kind)]

    def tried(case: Case) -> Outcome:
        outcome = _told(attempt(case, kind))
        if keep:
            kept = {"server": kind, "case": f"{case.area}: {case.name}", "holds": not outcome.failure}
            with keep.open("a") as file:
                file.write(json.dumps(kept) + "\n")
        return outcome

    with ThreadPoolExecutor(beside) as pool:
        done = list(pool.map(tried, (it for it in cases if not it.alone)))
    return done + [tried(case) for case in cases if case.alone]


def _told(outcome: Outcome) -> Outcome:
    case = outcome.case
    mark = "FAILS" if outcome.failure else "holds"
    print(f"{mark}  {outcome.took_s:5.1f} s  {outcome.kind:8}  {case.area}: {case.name}", flush=True)
    if outcome.failure:
        print("       " + outcome.failure[:1500].replace("\n", "\n       "), flush=True)
    return outcome


def soak(minutes: float, seed: int) -> int:
    """Let a server live through random faults; return 0 if all is well in the end."""
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        patient = Patient(Path(folder))
        living = Soak(patient, seed)
        try:
            living.run(minutes)
        except AssertionError as error:
            print(f"seed {seed}: {error}\n{patient.said()[-3000:]}")
            return 1
        finally:
            patient.close()
            print(f"seed {seed}: {len(living.attackers)} attackers, faults: {living.faults}")
    print("ledger, database and kernel agree; nobody is lost, nobody was banned twice, memory is flat")
    return 0


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
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="random faults, every few seconds, on one server"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the soak's chance")
    parser.add_argument("--beside", type=int, default=BESIDE, metavar="NUMBER", help="so many cases at once")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add what came of it to a file")
    parser.add_argument(
        "--page", nargs="*", type=Path, metavar="FILE", help="write docs/reliability.md from such files"
    )
    asked = parser.parse_args(argv)
    if asked.page is not None:
        page.write(page.kept(asked.page))
        return 0
    if asked.soak:
        return soak(asked.soak, asked.seed)
    kind: Kind = "Fail2Ban" if asked.fail2ban else "f2b"
    outcomes = attempts(chosen(asked.words, asked.quick), kind, asked.keep, asked.beside)
    held = sum(not outcome.failure for outcome in outcomes)
    print(f"{kind}: {held} of {len(outcomes)} faults do it no harm")
    return int(held < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
