"""Everything that lint has to say of one filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from f2b.config.model import FilterSpec
from f2b.errors import ConfigError
from f2b.filter.cover import SHORTEST
from f2b.filter.rule import Rule
from f2b.lint.backtracking import suspects
from f2b.lint.bench import ATTACKER, VICTIM, Bench, Specimen
from f2b.lint.finding import Finding, Kind, Tally
from f2b.lint.payload import planted
from f2b.named import NamedTuple
from f2b.runaway import Runaway

Endless = Callable[[Rule, Callable[[int], str]], str]
"""Returns a text, of those that it is given a way to make, that a rule searches for over a second; "" if none."""

MADE = 4
"""So many lines are made from each failregex."""
JUNK = 'x "y" <z>: 1 [2] - '
ECHOES = 40
"""So many lines that accuse the victim are planted, whole, into the fields of others."""


class Subject(NamedTuple):
    """A filter to look at."""

    label: str
    spec: FilterSpec
    lines: Sequence[str]
    """Log lines for it."""


class Checker:
    """Looks at filters, one after the other; a regex that several sets of options share is looked at once."""

    def __init__(self, endless: Endless, now: float) -> None:
        self.tally = Tally()
        self._endless = endless
        self._now = now
        self._known: set[tuple[str, str]] = set()

    def check(self, subject: Subject) -> None:
        """Add what is wrong with a filter to the tally."""
        self.tally.filters += 1
        try:
            bench = Bench(subject.label, subject.spec, self._now)
        except ConfigError as error:
            self.tally.findings.append(Finding(subject.label, "broken", error.what, error.place))
            return
        samples = [found for found in map(bench.sample, subject.lines) if found]
        fresh = {number for number, rule in enumerate(bench.rules) if self._is_new(bench, rule)}
        made = {number: list(islice(bench.made(number, ATTACKER), MADE)) for number in fresh}
        for number in sorted(fresh):
            read = bool(made[number]) or any(one.rule == number for one in samples)
            self.tally.findings += _judged(bench, number, made[number], read)
            self._run_away(bench, bench.rules[number])
        if bench.prefix is not None and self._is_new(bench, bench.prefix):
            self._run_away(bench, bench.prefix)
        self.tally.findings += _duplicates(bench, fresh)
        specimens = [one for number in sorted(fresh) for one in made[number]]
        self._plant(bench, [*specimens, *(one for one in samples if one.rule in fresh)])

    def _is_new(self, bench: Bench, rule: Rule) -> bool:
        key = bench.spec.name, rule.text.value
        new = key not in self._known
        self._known.add(key)
        return new

    def _run_away(self, bench: Bench, rule: Rule) -> None:
        any(self._runs_away(bench, rule, suspect.text) for suspect in suspects(rule.pattern))

    def _runs_away(self, bench: Bench, rule: Rule, text: Callable[[int], str]) -> bool:
        found = self._endless(rule, text)
        if found:
            what = "a search of this text takes over a second"
            self.tally.findings.append(_finding(bench, "runaway", what, rule, found))
        return bool(found)

    def _plant(self, bench: Bench, specimens: Sequence[Specimen]) -> None:
        """Plant the victim's address into every field of the specimens."""
        echoes = list(islice(_echoes(bench), 2 * ECHOES))
        after = _followers(bench) if bench.sessions else []
        guilty: set[int] = set()
        seen: set[tuple[int, int]] = set()
        for specimen in specimens:
            self.tally.lines += 1
            self.tally.positions += len(specimen.fields)
            for place, field in enumerate(specimen.fields):
                lines = echoes if (specimen.rule, place) not in seen else ()
                seen.add((specimen.rule, place))
                for text in planted(specimen, field, lines):
                    self.tally.planted += 1
                    if specimen.rule not in guilty and self._fooled(bench, specimen, text, after):
                        guilty.add(specimen.rule)

    def _fooled(self, bench: Bench, specimen: Specimen, text: str, after: Sequence[str]) -> bool:
        """Read a planted line; return whether there is something to tell of it."""
        raw = specimen.raw(text)
        try:
            found = {one.partition("/")[0] for one in bench.accused(raw, specimen.dated, after)}
        except Runaway as runaway:
            return isinstance(runaway.culprit, Rule) and self._runs_away(
                bench, runaway.culprit, lambda _: text[specimen.content :]
            )
        if VICTIM not in found:
            return False
        what = f"bans {VICTIM}, which stands only in a field of the client's"
        self.tally.findings.append(_finding(bench, "injection", what, bench.rules[specimen.rule], raw))
        return True


def _judged(bench: Bench, number: int, made: Sequence[Specimen], read: bool) -> Iterator[Finding]:
    """Yield what is wrong with a failregex by itself."""
    rule = bench.rules[number]
    if not read:
        yield _finding(bench, "dead", "no line is found that it matches", rule)
    before = bench.prefix.shape.clauses if bench.prefix else ()
    if bench.spec.maxlines > 1 or all(clause.length < SHORTEST for clause in (*rule.shape.clauses, *before)):
        yield _finding(bench, "slow", "it has no fixed text to look for, so it is tried on every line", rule)
    for one in made:
        stray = {who for who in bench.accused(one.raw(one.text), one.dated) if _address(who)} - {ATTACKER}
        if stray and one.addresses:
            what = f"reads {', '.join(sorted(stray))} where {ATTACKER} stands"
            yield _finding(bench, "misread", what, rule, one.raw(one.text))
            break
    yield from _floating(bench, number, made)


def _floating(bench: Bench, number: int, made: Sequence[Specimen]) -> Iterator[Finding]:
    """Say whether a failregex matches behind any other text, which may be anybody's."""
    for one in made:
        for at in {0, one.content}:
            raw = one.raw(one.text[:at] + JUNK + one.text[at:])
            if ATTACKER in bench.accused(raw, one.dated):
                what = "not anchored: the same text behind any other, written by anybody, bans whom it names"
                yield _finding(bench, "unanchored", what, bench.rules[number], raw)
                return


def _address(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(?:\.\d+){3}", text))


def _duplicates(bench: Bench, fresh: set[int]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for number, rule in enumerate(bench.rules):
        if rule.pattern.pattern in first:
            earlier = bench.rules[first[rule.pattern.pattern]].text.place
            yield _finding(bench, "duplicate", f"the same regex stands in {earlier}", rule)
        first.setdefault(rule.pattern.pattern, number)


def _echoes(bench: Bench) -> Iterator[str]:
    """Yield a text for each failregex that accuses the victim, whole and without what prefregex cuts off."""
    for number in range(len(bench.rules)):
        for one in islice(bench.made(number, VICTIM), 1):
            yield one.text
            if one.content:
                yield one.text[one.content :]


def _followers(bench: Bench) -> list[str]:
    """Return lines that fail but do not say who: their session knows."""
    found = []
    for number, rule in enumerate(bench.rules):
        if not {"ip4", "ip6", "dns", "fid", "nofail"} & rule.pattern.groupindex.keys():
            found += [one.raw(one.text) for one in islice(bench.made(number, ATTACKER), 1)]
    return found[:1]


def _finding(bench: Bench, kind: Kind, what: str, rule: Rule, line: str = "") -> Finding:
    return Finding(bench.label, kind, what, rule.text.place, rule.text.value, line)
