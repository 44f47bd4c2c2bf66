"""The usual filter, a list of regexes: `failregex`, `ignoreregex`, `prefregex`, over one line or several.

The first failregex that matches decides a line. The tester and `explain` see the same steps through `examine`: there
is no second way to match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from f2b.config.model import FilterSpec, Problem, Text, UseDns
from f2b.errors import ConfigError
from f2b.events import Captures, Failure, Line
from f2b.filter import Numbered, Outcome, Parts, line_of
from f2b.filter.dispatch import Dispatch
from f2b.filter.glance import UNSURE, Seen, look
from f2b.filter.identity import Identity, identify
from f2b.filter.literals import Clause
from f2b.filter.multiline import Buffer
from f2b.filter.quick import Glimpse, Tally, glances
from f2b.filter.rule import LONG, Rule, Source, caught, find, ignoring
from f2b.filter.session import MAX_AGE_S, Merged, Sessions, merged
from f2b.filter.tags import require_identity
from f2b.named import NamedTuple

MOST = 5000
"""How many regexes a filter may have."""
LONGEST = 1_000_000
"""Characters of all of them."""
EARLY = 2
"""With more than so many failregexes beyond the ignoreregexes, those are tried first (as in Fail2Ban)."""

Missed = Callable[[Parts, Seen], Sequence[Failure]]
"""Is asked what else a line tells that failed nobody, and told what a quick look saw in it."""


class Hit(NamedTuple):
    """A failregex that matched a line."""

    rule: int
    """Its place in the list, from 0."""
    match: re.Match[str]
    failure: Failure | None
    """What came of it, `id` "" if nobody is known yet; None if it can be nobody's."""
    nofail: bool
    """It is no failure (yet): the line excuses itself, or its session lacks an id."""
    excused: bool
    """The line excuses itself."""


class Examination:
    """What became of a line, step by step."""

    __slots__ = ("every", "hits", "ignored", "prefix", "taken")

    def __init__(self, every: bool = True) -> None:
        self.every = every
        """Try every failregex, not the first that matches only."""
        self.prefix: re.Match[str] | None = None
        """How prefregex matched, if there is one and it did."""
        self.hits: list[Hit] = []
        self.ignored: int | None = None
        """The place, from 0, of the ignoreregex that dropped the line."""
        self.taken: list[Line] = []
        """The buffered lines that matches over several lines took."""

    @property
    def failures(self) -> list[Failure]:
        """The failures that count."""
        return [hit.failure for hit in self.hits if hit.failure and not hit.nofail]


class RegexFilter:
    """Finds failures by regexes. It keeps open sessions and buffered lines, so each log has its own."""

    __slots__ = (
        *("_buffer", "_dispatch", "_early", "_joined", "_quick", "_sessions"),
        *("failregex", "ignoreregex", "prefregex", "usedns"),
    )

    def __init__(
        self,
        spec: FilterSpec,
        failregex: Sequence[Rule],
        ignoreregex: Sequence[Rule],
        prefregex: Rule | None,
        max_age_s: float = MAX_AGE_S,
    ) -> None:
        """Take a specification and its regexes, compiled; `compile_filter` is the way to one."""
        self.usedns = spec.usedns
        self.prefregex = prefregex
        self.failregex = failregex
        self._dispatch = Dispatch(failregex, prefregex)
        self.ignoreregex = ignoreregex
        self._early = 0 < len(ignoreregex) < len(failregex) - EARLY
        self._buffer = Buffer(spec.maxlines) if spec.maxlines > 1 else None
        self._sessions = Sessions(max_age_s)
        inherited = prefregex.pattern.groupindex.keys() if prefregex else frozenset[str]()
        self._joined = prefregex.marks.mlfid if prefregex else 0
        simple = prefregex is None or ("content" in inherited and not inherited - {"content", "mlfid"})
        self._quick = self._buffer is None and not ignoreregex and simple
        """Its lines stand each for itself, so that a quick look may do."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failure that this line completes, if it does."""
        return only(self.each([(0, line)]))

    def each(self, lines: Iterable[Numbered], missed: Missed | None = None) -> Iterator[Outcome]:
        """Feed lines in their order; yield those that lead to anything. What failed nobody may be `missed`."""
        quick, prefix, known = self._quick, self.prefregex, self._dispatch.known
        for one in lines:
            line = one[1]
            seen: Seen = UNSURE
            found: Sequence[Failure] = ()
            try:
                if quick and len(line[0]) <= LONG:
                    seen = look(prefix, known, line[0], False)
                if seen.__class__ is tuple:
                    found = self._seen(seen, line)
                elif seen == UNSURE:
                    found = self._judge(line_of(line), None)
                if missed and not found:
                    found = missed(line, seen)
            except Exception as error:  # noqa: BLE001 - a fault in one line must not cost the others
                yield one, error
                continue
            if found:
                yield one, found

    def _seen(self, seen: Source, line: Parts) -> Sequence[Failure]:
        """Return the failure that a quick look found."""
        _, raw, time = line
        _, prefixed, rule, match = seen
        name = prefixed[self._joined] if prefixed is not None and self._joined else ""
        if name and ((rule.ip4 and match[rule.ip4]) or (rule.ip6 and match[rule.ip6])):
            excused, session = self._sessions.meet(name, seen, raw, time)
            if excused:
                return ()
            if session is None:
                return (_alone(caught(seen), self.usedns, raw, time),)
            joint = self._joint(merged(session, (raw,), True), time)
            return (joint,) if joint else ()
        failure, nofail, _ = self._report(caught(seen), (raw,), time)
        return () if nofail or failure is None else (failure,)

    def glances(self, lines: Iterable[Parts], tally: Tally, every: bool, shown: bool) -> Iterator[Glimpse]:
        """Do with lines what `examine` does, and tell no more than what is counted: see `quick`."""
        if not self._quick:
            return ((line, None) for line in lines)
        return glances(lines, self.prefregex, self._dispatch.known, self._sessions, tally, every, shown)

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what a line must hold to be one of those that `examine` has something to say of."""
        if self._buffer is not None:
            return None
        before = self.prefregex.shape.clauses if self.prefregex else ()
        regexes = [rule.shape.clauses + before for rule in self.failregex]
        return regexes + [rule.shape.clauses for rule in self.ignoreregex if self._early]

    def examine(self, line: Line, every: bool = True) -> Examination:
        """Feed a line and return what each step made of it; `every`: try all failregexes, not up to the first."""
        seen = Examination(every)
        self._judge(line, seen)
        return seen

    def _judge(self, line: Line, seen: Examination | None) -> Sequence[Failure]:
        buffer = self._buffer
        text = line.text if buffer is None else buffer.add(line)
        if self._early and self._ignored(text, seen):
            return ()
        if self.prefregex is None:
            return self._search(line, text, buffer, {}, seen)
        prefixed = find((self.prefregex,), text)
        if prefixed is None:
            return ()
        prefix = prefixed[1]
        if seen is not None:
            seen.prefix = prefix
        inherited = self.prefregex.captures(prefix)
        content = inherited.pop("content", "")
        if content:  # a piece of text that is no line: which lines it was cut from is not known
            return self._search(line, f"{content}\n", None, inherited, seen)
        return self._search(line, text, buffer, inherited, seen)

    def _search(
        self, line: Line, text: str, buffer: Buffer | None, inherited: dict[str, str], seen: Examination | None
    ) -> Sequence[Failure]:
        """Try the failregexes on a text."""
        choice = self._dispatch.choice(text) if buffer is None else self._dispatch.everything
        found = find(choice.rules, text)
        while found is not None:
            index, match = found
            matches: tuple[str, ...] = (line.raw,)
            if buffer is not None:
                taken = buffer.take(match)
                matches = tuple(one.raw for one in taken)
                text = "".join(one.text for one in taken)
                if seen is not None:
                    seen.taken += taken
            elif self._buffer is not None:  # or the same content would be found first for ever
                self._buffer.clear()
            if self._ignored(text, seen):
                return ()
            captures = choice.rules[index].captures(match)
            failure, nofail, excused = self._report({**inherited, **captures}, matches, line.time)
            if seen is None:
                return () if nofail or failure is None else (failure,)
            seen.hits.append(Hit(choice.places[index], match, failure, nofail, excused))
            if not seen.every:
                break
            if buffer is not None:
                text = buffer.text
            found = find(choice.rules, text, index + 1)
        return ()

    def _ignored(self, text: str, seen: Examination | None) -> bool:
        found = find(self.ignoreregex, text) if self.ignoreregex else None
        if found is not None and seen is not None:
            seen.ignored = found[0]
        return found is not None

    def _report(
        self, caught: dict[str, str], matches: tuple[str, ...], time: float | None
    ) -> tuple[Failure | None, bool, bool]:
        """Return the failure that a match stands for, whether it is none (yet), and whether the line excuses it."""
        if not caught.get("mlfid"):
            identity = identify(caught, self.usedns)
            return (_failure(identity, time, matches, caught) if identity else None), False, False
        said = self._sessions.add(caught, matches, time)
        failure = self._joint(said, time)
        return failure, failure is not None and not said.failed, failure is not None and said.excused

    def _joint(self, said: Merged, time: float | None) -> Failure | None:
        """Return the failure that a session stands for; None if it can be nobody's."""
        captures: Captures = {**said.captures, "users": said.users} if len(said.users) > 1 else said.captures
        identity = identify(said.captures, self.usedns)
        if identity is None and said.failed:
            return None
        return _failure(identity or _NOBODY, time, said.matches, captures)


_NOBODY = Identity("", None)


def only(outcomes: Iterator[Outcome]) -> Sequence[Failure]:
    """Return what one line led to. Raises what went wrong."""
    for _, found in outcomes:
        if isinstance(found, Exception):
            raise found
        return found
    return ()


def _alone(caught: dict[str, str], usedns: UseDns, raw: str, time: float | None) -> Failure:
    """Return the failure of a line that says by itself who it was."""
    return _failure(identify(caught, usedns) or _NOBODY, time, (raw,), caught)


def _failure(identity: Identity, time: float | None, matches: tuple[str, ...], captures: Captures) -> Failure:
    return Failure(identity.id, identity.host, time, matches, captures, 1, identity.unresolved)


def compile_filter(spec: FilterSpec, max_age_s: float = MAX_AGE_S) -> tuple[RegexFilter | None, list[Problem]]:
    """Compile a filter, or return all that is wrong with its regexes; `max_age_s`: how old a session gets."""
    problems: list[Problem] = []
    every = (*spec.failregex, *spec.ignoreregex)
    if len(every) > MOST or sum(len(text.value) for text in every) > LONGEST:
        what = f"more than {MOST:,} regexes, or {LONGEST:,} characters of them"
        return None, [Problem("error", what, "make several filters of it", every[0].place)]

    def compiled(texts: Iterable[Text], make: Callable[[Text], Rule]) -> list[Rule]:
        rules = []
        for text in texts:
            try:
                rules.append(make(text))
            except ConfigError as error:
                problems.append(Problem("error", error.what, error.cure, error.place))
        return rules

    def failing(text: Text) -> Rule:
        rule = Rule(text, spec.usedns, spec.maxlines > 1)
        if not spec.prefregex or prefix:  # a broken one might have told who failed
            require_identity(text, rule.pattern, *(one.pattern for one in prefix))
        return rule

    prefix = compiled([spec.prefregex] if spec.prefregex else [], lambda text: Rule(text, spec.usedns))
    failregex = compiled(spec.failregex, failing)
    ignoreregex = compiled(spec.ignoreregex, lambda text: ignoring(text, spec.usedns))
    if problems:
        return None, problems
    return RegexFilter(spec, failregex, ignoreregex, prefix[0] if prefix else None, max_age_s), []
