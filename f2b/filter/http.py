"""The type http: a failure is a request for which every given option holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from f2b.events import SUCCESS
from f2b.filter import hint
from f2b.filter.judge import Clauses, RequestJudge
from f2b.filter.literals import Clause
from f2b.filter.option import Options
from f2b.filter.recent import Recent
from f2b.filter.request import Glimpse, Request, asked
from f2b.filter.rule import Rule, find
from f2b.named import NamedTuple
from f2b.runaway import Runaway

_PORT = re.compile(r":\d+\Z")
_OF_THE_ANSWER = frozenset({"status", "minsize", "minduration"})
"""What a success need not have in common with a failure."""


_OF_THE_REQUEST = frozenset({"methods", "paths", "excludepaths", "query"})
"""What only looks at the request line."""
KNOWN = 20_000
"""So many request lines are remembered with what the conditions say of them, then all are forgotten."""
PATHS_OF_A_HOST = 4
"""So many paths of each of `maxhosts` are remembered, on average; the oldest go first."""
LONGEST = 500
"""Characters of a request line that is worth remembering."""


class Condition(NamedTuple):
    """One option."""

    name: str
    holds: Callable[[Request], bool]
    shown: Callable[[Request], object]
    """What it looks at."""
    clause: Clause | None = None
    """What a line holds for which it does, if that is known."""
    rules: Sequence[Rule] = ()
    listed: frozenset[int] | None = None
    """The statuses for which it holds, if it looks at those only."""


class Conditions:
    """The options that choose requests."""

    def __init__(self, options: Options) -> None:
        made = (*_of_answer(options), *_of_request(options), *_of_client(options))  # cheap ones first
        self.all = tuple(one for one in made if one is not None)

    def hold(self, request: Request) -> bool:
        """Return whether all hold."""
        return all(condition.holds(request) for condition in self.all)

    def look_at(self, request: str) -> bool:
        """Return whether all hold that look at the request line only. Raises Runaway."""
        made = Request("", asked(request), 0)
        return all(one.holds(made) for one in self.all if one.name in _OF_THE_REQUEST)

    def asked_alike(self, request: Request) -> bool:
        """Return whether all hold that do not look at the server's answer."""
        return all(one.holds(request) for one in self.all if one.name not in _OF_THE_ANSWER)

    def clauses(self, answer: bool = True) -> Sequence[Clause]:
        """Return what a line must hold; without `answer`, as far as the server's answer does not matter."""
        found = {
            one.name: one.clause for one in self.all if one.clause and (answer or one.name not in _OF_THE_ANSWER)
        }
        return [clause for name, clause in found.items() if name != "methods" or len(found) == 1]

    def why(self, request: Request) -> str:
        """Return which condition does not hold, or that all do."""
        for one in self.all:
            if not one.holds(request):
                return f"{one.name} does not hold for {one.shown(request)!r}"
        names = ", ".join(f"{one.name} ({one.shown(request)!r})" for one in self.all)
        return f"all options hold: {names}" if names else "there is no option that could not hold"


class Http(RequestJudge):
    """Counts requests that fit, and forgives hosts for those that succeed (`okstatus`)."""

    def __init__(self, options: Options) -> None:
        self._conditions = Conditions(options)
        self._ok = options.statuses("okstatus")
        self._again = False
        self._weight = options.integer("weight", 1)
        self._listed = next((one.listed for one in self._conditions.all if one.listed is not None), None)
        self._span = options.seconds("distinct", 0.0)
        self._asked: Recent[tuple[str, str], None] | None = None
        """Which paths each host asked for that counted: again they do not."""
        if options.given("distinct") and self._span:
            self._asked = Recent(self._span, options.maxhosts * PATHS_OF_A_HOST)
        self._known: dict[str, bool] = {}
        """Of request lines seen before: whether they are dull."""

    def judge(self, request: Request, time: float | None) -> int:
        """Return what the request counts for."""
        if self._succeeds(request):
            return SUCCESS
        self._again = False
        if not self._conditions.hold(request):
            return 0
        self._again = self._asked is not None and _again(self._asked, request, time)
        return 0 if self._again else self._weight

    def _succeeds(self, request: Request) -> bool:
        ok = self._ok
        return ok is not None and request.status in ok and self._conditions.asked_alike(request)

    def dull(self, seen: Glimpse) -> bool:
        """Return whether the status, or the request line, is none that counts."""
        request, status, _ = seen
        if self._listed is not None and status not in self._listed and (self._ok is None or status not in self._ok):
            return True
        known = self._known.get(request)
        return self._dull(request) if known is None else known

    def _dull(self, request: str) -> bool:
        try:
            dull = not self._conditions.look_at(request)
        except Runaway:
            return False
        if len(request) <= LONGEST and not any(rule.rests for one in self._conditions.all for rule in one.rules):
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[request] = dull
        return dull

    def needs(self) -> Clauses:
        """Return what a line of a failure holds, and what one of a success."""
        failing = [self._conditions.clauses()]
        if self._ok is None:
            return failing
        clause = _statuses(self._ok)
        return [*failing, [*self._conditions.clauses(answer=False), *([clause] if clause else [])]]

    def why(self, request: Request, time: float | None) -> str:
        """Say which option decided."""
        if self._succeeds(request):
            return f"a success: status {request.status} is one of okstatus"
        if self._again:
            return "it asked for this path before, and that counts once"
        return self._conditions.why(request)


def _again(asked: Recent[tuple[str, str], None], request: Request, time: float | None) -> bool:
    """Note what a host asks for; return whether it did so before. Only the first time counts, so that this ends."""
    now = asked.now if time is None else time
    key = request.host, request.path[:LONGEST]
    if asked.has(key, now):
        return True
    asked.put(key, None, now)
    return False


def _of_request(options: Options) -> Sequence[Condition | None]:
    return (
        _methods(options),
        _found(options, "paths", lambda request: request.path, encoded=True),
        _missing(options, "excludepaths", lambda request: request.path),
        _found(options, "query", lambda request: request.query, encoded=True),
        _vhosts(options),
    )


def _of_client(options: Options) -> Sequence[Condition | None]:
    return (
        _found(options, "referers", lambda request: request.referer),
        _found(options, "agents", lambda request: request.agent or ""),
    )


def _of_answer(options: Options) -> Sequence[Condition | None]:
    size, duration = options.integer("minsize", 0, 0), options.seconds("minduration", 0.0)
    return (
        _status(options),
        Condition("minsize", lambda request: request.size >= size, lambda request: request.size) if size else None,
        Condition("minduration", lambda request: request.duration >= duration, lambda request: request.duration)
        if duration
        else None,
    )


def _status(options: Options) -> Condition | None:
    listed = options.statuses("status")
    if listed is None:
        return None
    clause = _statuses(listed)
    return Condition(
        "status", lambda request: request.status in listed, lambda request: request.status, clause, (), listed
    )


def _statuses(listed: frozenset[int]) -> Clause | None:
    return hint.words(f"{code:03}" for code in listed)


def _methods(options: Options) -> Condition | None:
    listed = frozenset(word.value.upper() for word in options.words("methods"))
    if not listed:
        return None
    return Condition(
        "methods", lambda request: request.method in listed, lambda request: request.method, hint.words(listed)
    )


def _found(options: Options, name: str, field: Callable[[Request], str], encoded: bool = False) -> Condition | None:
    rules = options.regexes(name)
    if not rules:
        return None
    return Condition(
        name, lambda request: find(rules, field(request)) is not None, field, hint.regexes(rules, encoded), rules
    )


def _missing(options: Options, name: str, field: Callable[[Request], str]) -> Condition | None:
    rules = options.regexes(name, excusing=True)
    if not rules:
        return None
    return Condition(name, lambda request: find(rules, field(request)) is None, field, None, rules)


def _vhosts(options: Options) -> Condition | None:
    names = [re.escape(word.value.lower()).replace(r"\*", r"[^.]*") for word in options.words("vhosts")]
    if not names:
        return None
    fits = re.compile("|".join(names)).fullmatch

    def holds(request: Request) -> bool:
        return fits(_PORT.sub("", request.vhost.lower())) is not None

    return Condition("vhosts", holds, lambda request: request.vhost)
