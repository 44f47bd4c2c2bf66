"""A filter tried on a log, line by line: what `f2b regex` and `fail2ban-regex` have in common."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from math import inf
from operator import itemgetter

from f2b.alarm import alarmed
from f2b.cli import subject
from f2b.cli.report import Report, Show
from f2b.cli.sample import Sample
from f2b.cli.verdict import Judge, Names, Verdict
from f2b.config.model import FilterSpec
from f2b.date.reader import DateReader
from f2b.events import Line
from f2b.filter.quick import Tally
from f2b.filter.regex import Examination
from f2b.lines import LineReader, journal_line
from f2b.named import NamedTuple
from f2b.runaway import Patience, Runaway
from f2b.sieve import Sieve

_ODD = re.compile(rb"[#\s\x1c-\x1f\x80-\xff]")
"""What a line begins with that may be empty, blank or a comment."""
_ODD_BEGIN = re.compile(rb"\n(?=[#\s\x1c-\x1f\x80-\xff])")
"""Before such a line."""
_first = itemgetter(0)


Number = Callable[[int], int]
"""From a line's place among those that are looked at to its number in the log."""


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
        self.passed_over = 0
        """How many lines were not looked at, for they cannot match."""
        self.judge = Judge(subject.compiled(spec), Names(), setup.every, setup.as_fail2ban)
        self._sieve = Sieve(None if setup.as_journal else self._reader, [self.judge.tested])

    @property
    def encoding(self) -> str:
        """What the log is decoded from, as it was asked for."""
        return self._reader.encoding.upper() if self._setup.encoding == "auto" else self._setup.encoding

    def verdicts(self, enough: Callable[[], bool] = bool) -> Iterator[tuple[int, Verdict]]:
        """Yield the number of each line, from 1, and what became of it. Raises SourceError.

        Empty lines and comments (`#`) count, but are left out. Once `enough` lines were seen for all that is to be
        shown of them, those that cannot match are passed over.
        """
        with alarmed():
            for number, text in self._lines(enough):
                yield number, self._verdict(number, text)

    def fill(self, report: Report, enough: Callable[[], bool] = bool) -> None:
        """Let a report take in what became of each line, as `verdicts` would say. Raises SourceError."""
        setup = self._setup
        if setup.as_journal or self.log.kind not in ("file", "stdin") or not (setup.as_fail2ban and report.brief):
            for _, verdict in self.verdicts(enough):
                report.add(verdict)
            return
        with alarmed():
            for texts, number in self._pieces(enough):
                self._glance(texts, number, report)

    def _glance(self, texts: Iterable[str], number: Number, report: Report) -> None:
        """Look at lines; what may be shown goes to the report at once, what only counts in the end."""
        tally: Tally = {}, {}
        lines = self._reader.read(texts, self._now(), left_out)
        for line, seen in self.judge.tested.glances(lines, tally, self._setup.every, not report.sated):
            if isinstance(seen, tuple):
                report.note(seen, line[1])
                continue
            runaway = seen if line[0] else self._reader.runaway
            if runaway is None:
                report.add(self._verdict(number(self._reader.place), Line(*line)))
            else:
                report.add(self._lost(number(self._reader.place), line[1], runaway))
        for excused, counts in zip((False, True), tally, strict=True):
            for place, times in counts.items():
                report.note((place, excused), "", times)

    def _verdict(self, number: int, text: str | Line) -> Verdict:
        try:
            return self.judge.verdict(Line(*self._parts(text)))
        except Runaway as runaway:
            return self._lost(number, text, runaway)

    def _lost(self, number: int, text: str | Line, runaway: Runaway) -> Verdict:
        last = self._patience.lose(runaway.culprit, 0, inf)
        more = " again, and is left out from now on" if last else ""
        print(f"warning: line {number} is given up: {runaway.culprit} runs away{more}", file=sys.stderr)
        line = text if isinstance(text, Line) else Line(f"{text}\n", text, None)
        return Verdict("missed", line, [], Examination(), lost=True)

    def _parts(self, text: str | Line) -> tuple[str, str, float | None]:
        if isinstance(text, Line):
            return text
        return journal_line(text, self._now()) if self._setup.as_journal else self._reader.parts(text, self._now())

    def _now(self) -> float:
        return time.time() if self._setup.now is None else self._setup.now

    def _lines(self, enough: Callable[[], bool]) -> Iterator[tuple[int, str | Line]]:
        if self.log.kind == "journal":
            return self.log.entries(self._reader, self.spec.journalmatch)
        numbered = enumerate(self.log.text.split("\n"), 1) if self.log.kind == "text" else self._numbered(enough)
        return ((number, text) for number, text in numbered if not left_out(text))

    def _numbered(self, enough: Callable[[], bool]) -> Iterator[tuple[int, str]]:
        for texts, number in self._pieces(enough):
            for place, text in enumerate(texts):
                yield number(place), text

    def _pieces(self, enough: Callable[[], bool]) -> Iterator[tuple[Iterable[str], Number]]:
        """Yield the lines of each chunk that are to be looked at, and what tells their numbers."""
        first = 1
        for chunk in self.log.chunks(self._reader, self._setup.finished):
            begins = b"" if self._sieve.resting or not enough() else _begins(chunk)
            lines = len(begins)
            found = self._sieve.starts(chunk, lines) if enough() else None
            if found is None:
                texts = list(self._reader.texts(chunk))
                lines = len(texts)
                yield texts, first.__add__
            else:
                odd = self._left_out_beside(chunk, dict(found)) if _ODD.search(begins) else 0
                self.passed_over += lines - len(found) - odd
                now = None if self._setup.as_journal else self._now()
                starts = [start for start, _ in found]
                yield self._reader.picked(chunk, starts, now), _Numbers(chunk, starts, first)
            first += lines

    def _left_out_beside(self, chunk: bytes, starts: Mapping[int, int]) -> int:
        """Return how many lines of a chunk are left out, those that begin at `starts` not counted."""
        begins = [0, *(found.end() for found in _ODD_BEGIN.finditer(chunk))]
        others = [begin for begin in begins if begin not in starts and begin < len(chunk)]
        ends = (chunk.find(b"\n", begin) for begin in others)
        lines = (chunk[begin : len(chunk) if end < 0 else end] for begin, end in zip(others, ends, strict=True))
        return sum(left_out(self._reader.decode(line)) for line in lines)

    def report(self, show: Show) -> Report:
        """Return an empty report on this trial."""
        dated = self.log.kind != "journal" and not self._setup.as_journal
        return Report(self.judge.tested, self.dates if dated else None, show)


class _Numbers:
    """Tells the numbers of lines of a chunk, asked in their order."""

    def __init__(self, chunk: bytes, starts: Sequence[int], first: int) -> None:
        """`starts`: where the lines begin; `first`: the number of the chunk's first line."""
        self._chunk = chunk
        self._starts = starts
        self._reached = 0
        self._number = first

    def __call__(self, place: int) -> int:
        """Return the number of the line that begins at the start of that place."""
        start = self._starts[place]
        self._number += self._chunk.count(b"\n", self._reached, start)
        self._reached = start
        return self._number


def _begins(chunk: bytes) -> bytes:
    """Return what each line of a chunk begins with. Quicker than counting line ends, which looks at every byte."""
    return bytes(map(_first, BytesIO(chunk)))


def left_out(text: str) -> bool:
    """Return whether a line is passed over, as in Fail2Ban: an empty one, or a comment."""
    return not text or text.isspace() or text.startswith("#")
