"""`f2b regex` with a filter of another type than regex: what it finds, and why, in the words of each type."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from math import inf

from f2b.alarm import alarmed
from f2b.cli.sample import Sample
from f2b.cli.trial import Setup, left_out
from f2b.cli.verdict import Names
from f2b.config.model import FilterSpec
from f2b.daemon.reference import Reference
from f2b.date.bracket import dates
from f2b.errors import ConfigError
from f2b.events import Failure, Line
from f2b.filter.build import build, date_patterns
from f2b.filter.over import explain
from f2b.lines import LineReader, journal_line
from f2b.runaway import Runaway

SHOWN = 20
"""So many lines of each kind are shown unless all are asked for."""


class Tried:
    """What became of a line."""

    def __init__(self, number: int, line: Line) -> None:
        self.number = number
        self.line = line
        self.failures: list[Failure] = []
        self.successes: list[Failure] = []
        self.said: list[str] = []
        """What each type made of it."""
        self.lost = False
        """It was given up, for a regex ran away on it."""


class TypedTrial:
    """One filter and one log."""

    def __init__(self, spec: FilterSpec, log: Sample, setup: Setup) -> None:
        """Raises ConfigError for a filter that cannot be made, or lacks a file that it judges by."""
        self._log = log
        self._setup = setup
        found, problems = build(spec, inf)
        if found is not None:
            problems += Reference(lambda level, text: print(f"{level.lower()}: {text}", file=sys.stderr)).refresh(
                found
            )
        wrong = [str(problem) for problem in problems if problem.severity == "error"]
        if found is None or wrong:
            raise ConfigError("\n".join(wrong))
        self._filter = found
        self._spec = spec
        self._names = Names()
        year = time.localtime().tm_year
        self._reader = LineReader(dates(date_patterns(spec), setup.zone, year), setup.encoding)

    def lines(self) -> Iterator[Tried]:
        """Yield what became of each line. Raises SourceError."""
        with alarmed():
            for number, line in self._numbered():
                yield self._tried(number, line)

    def _numbered(self) -> Iterator[tuple[int, Line]]:
        if self._log.kind == "journal":
            yield from self._log.entries(self._reader, self._spec.journalmatch)
            return
        now = time.time() if self._setup.now is None else self._setup.now
        texts = self._log.text.split("\n") if self._log.kind == "text" else self._texts()
        for number, text in enumerate(texts, 1):
            if not left_out(text):
                yield number, journal_line(text, now) if self._setup.as_journal else self._reader.line(text, now)

    def _texts(self) -> Iterator[str]:
        for chunk in self._log.chunks(self._reader):
            yield from self._reader.texts(chunk)

    def _tried(self, number: int, line: Line) -> Tried:
        tried = Tried(number, line)
        try:
            found = explain(self._filter, line, tried.said)
        except Runaway as runaway:
            print(f"warning: line {number} is given up: {runaway.culprit} runs away", file=sys.stderr)
            tried.lost = True
            return tried
        for failure in self._known(found):
            (tried.failures if failure.attempts > 0 else tried.successes).append(failure)
        return tried

    def _known(self, found: Sequence[Failure]) -> Iterator[Failure]:
        """Yield failures, once for each address that a host name stands for."""
        for failure in found:
            if not failure.unresolved:
                yield failure
                continue
            each: Sequence[Failure] = [
                failure._replace(id=address, host=address, unresolved="", then=())
                for address in self._names(failure.unresolved)
            ]
            for judge in failure.then:
                each = [one for other in each for one in judge(other)]
            yield from each


def print_json(trial: TypedTrial) -> None:
    """Print one object for each line that failed, then a summary."""
    counts = {"lines": 0, "matched": 0, "ignored": 0, "missed": 0, "successes": 0}
    lost: list[int] = []
    for tried in trial.lines():
        counts["lines"] += 1
        counts["matched" if tried.failures else "missed"] += 1
        counts["successes"] += bool(tried.successes)
        if tried.lost:
            lost.append(tried.number)
        if tried.failures:
            print(json.dumps({"line": tried.number, "failures": list(map(_entry, tried.failures))}))
    print(json.dumps({"summary": {**counts, "lost": lost, "failregex": []}}))


def _entry(failure: Failure) -> dict[str, object]:
    return {
        "id": failure.id,
        "host": failure.host,
        "time": failure.time,
        "nofail": False,
        "attempts": failure.attempts,
        "matches": failure.matches,
        "captures": failure.captures,
    }


def print_report(trial: TypedTrial, verbose: bool, everything: bool) -> None:
    """Print the lines that failed or succeeded, with what was made of them; `verbose`: the others too."""
    counts = {"failed": 0, "succeeded": 0, "missed": 0}
    for tried in trial.lines():
        kind = "failed" if tried.failures else "succeeded" if tried.successes else "missed"
        counts[kind] += 1
        if (kind != "missed" or verbose) and (everything or counts[kind] <= SHOWN):
            print(f"{tried.number:>6} {kind}: {tried.line.raw}")
            print("".join(f"         {text}\n" for text in tried.said), end="")
    print(f"\nLines: {sum(counts.values())} lines, " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
