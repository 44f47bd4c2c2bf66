"""Filters of a type, made from options as a file would give them, and lines fed to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from f2b.config.model import FilterSpec, Problem, Text
from f2b.date.bracket import dates
from f2b.errors import Place
from f2b.events import Failure, Line
from f2b.filter import Filter
from f2b.filter.build import build, date_patterns
from f2b.lines import LineReader

PLACE = Place("filter.d/x.conf", 3)
NOW = 1_795_255_200.0
"""2026-11-21 10:00 UTC."""
LOGIN = FilterSpec("login", PLACE, failregex=(Text(r"bad <F-USER>\S+</F-USER> from <HOST>$", PLACE),))
"""Finds `bad USER from HOST`."""


def spec(kind: str, *base: FilterSpec, **options: str) -> FilterSpec:
    """Return a filter's specification; `field__x` stands for the option `field.x`."""
    texts = {name.replace("__", "."): _text(value) for name, value in options.items()}
    return FilterSpec("x", PLACE, type=kind, options=texts, base=base)


def _text(value: str) -> Text:
    return Text(value, PLACE, tuple(Place(PLACE.file, PLACE.line + at) for at in range(value.count("\n") + 1)))


def made(kind: str, *base: FilterSpec, **options: str) -> Filter:
    """Return a filter that has nothing wrong."""
    found, problems = build(spec(kind, *base, **options))
    assert found is not None, problems
    assert not problems
    return found


def wrong(kind: str, *base: FilterSpec, **options: str) -> list[Problem]:
    """Return what is wrong with a filter that cannot be made."""
    found, problems = build(spec(kind, *base, **options))
    assert found is None
    return problems


def request(
    asked: str = "GET / HTTP/1.1",
    status: int = 200,
    host: str = "192.0.2.1",
    at: float = 0.0,
    agent: str = "Mozilla/5.0",
    referer: str = "-",
    user: str = "-",
    size: int = 10,
) -> Line:
    """Return a line of the combined format, `at` seconds after NOW."""
    raw = f'{host} - {user} [21/Nov/2026:10:00:00 +0000] "{asked}" {status} {size} "{referer}" "{agent}"'
    return Line(f"{raw}\n", raw, NOW + at)


def bad(host: str = "192.0.2.1", user: str = "bob", at: float = 0.0) -> Line:
    """Return a failure for LOGIN, `at` seconds after NOW."""
    raw = f"bad {user} from {host}"
    return Line(f"{raw}\n", raw, NOW + at)


def fed(tested: Filter, lines: Iterable[Line]) -> list[Failure]:
    """Return the failures of some lines."""
    return [failure for line in lines for failure in tested.feed(line)]


def counted(tested: Filter, *lines: Line) -> list[int]:
    """Return what each line counts for, all its failures together."""
    return [sum(failure.attempts for failure in tested.feed(line)) for line in lines]


def read(found: FilterSpec, *texts: str) -> list[Sequence[Failure]]:
    """Return the failures of each line of a log, dated as the server dates it."""
    tested, problems = build(found)
    assert tested is not None, problems
    reader = LineReader(dates(date_patterns(found)))
    return [tested.feed(reader.line(text, NOW)) for text in texts]
