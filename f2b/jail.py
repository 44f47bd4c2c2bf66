"""A jail: the only place where a line's date, its filter and the bans meet.

Lines come in, effects come out. Times, addresses of host names and list files are handed in; nothing here reads a
clock or does what it decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from f2b import net
from f2b.ban.allow import AllowList
from f2b.ban.counter import Counter, Tally
from f2b.ban.growth import Even, Growth, worth
from f2b.ban.history import Past
from f2b.ban.ledger import Ledger
from f2b.ban.pardon import Counted, Pardons
from f2b.ban.protected import Protected, Protection, nobody
from f2b.ban.surge import Surge
from f2b.ban.verdicts import Verdicts
from f2b.ban.window import Window
from f2b.config.model import FilterSpec, JailSpec
from f2b.events import (
    PERMANENT,
    SUCCESS,
    AlreadyBanned,
    Ban,
    Effect,
    Expired,
    Failure,
    Forget,
    Forgiven,
    Found,
    Held,
    Ignored,
    Increased,
    Judge,
    Known,
    Line,
    Prolonged,
    RanAway,
    Resolve,
    Spared,
    Surged,
    Unban,
)
from f2b.filter import Filter, is_listener
from f2b.oddity import Oddities
from f2b.runaway import Patience, Runaway
from f2b.trace import Trace
from f2b.value import replace

if TYPE_CHECKING:
    from f2b.config.formula import Chance

ODD_S = 60
"""A live line whose date is further from the clock than this is taken as written now (as in Fail2Ban)."""
PURGE_S = 5
"""How often counters without recent failures are looked for."""
PROTECT = "it stands in protect"
TOLD = 1000
"""So many of those whom no filter may ban are told of once each; then it is begun anew."""
COMMAND = "command"
"""Fail2Ban's word for who was spared by ignorecommand."""


class Jail:
    """Judges lines, counts failures, and knows who is banned for them."""

    def __init__(
        self,
        spec: JailSpec,
        filter_: Filter,
        past: Past | None = None,
        chance: Chance | None = None,
        protection: Protection = nobody,
    ) -> None:
        """`past` knows of earlier bans; `chance` draws random numbers; `protection` knows whom no filter may ban.

        Raises ConfigError for a wrong formula.
        """
        self.spec = spec
        self.filter = filter_
        self.listens = _listened(filter_)
        """The jails whose failures and bans it hears of."""
        self.allow = AllowList(spec.ignoreip)
        """Whoever drives the jail tells it what may change: own addresses, those of names, list files."""
        self.counter = _counter(spec)
        self.ledger = Ledger()
        self.banned_total = 0
        self.patience = Patience()
        """With patterns that run away."""
        self.trace = Trace(spec.explainlines)
        """What became of the latest failures."""
        self._past = past or Past()
        self._chance = chance or Even()
        self._growth = Growth(spec.increment, self._chance)
        self._verdicts = Verdicts(spec.ignorecache)
        self._protection = protection
        self._protected = Protected(dict.fromkeys(spec.protect, PROTECT))
        self._surge = Surge(spec.maxbans)
        self._spared_ids: dict[str, str] = {}
        """Who was said to be spared, and why."""
        self._oddities = Oddities(spec.name)
        self._pardons = Pardons() if _forgives(spec.filter) else None
        self._purged = 0.0

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
                return self._oddities.too_old(line, self.spec.findtime, now)
            if live and abs(when - now) > ODD_S:
                effects += self._oddities.odd_time(line, when, now)
                line = line._replace(time=now)
        elif live:
            line = line._replace(time=now)
        for failure in self.filter.feed(line):
            effects += self._take(failure, now, live)
        return effects

    def hear(self, event: Found | Ban, now: float) -> list[Effect]:
        """Return what follows from what another jail found or banned, if the filter listens to that one."""
        if not is_listener(self.filter) or event.jail not in self.listens:
            return []
        return [effect for failure in self.filter.hear(event) for effect in self._take(failure, now, True)]

    def _take(self, failure: Failure, now: float, live: bool) -> list[Effect]:
        if failure.time is None and failure.attempts != SUCCESS:
            return self._noted(failure, self._oddities.undated(failure, now), now)
        if failure.unresolved:
            return self._noted(failure, [Resolve(self.name, failure.unresolved, failure, live)], now)
        return self._judge(failure, now)

    def _noted(self, failure: Failure, effects: list[Effect], now: float) -> list[Effect]:
        self.trace.note(failure, effects, now, self.counter)
        return effects

    def resolved(self, failure: Failure, addresses: Sequence[str], now: float) -> list[Effect]:
        """Return what follows from a failure whose host name stands for these addresses: each one failed."""
        found: Sequence[Failure] = [
            failure._replace(id=address, host=address, unresolved="", then=()) for address in addresses
        ]
        for judge in failure.then:
            found = [one for each in found for one in judge(each)]
        if not addresses:
            self.trace.lack(failure, now)
        return [effect for one in found for effect in self._judge(one, now)]

    def attempt(self, key: str, lines: Sequence[str], now: float) -> list[Effect]:
        """Return what follows from a failure told by hand: it counts for each of its lines, and for one at least."""
        failure = Failure(key, net.address(key), now, tuple(lines), {}, max(1, len(lines)), by_hand=True)
        return self._judge(failure, now)

    def lose(self, runaway: Runaway, line: str, now: float) -> list[Effect]:
        """Return what follows from a search of a line that was given up."""
        rests = self.patience.lose(runaway.culprit, now)
        return [RanAway(self.name, line, str(runaway.culprit), rests)]

    # ---- failures ----

    def _judge(self, failure: Failure, now: float) -> list[Effect]:
        return self._noted(failure, self._sentence(failure, now), now)

    def _sentence(self, failure: Failure, now: float) -> list[Effect]:
        """Spare whom the allow list names, ask where it does not say, and count the others."""
        if failure.attempts == SUCCESS:
            return self._forgive(failure)
        known = self._verdicts.get(failure, now)
        if known is None:
            by = self._spared(failure.id, failure.host)
            if by is None and self.spec.ignorecommand:
                return [Judge(self.name, failure)]
            self._verdicts.put(failure, by is not None, now)
            if by is not None:
                return [Ignored(self.name, failure.id, by)]
        return [] if known else self._count(failure, now)

    def judged(self, asked: Judge, spared: bool, now: float) -> list[Effect]:
        """Return what follows from the answer of ignorecommand."""
        failure, ban = asked.failure, asked.ban
        self._verdicts.put(failure, spared, now)
        if ban is not None:
            lifted = self.ledger.lift(ban.id) if spared and self.ledger.get(ban.id) == ban else None
            return [Ignored(self.name, ban.id, COMMAND), Unban(lifted)] if lifted else []
        ignored: list[Effect] = [Ignored(self.name, failure.id, COMMAND)]
        return self._noted(failure, ignored if spared else self._count(failure, now), now)

    def _spared(self, key: str, host: str | None) -> str | None:
        by = self.allow.why(key)
        if by is None and "/" in key and self.allow.touches(key):
            return "ip"  # a network is not kept out over the heads of those in it who are spared
        return self.allow.why(host) if by is None and host and host != key else by

    def _count(self, failure: Failure, now: float) -> list[Effect]:
        time = now if failure.time is None else min(failure.time, now)
        seen, key = failure.id, self._widened(failure.id)
        if key != seen:
            failure = failure._replace(id=key, host=key)
        effects: list[Effect] = [Found(self.name, key, time, "" if key == seen else seen, failure.by_hand)]
        tally = self.counter.add(failure, time)
        if self.spec.increment.enabled:
            known = self._known(key, time)
            effects += known
            if known and tally is None:
                tally = self.counter.more(key, known[0].worth - 1)
                failure = failure._replace(attempts=failure.attempts + known[0].worth - 1)
        if self._pardons is not None:
            self._pardons.note(key, Counted(time, seen, failure), time - self.counter.findtime)
        return effects + self._ban(tally, now) if tally else effects

    def _forgive(self, success: Failure) -> list[Effect]:
        """Count no longer what a success clears."""
        key = self._widened(success.id)
        tally = self.counter.tally(key)
        if tally is None or self._pardons is None:
            return []
        left, gone = self._pardons.forgive(key, success, tally)
        if not gone:
            return []
        total = self.counter.total
        self.counter.forget(key)
        for one in left:
            self.counter.add(one.failure, one.time)
        self.counter.total = total
        user = success.captures.get("user", "")
        return [Forgiven(self.name, key, success.id, user if isinstance(user, str) else "", gone)]

    def _widened(self, key: str) -> str:
        """Return the network that counts as one with this address, unless somebody in it is to be spared."""
        spec = self.spec
        if spec.prefix4 == net.BITS[4] and spec.prefix6 == net.BITS[6]:
            return key
        length = {4: spec.prefix4, 6: spec.prefix6}.get(net.family(key))
        network = None if length is None or "/" in key else net.network(f"{key}/{length}")
        if network is None or self.allow.touches(network) or self._holds_protected(network):
            return key
        return network

    def _holds_protected(self, network: str) -> bool:
        return self._protected.touches(network) or self._protection(self.spec.protectgroups).touches(network)

    def protects(self, key: str) -> str:
        """Return why no filter may ban an address, or a network; empty if it may."""
        return self._protected.why(key) or self._protection(self.spec.protectgroups).why(key)

    def _known(self, key: str, time: float) -> list[Known]:
        """Return what is to be said of a failure of somebody who was banned in this jail before."""
        earlier = self._past.of(key).get(self.name)
        if earlier is None or time <= earlier.time:
            return []
        maxretry = self.spec.maxretry
        return [Known(self.name, key, time, earlier.bans, worth(earlier.bans, maxretry), maxretry)]

    # ---- bans ----

    def _ban(self, tally: Tally, now: float) -> list[Effect]:
        seen, bantime = tally.seen, self.spec.bantime
        why = self.protects(seen.id) or (self.protects(seen.host) if seen.host and seen.host != seen.id else "")
        if why:
            return self._spare(seen.id, why)
        alarm: list[Effect] = []
        if self.ledger.get(seen.id) is None and self._surge.over(now):
            if self._surge.alarms(now):
                alarm = [Surged(self.name, self.spec.maxbans, seen.id, self.spec.holdbans)]
            if self.spec.holdbans:
                return alarm
        ban = Ban(self.name, seen.id, tally.last, bantime, tally.failures, tally.matches, seen.captures, seen.host)
        return [*alarm, *self._impose(ban, now)]

    def _spare(self, key: str, why: str) -> list[Effect]:
        """Tell once of each whom no filter may ban."""
        if self._spared_ids.get(key) == why:
            return []
        if len(self._spared_ids) >= TOLD:
            self._spared_ids.clear()
        self._spared_ids[key] = why
        return [Spared(self.name, key, why)]

    def ban(self, key: str, now: float, duration: float | None = None) -> list[Effect]:
        """Ban by hand, allow list or not; who is banned already stays so for longer, if this ban ends later."""
        own = duration is not None
        length = self.spec.bantime if duration is None else duration
        return self._impose(Ban(self.name, key, now, length, own_time=own), now)

    def _impose(self, ban: Ban, now: float) -> list[Effect]:
        present = self.ledger.get(ban.id)
        told: list[Increased] = []
        if present is None and self.spec.increment.enabled:
            ban, told = self._growth.grown(ban, self._past.of(ban.id))
        if ban.end <= now or _never(ban.duration):
            return [Expired(self.name, ban.id)]
        if present is None:
            return [self._enter(ban), *told]
        after = ban.time - present.time
        if ban.end <= present.end:
            return [AlreadyBanned(present, after)]
        length = ban.end - present.time if ban.duration >= 0 else PERMANENT
        longer = replace(present, duration=length, own_time=present.own_time or ban.own_time)
        self.ledger.put(longer)
        return [Prolonged(longer, after)]

    def _enter(self, ban: Ban) -> Ban:
        self.ledger.put(ban)
        self.banned_total += 1
        return ban

    def unban(self, keys: Sequence[str] | None) -> list[Unban | Forget]:
        """Lift these bans (networks: all inside them), or all if None, and forget what is on record of these ids."""
        found = list(self.ledger) if keys is None else [ban for key in keys for ban in self._held(key)]
        bans = {ban.id: ban for ban in found}
        others = [None] if keys is None else [key for key in keys if key not in bans]
        for key in bans:
            self.ledger.lift(key)
            self.counter.forget(key)
        lifted = [Unban(ban, forget=True) for ban in bans.values()]
        return [*lifted, *(Forget(self.name, key) for key in others)]

    def prospect(self, key: str, now: float) -> Ban:
        """Return the ban that an id would get now, with its length; nothing comes into force."""
        ban = Ban(self.name, key, now, self.spec.bantime)
        return self._growth.grown(ban, self._past.of(key))[0] if self.spec.increment.enabled else ban

    def why_spared(self, key: str) -> str:
        """Return by what the allow list spares an id, in Fail2Ban's word; empty if it does not."""
        return self._spared(key, key) or ""

    def counted_as(self, key: str) -> str:
        """Return whom an id is counted for: itself, or the network that counts as one."""
        return self._widened(key)

    def worth(self, key: str, now: float) -> int:
        """Return what one failure of an id counts for now."""
        known = self._known(key, now) if self.spec.increment.enabled else []
        return known[0].worth if known else 1

    def _held(self, key: str) -> list[Ban]:
        """Return the bans of an id, of all inside it, or of the network that it was counted with."""
        return self.ledger.inside(key) or self.ledger.inside(self._widened(key))

    def restore(self, bans: Sequence[Ban]) -> list[Effect]:
        """Take over the bans of an earlier server; those whom the allow list spares by now are left out."""
        effects: list[Effect] = []
        for ban in bans:
            by = self._spared(ban.id, ban.host)
            if by:
                effects.append(Ignored(self.name, ban.id, by))
                continue
            effects.append(entered := self._enter(ban if ban.restored else replace(ban, restored=True)))
            if self.spec.ignorecommand:
                failure = Failure(ban.id, ban.host, ban.time, ban.matches, ban.captures)
                effects.append(Judge(self.name, failure, entered))
        return effects

    def hold(self, keys: Collection[str], now: float) -> list[Effect]:
        """Keep out, from now on, exactly these of all that a list may name: addresses and networks."""
        wanted = {key for key in keys if not (self.allow.touches(key) if "/" in key else self.allow.why(key))}
        gone = tuple(ban for ban in self.ledger if ban.listed and ban.id not in wanted)
        for ban in gone:
            self.ledger.lift(ban.id)
        came = []
        for key in sorted(wanted):
            present = self.ledger.get(key)
            if present is None or not present.listed:
                came.append(Ban(self.name, key, now, PERMANENT, own_time=True, listed=True))
                self.ledger.put(came[-1])
        if not (came or gone):
            return []
        return [Held(self.name, tuple(came), gone, len(wanted), len(keys) - len(wanted))]

    def tick(self, now: float) -> list[Unban]:
        """Return the bans that are over, and forget counters that are."""
        self.patience.tick(now)
        if now - self._purged >= PURGE_S or now < self._purged:
            self._purged = now
            self.counter.purge(now)
            if self._pardons is not None:
                self._pardons.purge(self.counter.tallies())
        return [Unban(ban) for ban in self.ledger.expire(now)]

    def set_bantime(self, seconds: float) -> list[Effect]:
        """Change the ban time, for running bans too unless theirs is their own."""
        self.spec = replace(self.spec, bantime=seconds)
        moved = [replace(ban, duration=seconds) for ban in self.ledger if not (ban.own_time or ban.grown)]
        for ban in moved:
            self.ledger.put(ban)
        return [Prolonged(ban) for ban in moved]

    def change(self, spec: JailSpec, filter_: Filter) -> list[Effect]:
        """Go on by a new specification, with the same bans and counters. Raises ConfigError, with nothing changed."""
        growth = Growth(spec.increment, self._chance)
        old = self.spec
        effects = self.set_bantime(spec.bantime) if spec.bantime != old.bantime else []
        if filter_ is not self.filter:
            self.patience = Patience()
        self.spec, self.filter, self._growth = spec, filter_, growth
        self.listens = _listened(filter_)
        if _forgives(spec.filter) != (self._pardons is not None):
            self._pardons = Pardons() if _forgives(spec.filter) else None
        self.allow = AllowList(spec.ignoreip)
        self._protected = Protected(dict.fromkeys(spec.protect, PROTECT))
        if spec.maxbans != old.maxbans:
            self._surge = Surge(spec.maxbans)
        if spec.ignorecache != old.ignorecache:
            self._verdicts = Verdicts(spec.ignorecache)
        if spec.counting != old.counting:
            counter, self.counter = self.counter, _counter(spec)
            self.counter.restore(counter.tallies())
            self.counter.total = counter.total
        self.trace.keep(spec.explainlines)
        self.counter.maxretry = spec.maxretry
        self.counter.findtime = spec.findtime
        self.counter.maxmatches = spec.maxmatches
        return effects


def _counter(spec: JailSpec) -> Counter:
    kind = Window if spec.counting == "window" else Counter
    return kind(spec.maxretry, spec.findtime, spec.maxmatches)


def _listened(filter_: Filter) -> frozenset[str]:
    return filter_.listens if is_listener(filter_) else frozenset()


def _forgives(spec: FilterSpec) -> bool:
    """Whether a filter knows successes."""
    return any(name in spec.options for name in ("okregex", "okstatus")) or any(map(_forgives, spec.base))


def _never(duration: float) -> bool:
    """Whether a ban of this length makes no sense; only PERMANENT is negative on purpose."""
    return duration < 0 and duration != PERMANENT
