"""A filter on the bench: lines go through the same reader and the same matching as in the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from f2b.config.model import FilterSpec
from f2b.date.reader import DateReader
from f2b.errors import ConfigError
from f2b.events import Line
from f2b.filter.regex import Hit, RegexFilter, compile_filter
from f2b.filter.rule import Rule
from f2b.lines import LineReader, journal_line
from f2b.lint import example
from f2b.lint.chars import Nature
from f2b.lint.markup import Marked, marked
from f2b.named import NamedTuple
from f2b.runaway import Runaway

ATTACKER = "203.0.113.77"
VICTIM = "198.51.100.9"
GIVEN = {"dns": "client.example", "cidr": "24"}
STAMPS = ("Nov 21 10:00:00", "2026-11-21T10:00:00+00:00 ", "[21/Nov/2026:10:00:00 +0000]")
"""Dates that a line made from a regex may begin with: the first that the filter reads."""
HOST = Nature(False, host=True)
_WORD = re.compile(r"[A-Za-z]{3,}")
_OPEN = re.compile(r"<[^>]*$|\[[^\]]*$|\([^)]*$")
"""An open bracket."""
_LOGGED = re.compile(r".{0,80}?\S?\[\d+\]: (?:\(\S+\):? )?(?:\[ID \d+ \S+\] )?|.{0,80}?\[pid \d+[^\]]*\] ")
"""What a logger writes before a message, with a process id: syslog (and what Solaris adds), Apache."""


class Field(NamedTuple):
    """A stretch of a text that may be the client's."""

    start: int
    end: int
    nature: Nature


class Specimen(NamedTuple):
    """A line with a failure in it, and where its fields are."""

    rule: int
    """The failregex that matched, by its place from 0."""
    text: str
    """What was searched: several lines are joined by newlines."""
    date: str
    """What was cut out of it, and..."""
    cut: int
    """... where."""
    dated: bool
    content: int
    """Where prefregex's `<F-CONTENT>` begins."""
    fields: tuple[Field, ...]
    addresses: tuple[tuple[int, int], ...]

    def raw(self, text: str) -> str:
        """Return the log line whose searched text this is."""
        return text[: self.cut] + self.date + text[self.cut :]


class Bench:
    """One filter, with its options."""

    def __init__(self, label: str, spec: FilterSpec, now: float) -> None:
        """Compile. Raises ConfigError."""
        self.label = label
        self.spec = spec
        self._now = now
        made, problems = compile_filter(spec)
        if made is None:
            raise ConfigError(problems[0].what, problems[0].place)
        self.rules: Sequence[Rule] = made.failregex
        self.prefix: Rule | None = made.prefregex
        self._ignoring: Sequence[Rule] = made.ignoreregex
        self._reader = LineReader(DateReader([text.value for text in spec.datepattern]))
        self._marks: dict[Rule, Marked] = {}

    @property
    def sessions(self) -> bool:
        """Whether lines belong together by `<F-MLFID>`."""
        rules = [*self.rules, *([self.prefix] if self.prefix else [])]
        return any("mlfid" in rule.pattern.groupindex for rule in rules)

    def accused(self, raw: str, dated: bool = True, after: Sequence[str] = ()) -> set[str]:
        """Return whom a line accuses, alone or with others after it; a newline in it begins another line.

        Raises Runaway.
        """
        fresh = RegexFilter(self.spec, self.rules, self._ignoring, self.prefix)
        found: set[str] = set()
        for text in (*raw.split("\n"), *after):
            for failure in fresh.feed(self._line(text, dated)):
                found |= {failure.id, failure.host or ""}
        return found - {""}

    def _line(self, raw: str, dated: bool) -> Line:
        return self._reader.line(raw, self._now) if dated else journal_line(raw, self._now)

    def _examined(self, lines: Sequence[Line]) -> tuple[re.Match[str] | None, list[Hit]]:
        """Return how prefregex and every failregex match lines, as if nothing were ignored."""
        fresh = RegexFilter(self.spec, self.rules, (), self.prefix)
        prefix: re.Match[str] | None = None
        hits: list[Hit] = []
        try:
            for line in lines:
                seen = fresh.examine(line)
                prefix, hits = seen.prefix, hits + seen.hits
        except Runaway:
            return None, []
        return prefix, hits

    def sample(self, raw: str) -> Specimen | None:
        """Return a log line as a specimen of the first failregex that matches it; None if none does."""
        line = self._line(raw, True)
        prefix, hits = self._examined([line])
        if not hits or self.spec.maxlines > 1 or VICTIM in raw:
            return None
        same = zip(raw, line.text, strict=False)
        cut = next((at for at, (one, other) in enumerate(same) if one != other), len(line.text) - 1)
        date = raw[cut : cut + len(raw) + 1 - len(line.text)]
        return self._specimen(hits[0].rule, line.text.removesuffix("\n"), (date, cut, True), prefix)

    def made(self, rule: int, address: str) -> Iterator[Specimen]:
        """Yield lines made from a failregex, and from prefregex around it, that it matches."""
        given = {**GIVEN, "ip4": address, "ip6": "2001:db8::77", "fid": address}
        for text in example.texts(self.rules[rule].pattern, given):
            for whole in self._prefixed(text.rstrip("\n"), given):
                found = self._dated(rule, whole)
                if found is not None:
                    yield found
                    break

    def _prefixed(self, text: str, given: Mapping[str, str]) -> Iterator[str]:
        if self.prefix is None:
            yield text
            return
        if "content" not in self.prefix.pattern.groupindex:
            yield text
        for before in example.texts(self.prefix.pattern, {**given, "content": text}):
            if "content" in self.prefix.pattern.groupindex:
                yield before
            else:
                yield from (before + text, f"{before} {text}")

    def _dated(self, rule: int, text: str) -> Specimen | None:
        """Return a text as a specimen, with a date in front if the filter knows such dates."""
        if "\n" not in text:
            for stamp in STAMPS:
                for glue in ("", " "):
                    line = self._reader.line(stamp + glue + text, self._now)
                    cut = len(line.raw) + 1 - len(line.text)
                    if line.text.strip() == text.strip() and cut:
                        found = self._matched(rule, [line], (line.raw[:cut], 0, True))
                        if found is not None:
                            return found
        lines = [journal_line(one, self._now) for one in text.split("\n")]
        return self._matched(rule, lines, ("", 0, False))

    def _matched(self, rule: int, lines: Sequence[Line], date: tuple[str, int, bool]) -> Specimen | None:
        prefix, hits = self._examined(lines)
        if all(hit.rule != rule for hit in hits):
            return None
        return self._specimen(rule, "".join(line.text for line in lines).removesuffix("\n"), date, prefix)

    def _specimen(
        self, rule: int, text: str, date: tuple[str, int, bool], prefix: re.Match[str] | None
    ) -> Specimen | None:
        content = 0
        searched = f"{text}\n"
        fields: list[Field] = []
        addresses: list[tuple[int, int]] = []
        if self.prefix is not None and prefix is not None:
            self._gather(self.prefix, searched, 0, fields, addresses)
            if prefix.re.groupindex.get("content") and prefix["content"]:
                content = prefix.start("content")
                searched = f"{prefix['content']}\n"
        if not self._gather(self.rules[rule], searched, content, fields, addresses):
            return None
        free = [one for one in dict.fromkeys(fields) if not _loggers(one, text, fields, addresses)]
        return Specimen(rule, text, *date, content, tuple(free), tuple(sorted(addresses)))

    def _gather(
        self, rule: Rule, text: str, offset: int, fields: list[Field], addresses: list[tuple[int, int]]
    ) -> bool:
        """Add the fields and addresses of a rule's match; return whether there is one."""
        if rule not in self._marks:
            self._marks[rule] = marked(rule.pattern)
        pattern, groups = self._marks[rule]
        match = pattern.search(text)
        if match is None:
            return False
        for name, nature in groups:
            if match.start(name) >= 0:
                fields.append(Field(match.start(name) + offset, match.end(name) + offset, nature))
        for name in ("ip4", "ip6", "dns", "fid"):
            if name in pattern.groupindex and match.start(name) >= 0:
                addresses.append((match.start(name) + offset, match.end(name) + offset))
                if "dns" in pattern.groupindex and name != "fid":
                    fields.append(Field(*addresses[-1], HOST))
        return True


def _loggers(one: Field, text: str, fields: Sequence[Field], addresses: Sequence[tuple[int, int]]) -> bool:
    """Return whether a field is the logger's own: a word before any fixed word of the line, and before the address.

    There stand the host's name and a process id. A field that takes blanks is never believed to be one, unless it
    stands in brackets.
    """
    if one.nature.host or any(start < one.start for start, _ in addresses):
        return False
    if one.nature.blank and not _OPEN.search(text[: one.start]):
        return False
    logged = _LOGGED.match(text)
    if logged and one.end <= logged.end():
        return True
    before = list(text[: one.start])
    for other in fields:
        before[other.start : other.end] = " " * len(before[other.start : other.end])
    return not _WORD.search("".join(before))
