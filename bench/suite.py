"""All rows in turn, or some of them: the table, and docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import daemon, growth, page, trial
from bench.program import FAIL2BAN, ROOT, f2b
from bench.row import Bench, Measured

ROWS = [*trial.ROWS, *daemon.ROWS]
RESULTS = ROOT / "build" / "bench.json"
"""What was measured last, row by row: the page is written from these."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    asked = _parser().parse_args(argv)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}, "growth": {}}
    names = asked.rows or [*(row.name for row in ROWS), *(it.name for it in growth.GROWTHS)]
    for row in ROWS:
        if row.name in names:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                measured = row.measure(_bench(asked, folder))
            results["rows"][row.name] = measured
            print(page.table([(row, measured)]).splitlines()[-1], flush=True)
            _save(results)
    for grown in growth.GROWTHS:
        if grown.name in names:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                points = growth.measure(grown, _bench(asked, folder))
            results["growth"][grown.name] = points
            print(page.growth_table(grown, points), flush=True)
            _save(results)
    if asked.write:
        write(results, ROOT / "docs", _how(asked))


def write(results: dict[str, dict[str, list[list[float]]]], folder: Path, how: str) -> None:
    """Write the page from all that was ever measured on this machine."""
    measured = [(row, Measured(*results["rows"][row.name])) for row in ROWS if row.name in results["rows"]]  # type: ignore[arg-type]  # as JSON has it
    grown = {
        it.name: (it, [growth.Point(int(size), theirs, ours) for size, theirs, ours in results["growth"][it.name]])
        for it in growth.GROWTHS
        if it.name in results["growth"]
    }
    page.write(folder, measured, grown, how)


def _bench(asked: argparse.Namespace, folder: str) -> Bench:
    return Bench(Path(folder), FAIL2BAN, f2b(asked.bin), asked.runs, asked.share, asked.whole)


def _save(results: object) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results))


def _how(asked: argparse.Namespace) -> str:
    return f"{asked.runs} runs of each row, Fail2Ban and f2b in turn."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    names = ", ".join([*(row.name for row in ROWS), *(it.name for it in growth.GROWTHS)])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {names}")
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each (5)")
    parser.add_argument("--share", type=float, default=1.0, help="of lines, bans and seconds (1); 0.01 is quick")
    parser.add_argument("--whole", action="store_true", help="let Fail2Ban read every log to its end, too")
    parser.add_argument("--bin", type=Path, help="the folder of an installed f2b (default: this checkout)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md from all that was measured")
    return parser
