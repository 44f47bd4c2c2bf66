"""What a filter says of a line, for people: matched, ignored or missed, and the failures, host names looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from f2b.events import Failure, Line
from f2b.filter.regex import Examination, Hit, RegexFilter
from f2b.named import NamedTuple

MAX_NAMES = 10_000
"""So many answers are remembered, then all are forgotten: a log of a million names must not fill the memory."""

Kind = Literal["matched", "ignored", "missed"]
Resolver = Callable[[str], Sequence[str]]


class Finding(NamedTuple):
    """A failure of a line."""

    rule: int
    """The failregex, by its place in the list, from 0."""
    failure: Failure
    nofail: bool
    """It does not count (yet)."""


class Verdict(NamedTuple):
    """What became of a line."""

    kind: Kind
    line: Line
    findings: list[Finding]
    seen: Examination
    lost: bool = False
    """It was given up, for a regex ran away on it."""


class Judge:
    """Tries a filter on lines. `every`: try every regex on every line, which the server does not.

    `as_fail2ban`: sort lines as fail2ban-regex does. A failure that still waits for its id counts as a match, and
    of several hits in a session the last one decides.
    """

    def __init__(self, tested: RegexFilter, resolve: Resolver, every: bool, as_fail2ban: bool = False) -> None:
        self._as_fail2ban = as_fail2ban
        self.tested = tested
        self._resolve = resolve
        self._every = every

    def verdict(self, line: Line) -> Verdict:
        """Return what the filter makes of a line."""
        seen = self.tested.examine(line, self._every)
        findings: list[Finding] = []
        for hit in seen.hits:
            if hit.failure:
                nofail = hit.nofail or _excused_alone(hit.failure)
                findings += (Finding(hit.rule, one, nofail) for one in self._known(hit.failure, nofail))
        if findings and self._matched(seen.hits):
            return Verdict("matched", line, findings, seen)
        kind: Kind = "ignored" if findings or seen.ignored is not None else "missed"
        return Verdict(kind, line, findings, seen)

    def _matched(self, hits: Sequence[Hit]) -> bool:
        last = hits[-1].failure
        if self._as_fail2ban and last and "mlfid" in last.captures:
            return not (hits[-1].nofail and hits[-1].excused)
        return any(hit.failure and not hit.nofail and not _excused_alone(hit.failure) for hit in hits)

    def _known(self, failure: Failure, nofail: bool) -> list[Failure]:
        """Return a failure once for each address that its host name stands for."""
        if not failure.unresolved or nofail:
            return [failure]
        found = self._resolve(failure.unresolved)
        return [failure._replace(id=address, host=address, unresolved="") for address in found]


def _excused_alone(failure: Failure) -> bool:
    """Return whether a line excuses itself outside a session: the server counts it, Fail2Ban's tester does not."""
    return "nofail" in failure.captures and "mlfid" not in failure.captures


class Names:
    """Looks host names up, each once."""

    def __init__(self) -> None:
        self._known: dict[str, Sequence[str]] = {}

    def __call__(self, name: str) -> Sequence[str]:
        """Return the addresses of a host name; none if it has none."""
        if name not in self._known:
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            self._known[name] = _addresses(name)
        return self._known[name]


def _addresses(name: str) -> list[str]:
    import socket  # 3 ms that only host names cost

    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[4][0]) for address in found))
