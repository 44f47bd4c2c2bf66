"""Lines that tell of a success, beside the failures that a filter of regexes finds.

`okregex` takes failures back. `loginregex`, and any failregex with `<F-MLFGAINED>` (Fail2Ban's sshd has one), only
tell that somebody logged in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from f2b.config.model import FilterSpec, Problem
from f2b.errors import ConfigError
from f2b.events import LOGIN, SUCCESS, Failure, Line
from f2b.filter import Numbered, Outcome, Parts
from f2b.filter.glance import UNSURE, Seen
from f2b.filter.identity import identify
from f2b.filter.literals import Clause
from f2b.filter.option import lines
from f2b.filter.regex import RegexFilter, only
from f2b.filter.rule import Rule, caught, find

OK, LOGGED_IN = "okregex", "loginregex"
GAINED = "mlfgained"
_WHO = frozenset({"fid", "ip4", "ip6", "dns"})


class Forgiving:
    """Finds what a filter of regexes finds; a line without a failure may be a success."""

    def __init__(self, inner: RegexFilter, okregex: Sequence[Rule], loginregex: Sequence[Rule] = ()) -> None:
        self.inner = inner
        gained = [rule for rule in inner.failregex if GAINED in rule.pattern.groupindex]
        self._rules = (*okregex, *loginregex, *gained)
        self._added = self._rules[: len(self._rules) - len(gained)]
        self._kinds = (SUCCESS,) * len(okregex) + (LOGIN,) * (len(self._rules) - len(okregex))
        self._gained = frozenset(gained)
        self._needles = _needles(self._rules)

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failure that a line completes, or the success that it tells of."""
        return only(self.each([(0, line)]))

    def each(self, lines: Iterable[Numbered]) -> Iterator[Outcome]:
        """Feed lines in their order; yield those that fail somebody, or tell of a success."""
        return self.inner.each(lines, self._missed)

    def _missed(self, line: Parts, seen: Seen) -> Sequence[Failure]:
        """Return the success that a line tells of which failed nobody."""
        if not self._added:
            if not isinstance(seen, int):
                if seen[2] in self._gained:
                    return self._told(line, caught(seen), LOGIN)  # none of those before it matches: this tells first
            elif seen != UNSURE:
                return ()  # of all failregexes none matches
        for needle in self._needles:
            if needle in line[0]:
                return self._success(line)
        return ()

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what a line of a failure holds, and what one of a success."""
        failing = self.inner.needs()
        if failing is None:
            return None
        before = self.inner.prefregex.shape.clauses if self.inner.prefregex else ()
        return [*failing, *(rule.shape.clauses + before for rule in self._added)]

    def _success(self, line: Parts) -> Sequence[Failure]:
        """Look at the line alone (whatever `maxlines` says), as failregexes do: in what prefregex leaves of it."""
        text, captures = line[0], dict[str, str]()
        prefix = self.inner.prefregex
        if prefix is not None:
            prefixed = find((prefix,), text)
            if prefixed is None:
                return ()
            captures = prefix.captures(prefixed[1])
            content = captures.pop("content", "")
            text = f"{content}\n" if content else text
        found = find(self._rules, text)
        if found is None or find(self.inner.ignoreregex, text) is not None:
            return ()
        captures.update(self._rules[found[0]].captures(found[1]))
        return self._told(line, captures, self._kinds[found[0]])

    def _told(self, line: Parts, captures: dict[str, str], kind: int) -> Sequence[Failure]:
        """Return the success that captures tell of."""
        who = identify(captures, self.inner.usedns)
        if who is None or (kind == LOGIN and who.unresolved):  # no name is looked up for what changes nothing
            return ()
        _, raw, time = line
        return (Failure(who.id, who.host, time, (raw,), captures, kind, who.unresolved),)


def _needles(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return texts one of which stands in every line that one of these matches."""
    found: list[str] = []
    for rule in rules:
        plain = [clause for clause in rule.shape.clauses if not clause.folded]
        if not plain:
            return ("",)
        found += max(plain, key=lambda clause: clause.length).texts
    return tuple(dict.fromkeys(found))


def tells(spec: FilterSpec, inner: RegexFilter) -> bool:
    """Return whether a filter can know successes."""
    given = any(name in spec.options and spec.options[name].value for name in (OK, LOGGED_IN))
    return given or any(GAINED in rule.pattern.groupindex for rule in inner.failregex)


def forgiving(spec: FilterSpec, inner: RegexFilter) -> tuple[Forgiving | None, list[Problem]]:
    """Return a filter that knows successes, too, or what is wrong with its `okregex` or `loginregex`."""
    problems: list[Problem] = []
    ok, logged_in = (_compiled(spec, inner, option, problems) for option in (OK, LOGGED_IN))
    return (None if problems else Forgiving(inner, ok, logged_in)), problems


def _compiled(spec: FilterSpec, inner: RegexFilter, option: str, problems: list[Problem]) -> list[Rule]:
    rules: list[Rule] = []
    for text in lines(spec.options[option]) if option in spec.options else ():
        try:
            rule = Rule(text, spec.usedns)
        except ConfigError as error:
            problems.append(Problem("error", f"{option}: {error.what}", error.cure, text.place))
            continue
        known = {*rule.pattern.groupindex, *(inner.prefregex.pattern.groupindex if inner.prefregex else ())}
        if not _WHO & known:
            what = f"{option}: nobody knows who succeeded in {text.value!r}"
            problems.append(Problem("error", what, "add <HOST>, <ADDR> or <F-ID>...</F-ID>", text.place))
        rules.append(rule)
    return rules
