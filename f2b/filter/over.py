"""Filters made of judges: over the failures of other filters, over requests, over what other jails find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from f2b import net
from f2b.config.model import FilterSpec
from f2b.events import LOGIN, SUCCESS, Ban, Failure, Found, Line
from f2b.filter import Filter, is_listener
from f2b.filter.access import Access
from f2b.filter.identity import identify
from f2b.filter.judge import Clauses, EventJudge, FailureJudge, RequestJudge
from f2b.filter.literals import Clause
from f2b.filter.request import Glimpse, Request
from f2b.filter.table import Table


class OverFailures:
    """Hands each failure of its bases to a judge."""

    def __init__(self, spec: FilterSpec, judge: FailureJudge, bases: Sequence[Filter]) -> None:
        self.spec = spec
        self.judge = judge
        self.bases = bases
        self._listeners = [base for base in bases if is_listener(base)]
        self.listens = frozenset(name for base in self._listeners for name in base.listens)
        """The jails that one of the bases wants to hear of."""

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return what becomes of the failures of a line."""
        return self._judged(self._found(line))

    def _found(self, line: Line) -> Sequence[Failure]:
        if len(self.bases) == 1:
            return self.bases[0].feed(line)
        return _each_once(failure for base in self.bases for failure in base.feed(line))

    def hear(self, event: Found | Ban) -> Sequence[Failure]:
        """Return what becomes of the failures that follow from an event in another jail."""
        return self._judged(_each_once(failure for base in self._listeners for failure in base.hear(event)))

    def _judged(self, failures: Sequence[Failure]) -> Sequence[Failure]:
        return [one for failure in failures for one in self._became(failure)] if failures else ()

    def _became(self, failure: Failure) -> Sequence[Failure]:
        """Judge a failure; one whose host is still a name is judged when its addresses are known."""
        if failure.unresolved:
            return (failure._replace(then=(*failure.then, self._became)),)
        if failure.attempts == SUCCESS:
            self.judge.pardon(failure)
        if failure.attempts in (SUCCESS, LOGIN):
            return (failure,)
        return self.judge.judge(failure)

    def needs(self) -> Clauses | None:
        """Return what a line must hold to matter to one of the bases."""
        found: list[Sequence[Clause]] = []
        for base in self.bases:
            needs = base.needs()
            if needs is None:
                return None
            found += needs
        return found

    def explain(self, line: Line, said: list[str]) -> Sequence[Failure]:
        """Feed a line; `said` takes in what each type makes of it, from the base on."""
        became: list[Failure] = []
        for failure in _each_once(failure for base in self.bases for failure in explain(base, line, said)):
            became += self._became(failure)
            said.append(f"{_title(self.spec)}: {failure.id}: {self._why(failure)}")
        return became

    @property
    def tables(self) -> Sequence[Table]:
        """The files that judge and bases judge by."""
        below = [table for base in self.bases for table in getattr(base, "tables", ())]
        return [*self.judge.tables, *below]

    def _why(self, failure: Failure) -> str:
        if failure.unresolved:
            return "it is judged once its addresses are known"
        return "a success" if failure.attempts in (SUCCESS, LOGIN) else self.judge.why(failure)


class OverRequests:
    """Reads access logs, and hands each request to a judge."""

    def __init__(self, spec: FilterSpec, judge: RequestJudge, access: Access) -> None:
        self.spec = spec
        self.judge = judge
        self.access = access

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return the failure that the request of a line is, if it is one."""
        request = self.access.request(line)
        if request is None:
            return ()
        attempts = self.judge.judge(request, line.time)
        return self._failures(request, attempts, line) if attempts else ()

    def _failures(self, request: Request, attempts: int, line: Line) -> Sequence[Failure]:
        captures = request.captures()
        family = net.family(request.host)
        whose = {f"ip{family}" if family else "dns": request.host}
        identity = identify(whose, self.spec.usedns) if family or _is_name(request.host) else None
        if identity is None:
            return ()
        captures.update(whose)
        unresolved = identity.unresolved
        return (Failure(identity.id, identity.host, line.time, (line.raw,), captures, attempts, unresolved),)

    @property
    def tables(self) -> Sequence[Table]:
        """The files that the judge judges by."""
        return self.judge.tables

    def needs(self) -> Clauses | None:
        """Return what the judge says."""
        return self.judge.needs()

    def explain(self, line: Line, said: list[str]) -> Sequence[Failure]:
        """Feed a line; `said` takes in what was made of it."""
        request = self.access.request(line)
        if request is None:
            said.append(f"{_title(self.spec)}: this is no line of an access log")
            return ()
        attempts = self.judge.judge(request, line.time)
        shown = f"{request.host}: {request.method} {request.target} {request.status}"
        said.append(f"{_title(self.spec)}: {shown}: {self.judge.why(request, line.time)}")
        return self._failures(request, attempts, line) if attempts else ()


class OverEvents:
    """Hands what other jails find to a judge. It reads no lines."""

    def __init__(self, spec: FilterSpec, judge: EventJudge) -> None:
        self.spec = spec
        self.judge = judge
        self.listens = judge.jails

    def feed(self, line: Line) -> Sequence[Failure]:
        """Find nothing: lines are others' business."""
        return ()

    def hear(self, event: Found | Ban) -> Sequence[Failure]:
        """Return the failure that an event completes."""
        found = self.judge.judge(event) if event.jail in self.listens else None
        return () if found is None else (found,)

    def needs(self) -> Clauses:
        """Say that no line matters."""
        return ()

    def explain(self, line: Line, said: list[str]) -> Sequence[Failure]:
        """Say that lines do not matter."""
        said.append(f"{_title(self.spec)}: it reads no log, it listens to {', '.join(sorted(self.listens))}")
        return ()


Typed = OverFailures | OverRequests | OverEvents


def adopt(filter_: Filter, old: Filter) -> None:
    """Let a filter go on with what an older one remembers, as far as their options are the same."""
    if isinstance(filter_, OverFailures) and isinstance(old, OverFailures):
        for base, other in zip(filter_.bases, old.bases, strict=False):
            adopt(base, other)
        if _alike(filter_.spec, old.spec):
            filter_.judge = old.judge
    if isinstance(filter_, OverRequests) and isinstance(old, OverRequests) and _alike(filter_.spec, old.spec):
        filter_.judge = old.judge
    if isinstance(filter_, OverEvents) and isinstance(old, OverEvents) and _alike(filter_.spec, old.spec):
        filter_.judge = old.judge


Glance = Callable[[Glimpse], bool]


def glance(filter_: Filter) -> Glance | None:
    """Return what tells by a glimpse of a line that it says nothing to a filter, for those that can tell."""
    if isinstance(filter_, OverRequests):
        return filter_.judge.dull if filter_.access.plain else None
    if not isinstance(filter_, OverFailures):
        return None
    looks = [look for base in filter_.bases if (look := glance(base)) is not None]
    return (lambda seen: all(look(seen) for look in looks)) if len(looks) == len(filter_.bases) else None


def share(filters: Iterable[Filter]) -> None:
    """Let filters that read access logs alike share one reader, which reads a line once for all of them."""
    readers: dict[frozenset[tuple[str, str]], Access] = {}
    waiting = list(filters)
    while waiting:
        found = waiting.pop()
        if isinstance(found, OverFailures):
            waiting += found.bases
        elif isinstance(found, OverRequests):
            found.access = readers.setdefault(found.access.key, found.access)


def explain(filter_: Filter, line: Line, said: list[str]) -> Sequence[Failure]:
    """Feed a line and return its failures; `said` takes in what was made of it, in the words of each type."""
    if isinstance(filter_, Typed):
        return filter_.explain(line, said)
    found = filter_.feed(line)
    said.append(f"regex: {', '.join(failure.id for failure in found) or 'no failure'}")
    return found


def _title(spec: FilterSpec) -> str:
    return f"{spec.name} ({spec.type})"


def _alike(new: FilterSpec, old: FilterSpec) -> bool:
    return new.type == old.type and new.options == old.options


def _each_once(failures: Iterable[Failure]) -> Sequence[Failure]:
    """Return one failure of each id, the one that counts most: one request is one attempt, whoever finds it."""
    best: dict[tuple[str, int], Failure] = {}
    for failure in failures:
        key = failure.id, min(failure.attempts, 0)
        if key not in best or best[key].attempts < failure.attempts:
            best[key] = failure
    return list(best.values())


def _is_name(text: str) -> bool:
    """Whether this may be a host's name."""
    return any(map(str.isalpha, text)) and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
