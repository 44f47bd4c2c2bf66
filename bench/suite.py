"""All rows in turn, or some of them: the table, and docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import daemon, growth, page, trial
from bench.program import FAIL2BAN, ROOT, compile_f2b, f2b
from bench.row import Bench, Measured

ROWS = [*trial.ROWS, *daemon.ROWS]
NAMES = [*(row.name for row in ROWS), *(it.name for it in growth.GROWTHS)]
CALM = 1.5
"""A load average that the measuring itself comes to."""
Results = dict[str, dict[str, Any]]
"""What came out of rows and growths by their names, and the load average before each. As JSON has it."""
RESULTS = ROOT / "build" / "bench.json"
"""What was measured last, row by row: the page is written from these."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    asked = _parser().parse_args(argv)
    results: Results = {"rows": {}, "growth": {}, "load": {}}
    results |= json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = asked.rows or NAMES
    compile_f2b()
    failed = [name for name in NAMES if name in names and not _measured(name, asked, results)]
    if asked.write:
        write(
            results, ROOT / "docs", f"{asked.runs} runs of each row, Fail2Ban and f2b in turn: `bench/run --write`."
        )
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


def _measured(name: str, asked: argparse.Namespace, results: Results) -> bool:
    """Measure a row, tell and keep what came out; one that fails costs only itself."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), FAIL2BAN, f2b(asked.bin), asked.runs, asked.share, asked.whole)
        try:
            told = _measure(name, bench, results)
        except (SystemExit, OSError, ValueError) as error:
            print(f"{name}: {error}", flush=True)
            return False
    results["load"][name] = load
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results))
    print(told, flush=True)
    return True


def _measure(name: str, bench: Bench, results: Results) -> str:
    for row in ROWS:
        if row.name == name:
            results["rows"][name] = measured = row.measure(bench)
            return page.table([(row, measured)]).splitlines()[-1]
    grown = next(it for it in growth.GROWTHS if it.name == name)
    results["growth"][name] = points = growth.measure(grown, bench)
    return page.growth_table(grown, points)


def write(results: Results, folder: Path, how: str) -> None:
    """Write the page from all that was ever measured on this machine."""
    measured = [(row, Measured(*results["rows"][row.name])) for row in ROWS if row.name in results["rows"]]
    grown = {
        it.name: (it, [growth.Point(int(size), theirs, ours) for size, theirs, ours in results["growth"][it.name]])
        for it in growth.GROWTHS
        if it.name in results["growth"]
    }
    load = max(results["load"].values(), default=0.0)
    if load > CALM:
        how += f" **Other work ran beside it** (load average up to {load:.1f}), so take ratios, not numbers."
    page.write(folder, measured, grown, how)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {', '.join(NAMES)}")
    parser.add_argument("-n", "--runs", type=int, default=3, help="runs of each (3)")
    parser.add_argument("--share", type=float, default=1.0, help="of lines, bans and seconds (1); 0.01 is quick")
    parser.add_argument("--whole", action="store_true", help="let Fail2Ban read every log to its end, too")
    parser.add_argument("--bin", type=Path, help="the folder of an installed f2b (default: this checkout)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md from all that was measured")
    return parser
