"""Where a line's time goes: `f2b regex`, looked at with every tick of the clock of its processor time.

What a C function takes (`re`, `bytes.rfind`) counts for the line that calls it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import linecache
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from bench import logs, trial
from bench.program import ROOT
from f2b.cli import regex

EVERY_S = 0.001
"""The kernel may tick less often: 250 times a second, say."""
SHOWN = 25

Spot = tuple[str, int]
"""A file, and a line of it."""


def sampled(do: Callable[[], object]) -> tuple[Counter[Spot], float]:
    """Do it; return where it was found, how often, and the processor time it took in seconds."""
    found: Counter[Spot] = Counter()

    def look(number: int, frame: FrameType | None) -> None:
        if frame:
            found[frame.f_code.co_filename, frame.f_lineno or 0] += 1  # 0: between lines

    before = signal.signal(signal.SIGPROF, look)
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        do()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return found, time.process_time() - began


def told(found: Counter[Spot], seconds: float, lines: int) -> str:
    """Return modules and source lines, dearest first, each with its share and its ns for each line of the log."""
    all_of_it = sum(found.values()) or 1
    modules: Counter[str] = Counter()
    for (file, _), times in found.items():
        modules[_short(file)] += times

    def cost(times: int) -> str:
        return f"{100 * times / all_of_it:5.1f} %  {1e9 * seconds * times / all_of_it / lines:7.0f} ns"

    parts = [f"{lines:,} lines, {1e9 * seconds / lines:,.0f} ns each (processor time, start included)", ""]
    parts += [f"{cost(times)}  {module}" for module, times in modules.most_common(SHOWN)]
    parts.append("")
    for (file, number), times in found.most_common(SHOWN):
        parts.append(f"{cost(times)}  {_short(file)}:{number}  {linecache.getline(file, number).strip()}")
    return "\n".join(parts)


def _short(file: str) -> str:
    """Return a file's name as people know it."""
    path = Path(file)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else "/".join(path.parts[-2:])


def main(argv: Sequence[str] | None = None) -> None:
    """Sample what the command line asks for."""
    parser = argparse.ArgumentParser(prog="bench/profile", description=__doc__)
    parser.add_argument("row", nargs="?", default="mixed", choices=list(trial.INPUTS))
    parser.add_argument("--lines", type=int, default=300_000)
    asked = parser.parse_args(argv)
    kind, filter_ = trial.INPUTS[asked.row]
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        log = Path(folder) / "log"
        logs.write(log, logs.LOGS[kind](asked.lines))
        with contextlib.redirect_stdout(io.StringIO()):
            found, seconds = sampled(lambda: regex.main([str(log), filter_]))
    print(told(found, seconds, asked.lines))
