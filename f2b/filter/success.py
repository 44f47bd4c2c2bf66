"""`okregex`: lines that tell of a success, beside the failures that a filter of regexes finds."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.config.model import FilterSpec, Problem
from f2b.errors import ConfigError
from f2b.events import SUCCESS, Failure, Line
from f2b.filter.identity import identify
from f2b.filter.literals import Clause
from f2b.filter.option import lines
from f2b.filter.regex import RegexFilter
from f2b.filter.rule import Rule, find

OPTION = "okregex"
_WHO = frozenset({"fid", "ip4", "ip6", "dns"})


class Forgiving:
    """Finds what a filter of regexes finds; a line without a failure may be a success."""

    def __init__(self, inner: RegexFilter, okregex: Sequence[Rule]) -> None:
        self.inner = inner
        self._okregex = okregex

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failure that a line completes, or the success that it tells of."""
        return self.inner.feed(line) or self._success(line)

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what a line of a failure holds, and what one of a success."""
        failing = self.inner.needs()
        if failing is None:
            return None
        before = self.inner.prefregex.shape.clauses if self.inner.prefregex else ()
        return [*failing, *(rule.shape.clauses + before for rule in self._okregex)]

    def _success(self, line: Line) -> Sequence[Failure]:
        """Look at the line alone (whatever `maxlines` says), as failregexes do: in what prefregex leaves of it."""
        text, captures = line.text, dict[str, str]()
        prefix = self.inner.prefregex
        if prefix is not None:
            prefixed = find((prefix,), text)
            if prefixed is None:
                return ()
            captures = prefix.captures(prefixed[1])
            content = captures.pop("content", "")
            text = f"{content}\n" if content else text
        found = find(self._okregex, text)
        if found is None or find(self.inner.ignoreregex, text) is not None:
            return ()
        captures.update(self._okregex[found[0]].captures(found[1]))
        who = identify(captures, self.inner.usedns)
        if who is None:
            return ()
        return (Failure(who.id, who.host, line.time, (line.raw,), captures, SUCCESS, who.unresolved),)


def forgiving(spec: FilterSpec, inner: RegexFilter) -> tuple[Forgiving | None, list[Problem]]:
    """Return a filter that knows successes, too, or what is wrong with its `okregex`."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for text in lines(spec.options[OPTION]):
        try:
            rule = Rule(text, spec.usedns)
        except ConfigError as error:
            problems.append(Problem("error", f"{OPTION}: {error.what}", error.cure, text.place))
            continue
        known = {*rule.pattern.groupindex, *(inner.prefregex.pattern.groupindex if inner.prefregex else ())}
        if not _WHO & known:
            what = f"{OPTION}: nobody knows who succeeded in {text.value!r}"
            problems.append(Problem("error", what, "add <HOST>, <ADDR> or <F-ID>...</F-ID>", text.place))
        rules.append(rule)
    return (None if problems else Forgiving(inner, rules)), problems
