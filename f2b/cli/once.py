"""One filter for all jails of a replay that filter alike: a line is matched once, whoever wants to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from f2b.config.model import FilterSpec
from f2b.events import Failure, Line
from f2b.filter import Filter
from f2b.filter.literals import Clause
from f2b.filter.over import OverFailures
from f2b.filter.regex import RegexFilter
from f2b.filter.success import Forgiving
from f2b.jail import Jail


class Once:
    """Feeds a filter each line once, and tells all who ask what it found."""

    def __init__(self, inner: Filter) -> None:
        self._inner = inner
        self._line: Line | None = None
        self._found: Sequence[Failure] = ()

    def feed(self, line: Line) -> Sequence[Failure]:
        """Return what the filter finds in a line."""
        if line is not self._line:
            self._found = self._inner.feed(line)
            self._line = line
        return self._found

    def finds(self, line: Line) -> bool:
        """Return whether the filter finds anything in a line, or cannot tell."""
        if line is not self._line:
            try:
                self.feed(line)
            except Exception:  # noqa: BLE001 - whoever asks for what was found gets to know
                return True
        return len(self._found) > 0

    def needs(self) -> Sequence[Sequence[Clause]] | None:
        """Return what the filter says."""
        return self._inner.needs()


def share(jails: Iterable[Jail]) -> None:
    """Let jails that read the same lines share the filters of regexes that they have in common.

    What such a filter remembers of a session is then the same for all of them, as it is where each has its own and
    sees every line.
    """
    shared: list[tuple[FilterSpec, Filter]] = []
    for jail in jails:
        jail.filter = _shared(jail.spec.filter, jail.filter, shared)


def below(filter_: Filter) -> Once | None:
    """Return the shared filter without whose findings this one finds nothing, if there is one."""
    if isinstance(filter_, OverFailures) and len(filter_.bases) == 1:
        return below(filter_.bases[0])
    return filter_ if isinstance(filter_, Once) else None


def _shared(spec: FilterSpec, one: Filter, shared: list[tuple[FilterSpec, Filter]]) -> Filter:
    if isinstance(one, OverFailures) and len(one.bases) == len(spec.base):
        one.bases = [_shared(under, base, shared) for under, base in zip(spec.base, one.bases, strict=True)]
    if not isinstance(one, RegexFilter | Forgiving):
        return one
    for known, found in shared:
        if known == spec:
            return found
    shared.append((spec, made := Once(one)))
    return made
