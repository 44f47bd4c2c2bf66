"""One regex of a filter, compiled, and what its groups say after a match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from f2b.config.model import Text, UseDns
from f2b.filter.literals import Shape, shape
from f2b.filter.rewrite import leading, rewritten
from f2b.filter.tags import begins_a_line, compile_regex, quietly
from f2b.named import NamedTuple
from f2b.runaway import Runaway

LONG = 16 * 1024
"""In texts with more characters a search tries one start after the other: `re` may not look at signals for long."""
SHOWN = 60
"""So much of a regex is told, in characters, where its place stands beside it."""

_NEVER = re.compile(r"(?!)")
_ALWAYS = re.compile("")

_DERIVED = re.compile(r"(alt|tuple)_(.+?)(?:_\d+)?")


class _Derived(NamedTuple):
    """A capture that other groups fill: with the first that is not empty, or with all of them."""

    name: str
    sources: tuple[str, ...]
    joined: bool


class Marks(NamedTuple):
    """The numbers of some groups of a regex; 0 for what it does not have."""

    ip4: int
    ip6: int
    nofail: int
    mlfgained: int
    mlfforget: int
    mlfid: int
    content: int
    user: int


class Rule:
    """A compiled regex. `search` and `match` are the pattern's own."""

    __slots__ = (
        *("_derived", "_idle", "_lead", "_rests", "_shape", "_works"),
        *(
            "anchored",
            "content",
            "flags",
            "ip4",
            "ip6",
            "lead",
            "marks",
            "match",
            "needle",
            "pattern",
            "plain",
            "search",
            "text",
        ),
    )

    def __init__(
        self, text: Text, usedns: UseDns = "warn", multiline: bool = False, idle: re.Pattern[str] = _NEVER
    ) -> None:
        """Compile; `idle` searches while this rule rests. Raises ConfigError."""
        self.text = text
        self.pattern = compile_regex(text, usedns, multiline)
        self.anchored = begins_a_line(self.pattern.pattern)
        """It matches only where a line begins."""
        self.needle = ""
        """Stands in every text that it matches; `dispatch` finds it out."""
        self._idle = idle
        self._shape: Shape | None = None
        self._works = self.pattern
        self._rests = False
        self._lead: re.Pattern[str] | None = None
        self.lead: Callable[[str], re.Match[str] | None] | None = None
        """Matches what stands before `content`, where that is all the rest of a line; None: this is not known."""
        self._derived = tuple(_derived(self.pattern))
        self.marks = Marks(*(self.pattern.groupindex.get(name, 0) for name in Marks._fields))
        self.content = self.marks.content
        self.flags = self.marks.nofail, self.marks.mlfgained, self.marks.mlfforget
        """Of `marks`, those that most matches need."""
        self.plain = not self._derived and not self.marks.mlfid
        """Its captures are its groups, and none of them names a session."""
        self.ip4, self.ip6 = self.marks[:2] if self.plain else (0, 0)
        """The groups that tell plainly who it was; 0 for what it does not have."""
        self.wake()

    def __str__(self) -> str:
        regex = self.text.value
        return f"the regex {regex[:SHOWN] + '...' if len(regex) > SHOWN else regex!r} ({self.text.place})"

    @property
    def rests(self) -> bool:
        """Whether it searches no more at present."""
        return self._rests

    def rest(self) -> None:
        """Search no more: find nothing, or drop every line if it is an ignoreregex, for it might spare anybody."""
        self._rests = True
        self.search, self.match = self._idle.search, self._idle.match
        self.lead = None

    def wake(self) -> None:
        """Search (again)."""
        self._rests = False
        self.search, self.match = self._works.search, self._works.match
        if self._lead is not None:
            self.lead = self._lead.search
        if self.anchored and not self.pattern.flags & re.MULTILINE:
            self.search = self.match  # it cannot match elsewhere, but `search` would look
            self.lead = self._lead.match if self._lead else None

    def quicken(self) -> None:
        """Search with the regex rewritten: worth it for one that is used much, since that takes time."""
        with quietly():
            self._works = rewritten(self.pattern)
            self._lead = leading(self._works)
        if not self._rests:
            self.wake()

    def excuses(self, match: re.Match[str]) -> bool:
        """Return whether a line that it matched says itself that it is no failure."""
        nofail = self.marks.nofail
        return nofail > 0 and match[nofail] is not None

    @property
    def shape(self) -> Shape:
        """What is known of its matches; found out when first asked for."""
        if self._shape is None:
            with quietly():
                self._shape = shape(self.pattern)
        return self._shape

    def starts(self, text: str) -> Sequence[int]:
        """Return where a match may begin."""
        if not self.anchored:
            return range(len(text) + 1)
        if not self.pattern.flags & re.MULTILINE:
            return (0,)
        return [0, *(at for at, char in enumerate(text, 1) if char == "\n")]

    def captures(self, match: re.Match[str]) -> dict[str, str]:
        """Return what the named groups caught; those that took no part in the match are left out."""
        caught = {name: text for name, text in match.groupdict().items() if text is not None}
        for derived in self._derived:
            _derive(caught, derived)
        return caught


def ignoring(text: Text, usedns: UseDns = "warn") -> Rule:
    """Return the rule of an ignoreregex. Raises ConfigError."""
    return Rule(text, usedns, idle=_ALWAYS)


Source = tuple[int, "re.Match[str] | None", Rule, "re.Match[str]"]
"""A quick look's match: the rule's place, from 0, the prefix's match, which catches no more than `mlfid` beside the
content, if there is a prefix; the rule, its match."""


def caught(source: Source) -> dict[str, str]:
    """Return what both matches caught, the later one first; the text that the prefix hands on is left out."""
    _, prefixed, rule, match = source
    if prefixed is None:
        return rule.captures(match)
    name = prefixed["mlfid"] if "mlfid" in prefixed.re.groupindex else None
    captures = rule.captures(match)
    return captures if name is None else {"mlfid": name, **captures}


Found = tuple[int, "re.Match[str]"]
"""A rule's place in a list, from 0, and its match."""


def find(rules: Sequence[Rule], text: str, start: int = 0) -> Found | None:
    """Return the first rule, from `start` on, that matches a text. Raises Runaway."""
    return first(rules, text, start) if len(text) <= LONG else first_in_long(rules, text, start)


def first(rules: Sequence[Rule], text: str, start: int = 0) -> Found | None:
    """Do what `find` says. Changes nothing, for `alarm` may end it anywhere."""
    index = start
    try:
        for index in range(start, len(rules)):
            if rules[index].needle in text:
                match = rules[index].search(text)
                if match is not None:
                    return index, match
    except Runaway as runaway:
        runaway.culprit = rules[index]
        raise
    return None


def first_in_long(rules: Sequence[Rule], text: str, start: int = 0) -> Found | None:
    """Do what `find` says, one start of a match after the other. Changes nothing, for `alarm` may end it anywhere."""
    index = start
    try:
        for index in range(start, len(rules)):
            match_at = rules[index].match
            for at in rules[index].starts(text):
                match = match_at(text, at)
                if match is not None:
                    return index, match
    except Runaway as runaway:
        runaway.culprit = rules[index]
        raise
    return None


def _derived(pattern: re.Pattern[str]) -> Iterator[_Derived]:
    """Yield the captures that `<F-ALT_X_n>` and `<F-TUPLE_X_n>` of a pattern fill, alternatives first."""
    sources: dict[tuple[str, str], list[str]] = {}
    for group in sorted(pattern.groupindex):
        found = _DERIVED.fullmatch(group)
        if found:
            sources.setdefault((found[1], found[2]), []).append(group)
    for (kind, name), groups in sources.items():
        yield _Derived(name if name not in ("id", "port") else f"f{name}", tuple(groups), kind == "tuple")


def _derive(caught: dict[str, str], derived: _Derived) -> None:
    """Fill one capture. Several become a text as Fail2Ban writes them: `('192.0.2.1', 'bob')`."""
    if derived.joined:
        caught[derived.name] = str(tuple(caught.get(name) for name in (derived.name, *derived.sources)))
    elif not caught.get(derived.name):
        first = next((caught[source] for source in derived.sources if caught.get(source)), None)
        if first is not None:
            caught[derived.name] = first
