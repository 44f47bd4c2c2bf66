"""Why a line leads to nothing, or to what: the verdict of `f2b explain --line`, and what would help.

Where no regex matches, the line is read again in other ways: with other dates, with host names allowed, from a later
character on. The one that helps tells the cause.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from math import inf

from f2b.cli.explain_regex import session
from f2b.config.model import FilterSpec
from f2b.date.bracket import dates
from f2b.events import SUCCESS, Failure, Line
from f2b.filter.build import REGEX, date_patterns
from f2b.filter.regex import Examination, RegexFilter, compile_filter
from f2b.filter.rule import find
from f2b.jail import Jail
from f2b.lines import LineReader
from f2b.named import NamedTuple
from f2b.value import replace

AHEAD = 80
"""So many first characters are left out, one after the other, to see whether they were in the way."""
DIGITS = 4
"""What has so many of them may well be a date."""


class Verdict(NamedTuple):
    """What became of a line."""

    cause: str
    """A word for programs: `counts`, `no match`, `date`, ..."""
    text: str
    cure: str = ""


class _Reading(NamedTuple):
    """A line read in another way, and what it means if that helps."""

    line: Line
    verdict: Verdict


class Cause:
    """Finds out what became of the lines of one filter."""

    def __init__(
        self, spec: FilterSpec, bases: Sequence[RegexFilter], zone: str | None, now: float, journal: bool
    ) -> None:
        """`bases`: the filters of regexes that it is, or rests on."""
        self._spec = spec
        self._bases = bases
        self._zone = zone
        self._now = now
        self._journal = journal

    def verdict(
        self,
        line: Line,
        seen: Sequence[Examination],
        failures: Sequence[Failure],
        said: Sequence[str],
        jail: Jail | None,
    ) -> Verdict:
        """Return what a line comes to; `seen` is what each base made of it, `said` what each type did."""
        if failures:
            return _sentence(failures[0], jail)
        for base, one in zip(self._bases, seen, strict=True):
            if one.ignored is not None:
                place = base.ignoreregex[one.ignored].text.place
                return Verdict("ignored", f"ignoreregex {one.ignored + 1} drops it ({place})")
        counts = any(hit.failure and not hit.nofail for one in seen for hit in one.hits)
        if self._spec.type != REGEX and (counts or not self._bases):
            return Verdict("type", said[-1] if said else "the filter reads no log")
        for one in seen:
            if one.hits:
                return _waiting(one)
        return self._missed(line)

    def _missed(self, line: Line) -> Verdict:
        """Find out why no regex matches."""
        if not any(base.failregex for base in self._bases):
            return Verdict("no match", "the filter has no failregex")
        for other in self._readings(line):
            if self._would_match(other.line):
                return other.verdict
        if self._spec.usedns == "no" and self._would_match(line, replace(self._spec, usedns="warn")):
            what = "where a regex wants an address stands a host name, and usedns = no forbids to look it up"
            return Verdict("dns", what, "let the service log addresses, or set usedns = warn")
        for at in range(1, min(AHEAD, len(line.text))):
            if self._would_match(line._replace(text=line.text[at:])):
                return _in_the_way(line.text[:at])
        prefixes = [base.prefregex for base in self._bases if base.prefregex]
        if prefixes and not any(find((rule,), line.text) for rule in prefixes):
            return Verdict("no match", "prefregex does not match, so no failregex is tried")
        return Verdict("no match", "no failregex matches", "is it the right filter, and the right mode?")

    def _readings(self, line: Line) -> Iterator[_Reading]:
        """Yield the line with its date read otherwise: by the usual patterns, or cut out nowhere."""
        if self._journal:
            return
        usual = dates((), self._zone, time.localtime(self._now).tm_year)
        stamp = usual.read(line.raw, self._now)
        if stamp is not None and date_patterns(self._spec):
            written = line.raw[stamp.start : stamp.end]
            what = (
                f"datepattern does not fit: a regex matches once the date is read by the usual patterns, {written!r}"
            )
            verdict = Verdict("date", what, "take the datepattern out, or write one that fits")
            yield _Reading(LineReader(usual).line(line.raw, self._now), verdict)
        what = "what is taken for the date and cut out belongs to the text"
        whole = line._replace(text=f"{line.raw}\n")
        yield _Reading(whole, Verdict("date", what, "set a datepattern that fits"))

    def _would_match(self, line: Line, spec: FilterSpec | None = None) -> bool:
        for base in of_regexes(spec or self._spec):
            made, _ = compile_filter(base, inf)
            if made is not None and made.examine(line, every=False).hits:
                return True
        return False


def of_regexes(spec: FilterSpec) -> list[FilterSpec]:
    """Return a filter, or of one of another type the filters of regexes that it rests on."""
    return [spec] if spec.type == REGEX else [found for base in spec.base for found in of_regexes(base)]


def _sentence(failure: Failure, jail: Jail | None) -> Verdict:
    """Say what the jail does about a failure."""
    key = failure.id
    if failure.unresolved:
        what = f"its host is a name, {failure.unresolved}, and no address is found for it; it is not counted"
        return Verdict("dns", what, "let the service log addresses (no reverse look-ups), or mend the resolver")
    if failure.attempts == SUCCESS:
        return Verdict("success", f"a success of {key}, which clears its failures")
    if jail is None:
        return Verdict("counts", f"a failure of {key}")
    name, most = f"[{jail.name}]", jail.spec.maxretry
    by = jail.why_spared(key)
    if by:
        rule = "ignoreself" if "ignoreself" in by else f"ignoreip ({by})"
        return Verdict(
            "ignored id", f"{name} does not count it: {rule} spares {key}", f"look at {rule} if that is wrong"
        )
    why = jail.protects(key)
    if why:
        return Verdict("protected", f"{name} counts it, but no filter may ban {key}: {why}")
    if failure.attempts >= most:
        return Verdict("bans", f"{name} bans {key} for it at once: it counts for {failure.attempts} of {most}")
    more = most - failure.attempts
    once = f"{more} more within findtime {'bans' if more == 1 else 'ban'} it"
    return Verdict("counts", f"{name} counts it for {key}: {failure.attempts} of {most}; {once}")


def _in_the_way(head: str) -> Verdict:
    if sum(map(str.isdigit, head)) >= DIGITS:
        what = f"its date is not recognised: a regex matches behind {head.strip()!r}"
        return Verdict("date", what, "set a datepattern that fits")
    what = f"a regex matches only if the text begins behind {head!r}"
    return Verdict("no match", what, "write the regex so that it allows for that")


def _waiting(seen: Examination) -> Verdict:
    """Say what a match that is no failure waits for."""
    hit, known = seen.hits[-1], session(seen)
    if known is None:
        if hit.failure is None:
            return Verdict(
                "nobody", "a regex matches, but nothing in the line says who it was", "let it catch <HOST>"
            )
        return Verdict("excused", "a regex matches, and says that this is no failure (<F-NOFAIL>)")
    cure = "give the session's other lines, too: --line again, in their order"
    name = known["id"]
    if hit.excused:
        what = f"it is no failure itself; it counts if a failure of its session {name!r} follows"
        return Verdict("session", what, cure)
    what = f"a failure that does not say who it was; it counts once a line of its session {name!r} does"
    return Verdict("session", what, cure)
