"""What a filter makes of a line, step by step: the report behind `f2b explain --line`.

Every step is the engine's own (`date`, `lines`, `filter`, `jail`); `explain_cause` says what it comes to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

from f2b.ban.allow import words
from f2b.ban.growth import Even
from f2b.ban.history import Past
from f2b.cli import subject
from f2b.cli.check import Wealthy
from f2b.cli.explain_cause import Cause, Verdict, of_regexes
from f2b.cli.explain_date import Dated, dated
from f2b.cli.explain_regex import regexes, session
from f2b.cli.verdict import Names
from f2b.config import search
from f2b.config.model import FilterSpec, JailSpec
from f2b.daemon import own
from f2b.daemon.assemble import build_jail
from f2b.daemon.reference import Reference
from f2b.date.bracket import dates
from f2b.errors import ConfigError
from f2b.events import Failure, Line
from f2b.filter import Filter
from f2b.filter.build import REGEX, build, date_patterns
from f2b.filter.over import explain
from f2b.filter.regex import Examination, RegexFilter
from f2b.filter.success import Forgiving
from f2b.jail import ODD_S, Jail
from f2b.lines import LineReader, journal_line
from f2b.runaway import Runaway


def find(name: str, directory: Path | None) -> tuple[FilterSpec, JailSpec | None]:
    """Return the filter that somebody names, and the jail if it is a jail's name. Raises ConfigError."""
    settings = search.load(directory, Wealthy(), only=[name], disabled=True)
    for jail in (*settings.jails, *settings.broken):
        if jail.name == name:
            return jail.filter, jail
    spec = subject.find(name, directory)
    if spec is None and "<" not in name:
        raise ConfigError(f"there is no jail and no filter {name!r}", cure="`f2b jail list` lists the jails")
    return spec or subject.given(name), None


class Explainer:
    """Explains one line after the other to a filter, or to a jail's; lines of one session belong together."""

    def __init__(self, spec: FilterSpec, jail: JailSpec | None, now: float, zone: str | None = None) -> None:
        """Raises ConfigError for a filter that cannot be made, or lacks a file that it judges by."""
        self.spec = spec
        self._now = now
        self.zone = jail.logtimezone if jail is not None and zone is None else zone
        self._journal = jail is not None and jail.journal
        year = time.localtime(now).tm_year
        self._reader = LineReader(dates(date_patterns(spec), self.zone, year), jail.logencoding if jail else "auto")
        self._filter = _made(spec)
        self._typed = spec.type != REGEX
        self._bases = [_inner(_made(base) if self._typed else self._filter) for base in of_regexes(spec)]
        self._jail = None if jail is None else _jail(jail)
        self._findtime = None if jail is None else jail.findtime
        self._names = Names()

    def explain(self, text: str) -> dict[str, Any]:
        """Return what is made of a line, as JSON can say it."""
        date = None if self._journal else dated(date_patterns(self.spec), self.zone, text, self._now)
        line = self._line(text)
        said: list[str] = []
        seen: list[Examination] = []
        failures: list[Failure] = []
        tried: list[dict[str, Any]] = []
        try:
            seen = [base.examine(line, every=False) for base in self._bases]
            failures = self._failures(line, seen, said)
            tried = [one for base, each in zip(self._bases, seen, strict=True) for one in regexes(base, line)]
            cause = Cause(self.spec, self._bases, self.zone, self._now, self._journal)
            verdict = cause.verdict(line, seen, failures, said, self._jail)
        except Runaway as runaway:
            verdict = Verdict("runaway", f"{runaway.culprit} runs away on it, so the line is lost", "see f2b lint")
        return {
            "line": text,
            "date": None if date is None else date.entry(),
            "text": line.text.removesuffix("\n"),
            "regexes": tried,
            "session": next((found for one in seen if (found := session(one))), None),
            "failures": [_entry(one) for one in failures],
            "said": said,
            "notes": self._notes(date),
            "verdict": {"cause": verdict.cause, "text": verdict.text, "cure": verdict.cure},
        }

    def _line(self, text: str) -> Line:
        """Return a line as the jail would feed it: just written, whatever its date says."""
        line = journal_line(text, self._now) if self._journal else self._reader.line(text, self._now)
        odd = line.time is None or abs(line.time - self._now) > ODD_S
        return line._replace(time=self._now) if odd else line

    def _notes(self, date: Dated | None) -> list[str]:
        if self._journal:
            return []
        return (
            ["it has no date: it counts as written when it is read"] if date is None else date.notes(self._findtime)
        )

    def _failures(self, line: Line, seen: Sequence[Examination], said: list[str]) -> list[Failure]:
        """Return the failures, and successes, of a line, once for each address of a host name."""
        if self._typed:
            found = list(explain(self._filter, line, said))
        else:
            found = [hit.failure for hit in seen[0].hits if hit.failure and not hit.nofail]
            if not seen[0].hits and isinstance(self._filter, Forgiving):
                found = list(self._filter.feed(line))
        return [one for failure in found for one in self._known(failure)]

    def _known(self, failure: Failure) -> Iterator[Failure]:
        """Yield a failure for each address of its host name; as it is, if there is none."""
        addresses = self._names(failure.unresolved) if failure.unresolved else ()
        if not addresses:
            yield failure
            return
        each: Sequence[Failure] = [
            failure._replace(id=address, host=address, unresolved="", then=()) for address in addresses
        ]
        for judge in failure.then:
            each = [one for other in each for one in judge(other)]
        yield from each


def _entry(failure: Failure) -> dict[str, Any]:
    return {
        "id": failure.id,
        "host": failure.host,
        "unresolved": failure.unresolved,
        "attempts": failure.attempts,
        "captures": dict(failure.captures),
        "matches": list(failure.matches),
    }


def _made(spec: FilterSpec) -> Filter:
    made, problems = build(spec, inf)
    if made is not None:
        problems += Reference(lambda level, text: None).refresh(made)
    wrong = [str(problem) for problem in problems if problem.severity == "error"]
    if made is None or wrong:
        raise ConfigError("\n".join(wrong))
    return made


def _inner(filter_: Filter) -> RegexFilter:
    found = filter_.inner if isinstance(filter_, Forgiving) else filter_
    assert isinstance(found, RegexFilter)
    return found


def _jail(spec: JailSpec) -> Jail | None:
    """Return a jail that knows whom it spares, as far as this process may find out."""
    jail, _ = build_jail(spec, Past(), Even())
    if jail is None:
        return None
    if spec.ignoreself:
        jail.allow.owns(own.addresses())
    names = Names()
    for name in jail.allow.names:
        jail.allow.resolved(name, names(name))
    for path in map(Path, jail.allow.files):
        if path.is_file():
            jail.allow.loaded(str(path), words(path.read_text(encoding="utf-8", errors="replace")))
    return jail
