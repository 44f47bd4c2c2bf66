"""A jail: the only place where a line's date, its filter and the bans meet.

Lines come in, effects come out. Times, addresses of host names and list files are handed in; nothing here reads a
clock or does what it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from f2b.ban.allow import AllowList
from f2b.ban.counter import Counter, Tally
from f2b.ban.ledger import Ledger
from f2b.config.model import JailSpec
from f2b.duration import human
from f2b.events import (
    PERMANENT,
    AlreadyBanned,
    Ban,
    Effect,
    Expired,
    Failure,
    Found,
    Ignored,
    Line,
    Prolonged,
    RanAway,
    Resolve,
    Unban,
    Warned,
)
from f2b.filter import Filter
from f2b.runaway import Patience, Runaway

ODD_S = 60
"""A live line whose date is further from the clock than this is taken as written now (as in Fail2Ban)."""
PURGE_S = 5
"""How often counters without recent failures are looked for."""
WARN_S = 86400
"""How long the same warning is not repeated."""


class Jail:
    """Judges lines, counts failures, and knows who is banned for them."""

    def __init__(self, spec: JailSpec, filter_: Filter) -> None:
        self.spec = spec
        self.filter = filter_
        self.allow = AllowList(spec.ignoreip)
        """Whoever drives the jail tells it what may change: own addresses, those of names, list files."""
        self.counter = Counter(spec.maxretry, spec.findtime, spec.maxmatches)
        self.ledger = Ledger()
        self.banned_total = 0
        self.patience = Patience()
        """With patterns that run away."""
        self._purged = 0.0
        self._warned: dict[str, float] = {}

    @property
    def name(self) -> str:
        """The jail's name."""
        return self.spec.name

    # ---- lines ----

    def feed(self, line: Line, now: float, live: bool) -> list[Effect]:
        """Return what follows from a line. `live`: it was written just now, not before the server started."""
        effects: list[Effect] = []
        when = line.time
        if when is not None:
            if not live and when < now - self.spec.findtime:
                return self._warn("old", now, _too_old(line, self.spec.findtime))
            if live and abs(when - now) > ODD_S:
                effects += self._warn("odd", now, _odd_time(line, when, now))
                line = line._replace(time=now)
        elif live:
            line = line._replace(time=now)
        for failure in self.filter.feed(line):
            effects += self._take(failure, now, live)
        return effects

    def _take(self, failure: Failure, now: float, live: bool) -> list[Effect]:
        if failure.time is None:
            return self._warn("undated", now, _undated(failure))
        if failure.unresolved:
            return [Resolve(self.name, failure.unresolved, failure, live)]
        return self._count(failure, now)

    def resolved(self, failure: Failure, addresses: Sequence[str], now: float) -> list[Effect]:
        """Return what follows from a failure whose host name stands for these addresses: each one failed."""
        effects: list[Effect] = []
        for address in addresses:
            effects += self._count(failure._replace(id=address, host=address, unresolved=""), now)
        return effects

    def _count(self, failure: Failure, now: float) -> list[Effect]:
        by = self.allow.why(failure.id)
        if by is None and failure.host and failure.host != failure.id:
            by = self.allow.why(failure.host)
        if by is not None:
            return [Ignored(self.name, failure.id, by)]
        time = now if failure.time is None else min(failure.time, now)
        effects: list[Effect] = [Found(self.name, failure.id, time)]
        tally = self.counter.add(failure, time)
        if tally:
            effects.append(self._ban(tally, now))
        return effects

    def lose(self, runaway: Runaway, line: str, now: float) -> list[Effect]:
        """Return what follows from a search of a line that was given up."""
        rests = self.patience.lose(runaway.culprit, now)
        return [RanAway(self.name, line, str(runaway.culprit), rests)]

    # ---- bans ----

    def _ban(self, tally: Tally, now: float) -> Effect:
        seen = tally.seen
        ban = Ban(
            self.name, seen.id, tally.last, self.spec.bantime, tally.failures, tally.matches, seen.captures, seen.host
        )
        if ban.end <= now or _never(ban.duration):
            return Expired(self.name, ban.id)
        present = self.ledger.get(ban.id)
        if present is None:
            return self._enter(ban)
        if ban.end > present.end:
            longer = replace(present, duration=ban.end - present.time if ban.duration >= 0 else PERMANENT)
            self.ledger.put(longer)
            return Prolonged(longer, tally.last - present.time)
        return AlreadyBanned(present, tally.last - present.time)

    def _enter(self, ban: Ban) -> Ban:
        self.ledger.put(ban)
        self.banned_total += 1
        return ban

    def ban(self, key: str, now: float, duration: float | None = None) -> Ban | None:
        """Ban by hand, allow list or not; return None if the id is banned already."""
        if self.ledger.get(key):
            return None
        own = duration is not None
        length = self.spec.bantime if duration is None else duration
        return self._enter(Ban(self.name, key, now, length, own_time=own))

    def unban(self, keys: Sequence[str] | None) -> list[Unban]:
        """Lift these bans (networks: all inside them), or all if None; their history is to be forgotten."""
        bans = list(self.ledger) if keys is None else [ban for key in keys for ban in self.ledger.inside(key)]
        for ban in bans:
            self.ledger.lift(ban.id)
            self.counter.forget(ban.id)
        return [Unban(ban, forget=True) for ban in bans]

    def restore(self, bans: Sequence[Ban]) -> list[Effect]:
        """Take over the bans of an earlier server; those whom the allow list spares by now are left out."""
        effects: list[Effect] = []
        for ban in bans:
            by = self.allow.why(ban.id)
            effects.append(Ignored(self.name, ban.id, by) if by else self._enter(replace(ban, restored=True)))
        return effects

    def tick(self, now: float) -> list[Unban]:
        """Return the bans that are over, and forget counters that are."""
        self.patience.tick(now)
        if now - self._purged >= PURGE_S or now < self._purged:
            self._purged = now
            self.counter.purge(now)
        return [Unban(ban) for ban in self.ledger.expire(now)]

    def set_bantime(self, seconds: float) -> list[Effect]:
        """Change the ban time, for running bans too unless they were given their own."""
        self.spec = replace(self.spec, bantime=seconds)
        moved = [replace(ban, duration=seconds) for ban in self.ledger if not ban.own_time]
        for ban in moved:
            self.ledger.put(ban)
        return [Prolonged(ban) for ban in moved]

    def change(self, spec: JailSpec, filter_: Filter) -> list[Effect]:
        """Go on by a new specification, with the same bans and counters."""
        effects = self.set_bantime(spec.bantime) if spec.bantime != self.spec.bantime else []
        if filter_ is not self.filter:
            self.patience = Patience()
        self.spec, self.filter = spec, filter_
        self.allow = AllowList(spec.ignoreip)
        self.counter.maxretry = spec.maxretry
        self.counter.findtime = spec.findtime
        self.counter.maxmatches = spec.maxmatches
        return effects

    def _warn(self, key: str, now: float, texts: tuple[str, ...]) -> list[Effect]:
        if now - self._warned.get(key, -WARN_S) < WARN_S:
            return []
        self._warned[key] = now
        return [Warned(self.name, texts)]


def _too_old(line: Line, findtime: float) -> tuple[str, ...]:
    return (
        f"Log entries older than findtime ({human(findtime)}) are ignored; they were probably written while the "
        "server was not running.",
        f"If not, check the time zone of the log (logtimezone). First such line: {line.raw}",
    )


def _odd_time(line: Line, when: float, now: float) -> tuple[str, ...]:
    side = "before" if when < now else "after"
    return (
        f"A line just written is dated {human(round(abs(when - now)))} {side} the present time, which looks like a "
        "time zone problem; such lines count as written now.",
        f"Set logtimezone, or a datepattern, that fits. First such line: {line.raw}",
    )


def _undated(failure: Failure) -> tuple[str, ...]:
    return (
        f"A failure of {failure.id!r} was found in a line without a date that could be read; it is not counted.",
        f"Set a datepattern that fits this log. The line: {failure.matches[-1] if failure.matches else ''}",
    )


def _never(duration: float) -> bool:
    """Whether a ban of this length makes no sense; only PERMANENT is negative on purpose."""
    return duration < 0 and duration != PERMANENT
