"""A filter tried on a log, line by line: what `f2b regex` and `fail2ban-regex` have in common."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from f2b.alarm import Alarm
from f2b.cli import subject
from f2b.cli.report import Report, Show
from f2b.cli.sample import Sample
from f2b.cli.verdict import Judge, Names, Verdict
from f2b.config.model import FilterSpec
from f2b.date.reader import DateReader
from f2b.events import Line
from f2b.filter.regex import Examination
from f2b.lines import LineReader, journal_line
from f2b.runaway import Patience, Runaway


class Setup(NamedTuple):
    """How a log is read."""

    zone: str | None = None
    encoding: str = "auto"
    now: float | None = None
    """The time that completes dates (epoch seconds); None: the clock."""
    as_journal: bool = False
    """The lines are the text of journal entries."""
    every: bool = False
    """Try every regex, not up to the first that matches."""
    as_fail2ban: bool = False
    """Sort lines into matched, ignored and missed as fail2ban-regex does."""
    finished: bool = False
    """Leave out a last line that has no end yet."""


class Trial:
    """One filter and one log."""

    def __init__(self, spec: FilterSpec, log: Sample, setup: Setup) -> None:
        """Raises ConfigError for a filter, date pattern, zone or encoding that is none."""
        self.spec = spec
        self.log = log
        self._setup = setup
        year = time.localtime().tm_year
        self.dates = DateReader([text.value for text in spec.datepattern], setup.zone, year)
        self._reader = LineReader(self.dates, setup.encoding)
        self._patience = Patience()
        self.judge = Judge(subject.compiled(spec), Names(), setup.every, setup.as_fail2ban)

    @property
    def encoding(self) -> str:
        """What the log is decoded from."""
        return self._reader.encoding.upper()

    def verdicts(self) -> Iterator[tuple[int, Verdict]]:
        """Yield the number of each line, from 1, and what became of it. Raises SourceError."""
        alarm = Alarm()
        alarm.set()
        try:
            for number, text in self._lines():
                yield number, self._verdict(number, text)
        finally:
            alarm.off()

    def _verdict(self, number: int, text: str | Line) -> Verdict:
        line = text if isinstance(text, Line) else Line(f"{text}\n", text, None)
        try:
            if isinstance(text, str):
                line = self._line(text)
            return self.judge.verdict(line)
        except Runaway as runaway:
            last = self._patience.lose(runaway.culprit, 0, inf)
            more = " again, and is left out from now on" if last else ""
            print(f"warning: line {number} is given up: {runaway.culprit} runs away{more}", file=sys.stderr)
            return Verdict("missed", line, [], Examination(), lost=True)

    def _line(self, text: str) -> Line:
        now = time.time() if self._setup.now is None else self._setup.now
        return journal_line(text, now) if self._setup.as_journal else self._reader.line(text, now)

    def _lines(self) -> Iterator[tuple[int, str | Line]]:
        if self.log.kind == "journal":
            return self.log.entries(self._reader, self.spec.journalmatch)
        return self.log.numbered(self._reader, self._setup.finished)

    def report(self, show: Show) -> Report:
        """Return an empty report on this trial."""
        dated = self.log.kind != "journal" and not self._setup.as_journal
        return Report(self.judge.tested, self.dates if dated else None, show)
