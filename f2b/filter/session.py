"""Sessions: lines that belong together by `<F-MLFID>` (a process number, say) and make one failure together.

An address may stand in one line of a session and the failed login in another. Lines that excuse themselves
(`<F-NOFAIL>`, `<F-MLFGAINED>`) are parked until a failure wants them in its matches; a failure without an id waits
for a line that has one. The rules are Fail2Ban's, confirmed line by line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from f2b.filter.identity import known
from f2b.filter.rule import Source, caught
from f2b.named import NamedTuple

MAX_SESSIONS = 100
"""The oldest session is forgotten for a new one beyond these (as in Fail2Ban)."""
MAX_AGE_S = 300.0
"""A session is forgotten when its log has gone on for so long without it."""

LATE = 20
"""So many matches of a session are kept as they are, at most."""

_FLAGS = ("nofail", "mlfgained", "mlfforget")


class Merged(NamedTuple):
    """What a session says after a line of it."""

    captures: dict[str, str]
    """Of all its lines; a later one wins."""
    users: tuple[str, ...]
    """Every user that a line of it named, in order."""
    matches: tuple[str, ...]
    """The log lines that the failure carries, or would carry."""
    failed: bool
    """Whether it is a failure now; else nothing is counted."""
    excused: bool
    """Whether this line excuses itself; a failure that only lacks an id does not."""


class _Session:
    """What is kept of a session: what decides at once, and what a failure would carry as soon as somebody asks."""

    __slots__ = ("_late", "captures", "delivered", "excused", "matches", "parked", "pending", "touched", "users")

    def __init__(self) -> None:
        self.captures: dict[str, str] = {}
        self.users: dict[str, None] = {}
        self.parked: list[str] = []
        self.matches: list[str] = []
        self.pending = False
        """A failure waits for an id."""
        self.excused = False
        """The last line excused itself."""
        self.delivered = False
        """`matches` were reported already."""
        self.touched = 0.0
        self._late: list[tuple[Source, str, bool]] = []
        """Matches of which captures and line are still to be taken in, and whether they are parked."""

    def add(self, captures: Mapping[str, str], lines: tuple[str, ...]) -> bool:
        """Take a match and its lines in; return whether a failure is to be reported."""
        self.settle()
        parked = self._decide(captures.get("user"), "nofail" in captures, "mlfgained" in captures)
        self._keep(captures, lines, parked)
        if parked:
            return False
        self.pending = not self.delivered
        return self.delivered

    def meet(self, source: Source, line: str) -> bool:
        """Do what `add` does for a match that tells plainly who it was, and make nothing of it yet."""
        _, _, rule, match = source
        nofail, gained, _ = rule.flags
        user = rule.marks.user
        parked = self._decide(
            match[user] if user else None,
            nofail > 0 and match[nofail] is not None,
            gained > 0 and match[gained] is not None,
        )
        self._late.append((source, line, parked))
        if len(self._late) > LATE:
            self.settle()
        if not parked:
            self.pending = False
        return not parked

    def settle(self) -> None:
        """Take in what is still to be taken in."""
        if self._late:
            late, self._late = self._late, []
            for source, line, parked in late:
                self._keep(caught(source), (line,), parked)

    def _decide(self, user: str | None, nofail: bool, gained: bool) -> bool:
        """Return whether a match is parked, and no failure."""
        if user:
            self.users[user] = None
        if gained:
            self.pending = False
        self.excused = (nofail or gained) and len(self.users) < 2
        return self.excused and not self.pending

    def _keep(self, captures: Mapping[str, str], lines: tuple[str, ...], parked: bool) -> None:
        if self.delivered:
            self.matches, self.delivered = [], False
        for flag in _FLAGS:
            self.captures.pop(flag, None)
        self.captures.update(captures)
        if "mlfgained" in captures:
            self.matches = []
        if parked:
            self.parked += lines
            return
        self.matches += self.parked
        self.matches += lines
        self.parked = []
        self.delivered = known(self.captures)


def _excuses(captures: Mapping[str, str]) -> bool:
    return "nofail" in captures or "mlfgained" in captures


def merged(session: _Session, lines: tuple[str, ...], failed: bool) -> Merged:
    """Return what a session says after these lines."""
    session.settle()
    users, matches = tuple(session.users), tuple(session.matches)
    return Merged(dict(session.captures), users, matches or lines, failed, session.excused)


Begin = tuple[Source, str, float]
"""The only line of a session so far, and when that was: most never get a second one."""
Met = tuple[bool, "_Session | None"]


class Sessions:
    """The open sessions of one log."""

    __slots__ = ("_max_age_s", "_now", "_open", "_turns")

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        self._max_age_s = max_age_s
        self._open: dict[str, _Session | Begin] = {}
        self._turns: deque[str] = deque()
        """Their names, the oldest first: a dict is slow to tell its first key where many were deleted."""
        self._now = 0.0

    def add(self, captures: Mapping[str, str], lines: tuple[str, ...], time: float | None) -> Merged:
        """Take a match that carries `mlfid`, its log lines and its time; return what its session says now."""
        name = captures["mlfid"]
        self._now = max(self._now, time or 0)
        session = self._find(name)
        if session is None:
            if "mlfforget" in captures:
                excused = _excuses(captures)
                return Merged(dict(captures), (), lines, known(captures) and not excused, excused)
            session = _Session()
            self._enter(name, session)
        session.touched = self._now
        failed = session.add(captures, lines)
        if "mlfforget" in captures:
            self._leave(name)
        return merged(session, lines, failed)

    def meet(self, name: str, source: Source, line: str, time: float | None) -> Met:
        """Do what `add` does for a match that tells plainly who it was; return whether it excuses itself, so fails
        nobody, and its session if there are other lines of it.
        """
        if time is not None and time > self._now:
            self._now = time
        _, _, rule, match = source
        nofail, gained, forget = rule.flags
        forgets = forget > 0 and match[forget] is not None
        session = self._find(name) if name in self._open else None
        if session is not None:
            session.touched = self._now
            failed = session.meet(source, line)
            if forgets:
                self._leave(name)
            return not failed, session
        if not forgets:  # as `_enter` does: a call is dear where every line begins a session
            if len(self._open) >= MAX_SESSIONS:
                del self._open[self._turns.popleft()]
            self._open[name] = source, line, self._now
            self._turns.append(name)
        return (nofail > 0 and match[nofail] is not None) or (gained > 0 and match[gained] is not None), None

    def _find(self, name: str) -> _Session | None:
        session = self._open.get(name)
        if isinstance(session, tuple):
            source, line, touched = session
            session = self._open[name] = _Session()
            session.touched = touched
            session.meet(source, line)
        if session is not None and session.touched < self._now - self._max_age_s:
            self._leave(name)
            return None
        return session

    def _enter(self, name: str, session: _Session | Begin) -> None:
        if len(self._open) >= MAX_SESSIONS:
            del self._open[self._turns.popleft()]
        self._open[name] = session
        self._turns.append(name)

    def _leave(self, name: str) -> None:
        del self._open[name]
        self._turns.remove(name)
