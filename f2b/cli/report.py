"""The report of `fail2ban-regex` and `f2b regex`: what each regex found, which dates, which lines went where.

The layout is Fail2Ban's, because people and scripts know it by heart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from f2b.cli.verdict import Finding, Verdict
from f2b.date.reader import DateReader
from f2b.filter.glance import UNPREFIXED
from f2b.filter.quick import Glance
from f2b.filter.regex import RegexFilter
from f2b.filter.rule import Rule
from f2b.named import NamedTuple

LIMIT = 20
"""From so many lines on, a list is not printed unless asked for."""
_WIDTH = 20
_SHOWN_CHARACTERS = 53
_SHOWN_LINES = 5


class Show(NamedTuple):
    """What the report is to hold."""

    verbosity: int = 0
    templates: bool = False
    """Each date template with its regex."""
    urls: bool = False
    """Addresses of debuggex.com beside the lines."""
    limit: int = LIMIT
    hidden: frozenset[str] = frozenset()
    """The lists of lines that are not wanted: `missed`, `ignored`."""
    full: frozenset[str] = frozenset()
    """The lists that are wanted however long: `matched`, `missed`, `ignored`."""


class Report:
    """Gathers verdicts. It keeps no line that it will not print."""

    def __init__(self, tested: RegexFilter, dates: DateReader | None, show: Show) -> None:
        self._tested = tested
        self._dates = dates
        self._show = show
        self._prefixes: list[str] = []
        self._prefixed = 0
        self._hits = [0] * len(tested.failregex)
        self._ids: list[list[str]] = [[] for _ in tested.failregex]
        self._ignores = [0] * len(tested.ignoreregex)
        self.counts = {"matched": 0, "ignored": 0, "missed": 0}
        self._passed_over = 0
        self._kept: dict[str, list[str]] = {kind: [] for kind in self.counts}

    @property
    def lines(self) -> int:
        """How many lines were tried."""
        return sum(self.counts.values())

    @property
    def hits(self) -> Sequence[int]:
        """How often each failregex matched."""
        return self._hits

    def add(self, verdict: Verdict) -> None:
        """Take in what became of a line."""
        seen = verdict.seen
        if seen.prefix is not None:
            self._prefixed += 1
            if self._show.verbosity and len(self._prefixes) <= LIMIT:
                full = len(self._prefixes) == LIMIT
                self._prefixes.append("..." if full else str(seen.prefix.groupdict()))
        if seen.ignored is not None:
            self._ignores[seen.ignored] += 1
        for index, finding in enumerate(verdict.findings):
            self._hits[finding.rule] += 1
            if self._show.verbosity:
                self._ids[finding.rule].append(_found(finding, index > 1))
        self._count(verdict)

    @property
    def brief(self) -> bool:
        """Whether nothing is shown of a line but what a `glance` says."""
        return not self._show.verbosity and "matched" not in self._show.full

    @property
    def sated(self) -> bool:
        """Whether no further line is shown, whatever becomes of it."""
        kinds = ("missed", "ignored")
        full = all(kind in self._show.hidden or self.counts[kind] >= self._show.limit for kind in kinds)
        return full and not self._show.full

    def note(self, glance: Glance, raw: str, times: int = 1) -> None:
        """Take in what a quick look at a line said, or at so many of which none is shown."""
        place, excused = glance
        self._prefixed += times * (place != UNPREFIXED)
        if place >= 0:
            self._hits[place] += times
        kind = "missed" if place < 0 else "ignored" if excused else "matched"
        self.counts[kind] += times - 1
        self._keep(kind, raw)

    def _count(self, verdict: Verdict) -> None:
        """Sort the line in. A match over several lines makes those before it matched ones, too."""
        raw = verdict.line.raw
        earlier = [line.raw for line in verdict.seen.taken if line is not verdict.line]
        for text in earlier if verdict.kind != "missed" else ():
            self.counts["missed"] -= 1
            if text.rstrip() in self._kept["missed"]:
                self._kept["missed"].remove(text.rstrip())
            self._keep("matched", text)
        self._keep(verdict.kind, raw)

    def _keep(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        wanted = kind != "matched" and kind not in self._show.hidden and len(self._kept[kind]) < self._show.limit
        if wanted or kind in self._show.full:
            self._kept[kind].append(text.rstrip())

    @property
    def enough(self) -> bool:
        """Whether no further line that was missed would be shown, nor anything counted of it but that."""
        if self._show.verbosity or "missed" in self._show.full:
            return False
        return "missed" in self._show.hidden or self.counts["missed"] >= self._show.limit

    def pass_over(self, lines: int) -> None:
        """Take in lines that were missed without being looked at."""
        self.counts["missed"] += lines
        self._passed_over += lines

    def text(self, seconds: float) -> Iterator[str]:
        """Yield the report, piece by piece; the trial took that many seconds."""
        yield "\nResults\n======="
        tested = self._tested
        if tested.prefregex:
            yield f"\nPrefregex: {self._prefixed} total"
            yield from _box([tested.prefregex.pattern.pattern, *(f"    {text}" for text in self._prefixes)])
        yield from self._regexes("Failregex", tested.failregex, self._hits, self._ids)
        yield from self._regexes("Ignoreregex", tested.ignoreregex, self._ignores, [[] for _ in self._ignores])
        yield from self._templates()
        counts = self.counts
        yield (
            f"\nLines: {self.lines} lines, {counts['ignored']} ignored, "
            f"{counts['matched']} matched, {counts['missed']} missed"
        )
        if self._passed_over:
            yield f"{self._passed_over} of these lack words that a match needs; prefregex and dates do not count them"
        yield f"[processed in {seconds:.2f} sec]\n"
        if "matched" in self._show.full:
            yield from self._list("matched")
        for kind in ("ignored", "missed"):
            if kind not in self._show.hidden:
                yield from self._list(kind)

    def _regexes(
        self, title: str, rules: Sequence[Rule], hits: Sequence[int], ids: Sequence[Sequence[str]]
    ) -> Iterator[str]:
        yield f"\n{title}: {sum(hits)} total"
        shown: list[str] = []
        for number, (rule, count, found) in enumerate(zip(rules, hits, ids, strict=True), 1):
            if count or self._show.verbosity:
                shown.append(f"{number:>2}) [{count}] {rule.text.value}")
                shown += [f"    {text}" for text in found]
        if shown:
            yield from _box(shown, " #) [# of hits] regular expression")

    def _templates(self) -> Iterator[str]:
        if self._dates is None:
            return
        yield "\nDate template hits:"
        shown: list[str] = []
        for template in self._dates.templates:
            if template.hits or self._show.verbosity:
                shown.append(f"[{template.hits}] {template.name}")
                if self._show.templates:
                    weight = f"{template.load:.3f} ({template.weight:.3f})"
                    shown.append(f"    # weight: {weight}, pattern: {template.pattern.text}")
                    shown.append(f"    # regex:   {template.compiled.pattern}")
        if shown:
            yield from _box(shown, "[# of hits] date format")

    def _list(self, kind: str) -> Iterator[str]:
        title = f"|- {kind.capitalize()} line(s):"
        count = self.counts[kind]
        if not count:
            return
        if count >= self._show.limit and kind not in self._show.full:
            yield f"{title[3:]} too many to print.  Use --print-all-{kind} to print all {count} lines"
            return
        yield title
        yield from _box(list(self._addressed(kind)))

    def _addressed(self, kind: str) -> Iterator[str]:
        """Yield the lines of a list, with addresses of debuggex.com if wanted."""
        rules = self._tested.ignoreregex if kind == "ignored" else self._tested.failregex
        for text in self._kept[kind]:
            if self._show.urls:
                yield from (f"{text} | {rule.text.value} |  {_url(rule, text)}" for rule in rules)
            else:
                yield text


def _found(finding: Finding, again: bool) -> str:
    failure = finding.failure
    when = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(failure.time))  # None: now, as Fail2Ban says
    return f"{failure.id or None}  {when}" + (" (multiple regex matched)" if again else "")


def _url(rule: Rule, text: str) -> str:
    from urllib.parse import urlencode  # 10 ms, and only -D needs it

    query = urlencode({"re": rule.pattern.pattern, "str": text, "flavor": "python"})
    return f"https://www.debuggex.com/?{query}"


def _box(lines: Iterable[str], title: str = "") -> Iterator[str]:
    if title:
        yield f"|- {title}"
    for line in lines:
        yield f"|  {line}"
    yield "`-"


def used(label: str, value: object, word: str = "Use") -> str:
    """Return a line of the head: what is used, and from where."""
    return f"{word}{label:>{_WIDTH - len(word)}} : {value}"


def used_text(text: str, several: bool) -> Iterator[str]:
    """Yield the lines of the head that show a log given as text; `several`: a regex may span lines."""
    lines = text.split("\n")
    if len(lines) == 1 and not several:
        yield used("single line", _short(text))
        return
    yield used("multi line", f"{len(lines)} line(s)").replace("Use  ", "Use ", 1)
    for number, line in enumerate(lines[:_SHOWN_LINES], 1):
        yield f"|  {number}: {_short(line)}"
    if len(lines) > _SHOWN_LINES:
        yield "| ..."
    yield "`-"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
