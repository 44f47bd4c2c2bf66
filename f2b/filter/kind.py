"""Which filter types there are, and a filter of any type from its specification.

Adding a type is one module with its judge, and one line in the table of what it judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from f2b.config import convert
from f2b.config.model import FilterSpec, Problem
from f2b.filter import Filter, access
from f2b.filter.access import Access
from f2b.filter.anomaly import Anomaly
from f2b.filter.any import Any
from f2b.filter.asn import Asn
from f2b.filter.blocklist import Blocklist
from f2b.filter.correlate import Correlate
from f2b.filter.distributed import Distributed
from f2b.filter.geo import Geo
from f2b.filter.http import Http
from f2b.filter.judge import EventJudge, FailureJudge, RequestJudge
from f2b.filter.option import Options
from f2b.filter.over import OverEvents, OverFailures, OverRequests
from f2b.filter.robots import Robots
from f2b.filter.slow import Slow
from f2b.filter.useragent import UserAgent

REGEX = "regex"

OVER_FAILURES: Mapping[str, Callable[[Options], FailureJudge]] = {
    "any": Any,
    "slow": Slow,
    "geo": Geo,
    "asn": Asn,
    "distributed": Distributed,
    "blocklist": Blocklist,
}
OVER_REQUESTS: Mapping[str, Callable[[Options], RequestJudge]] = {
    "http": Http,
    "useragent": UserAgent,
    "anomaly": Anomaly,
    "robots": Robots,
}
OVER_EVENTS: Mapping[str, Callable[[Options], EventJudge]] = {
    "correlate": Correlate,
}

Made = tuple[Filter | None, list[Problem]]
Regexes = Callable[[FilterSpec], Made]
"""Makes a filter of regexes."""


def build(spec: FilterSpec, regexes: Regexes) -> Made:
    """Return a filter, or all that is wrong with it; `regexes` makes those at the bottom."""
    if spec.type == REGEX:
        return regexes(spec)
    names = (REGEX, *OVER_FAILURES, *OVER_REQUESTS, *OVER_EVENTS)
    if spec.type not in names:
        place = spec.written["filtertype"].place if "filtertype" in spec.written else spec.place
        cure = convert.near(spec.type, names) or f"write one of {', '.join(names)}"
        return None, [Problem("error", f"filtertype = {spec.type} is unknown", cure, place)]
    options = Options(spec)
    problems = list(_strange(spec))
    made: Filter | None
    if spec.type in OVER_FAILURES:
        made = _over_failures(spec, options, problems, regexes)
    elif spec.type in OVER_REQUESTS:
        access = Access(options)
        made = OverRequests(spec, OVER_REQUESTS[spec.type](options), access)
    else:
        made = OverEvents(spec, OVER_EVENTS[spec.type](options))
    options.finish()
    problems += options.problems
    broken = any(problem.severity == "error" for problem in problems)
    return (None if broken else made), problems


def date_patterns(spec: FilterSpec) -> tuple[str, ...]:
    """Return the date patterns of the lines that a filter reads: its own, else those of access logs if all that it
    rests on read such; nothing means the usual detector."""
    if spec.datepattern:
        return tuple(text.value for text in spec.datepattern)
    if spec.type in OVER_REQUESTS:
        return access.dates(spec)
    found = [date_patterns(base) for base in spec.base]
    return found[0] if found and all(found) else ()


def _over_failures(
    spec: FilterSpec, options: Options, problems: list[Problem], regexes: Regexes
) -> OverFailures | None:
    judge = OVER_FAILURES[spec.type](options)
    bases = []
    for one in spec.base:
        base, more = _base(one, regexes)
        problems += more
        bases += [base] if base else []
    if not spec.base:
        cure = "write base = the name of a filter whose failures it judges"
        problems.append(Problem("error", f"filtertype = {spec.type} needs base", cure, spec.place))
    return OverFailures(spec, judge, bases) if bases else None


def _base(spec: FilterSpec, regexes: Regexes) -> Made:
    if spec.type == REGEX and not spec.failregex:
        return None, [Problem("error", f"the base {spec.name} has no failregex", "give it one", spec.place)]
    return build(spec, regexes)


def _strange(spec: FilterSpec) -> Iterator[Problem]:
    """Yield what only filters of other types have."""
    foreign = [*spec.failregex, *spec.ignoreregex, *([spec.prefregex] if spec.prefregex else [])]
    for text in foreign:
        what = f"filtertype = {spec.type} takes no regexes for whole lines: {text.value!r}"
        yield Problem("error", what, "write filtertype = regex, or use this one as base", text.place)
    if spec.base and spec.type not in OVER_FAILURES:
        cure = f"types with a base are {', '.join(OVER_FAILURES)}"
        yield Problem("error", f"filtertype = {spec.type} has no option 'base'", cure, spec.place)
