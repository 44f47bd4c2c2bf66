"""A jail: the only place where a line's date, its filter and the bans meet.

Lines come in, effects come out. Times, addresses of host names and list files are handed in; nothing here reads a
clock or does what it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from f2b import net
from f2b.ban.allow import AllowList, words
from f2b.ban.collateral import Arrival, Others
from f2b.ban.counter import Counter, lean
from f2b.ban.history import Past
from f2b.ban.ledger import Ledger
from f2b.ban.packed import Remnant
from f2b.ban.pardon import Counted, Pardons
from f2b.ban.protected import Protection, nobody
from f2b.ban.verdicts import Verdicts
from f2b.ban.window import Window
from f2b.config.model import FilterSpec, JailSpec
from f2b.custody import Custody
from f2b.events import (
    LOGIN,
    SUCCESS,
    Arrived,
    Ban,
    Broke,
    Effect,
    Failure,
    Forget,
    Forgiven,
    Found,
    Ignored,
    Judge,
    Line,
    RanAway,
    Resolve,
    Unban,
)
from f2b.filter import Filter, Numbered, each, is_listener
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
COMMAND = "command"
"""Fail2Ban's word for who was spared by ignorecommand."""

Sifted = tuple[Numbered, "Jail", Sequence[Effect], Sequence[Failure]]
"""A line that a jail must judge: what is to be told of it first, and the failures that its filter found."""


class Jail:
    """Judges lines, counts failures, and knows who is banned for them."""

    def __init__(
        self,
        spec: JailSpec,
        filter_: Filter,
        past: Past | None = None,
        chance: Chance | None = None,
        protection: Protection = nobody,
        others: Others | None = None,
    ) -> None:
        """`past` knows of earlier bans; `chance` draws random numbers; `protection` knows whom no filter may ban;
        `others`, which all jails share, whom else a ban would hit.

        Raises ConfigError for a wrong formula.
        """
        self.spec = spec
        self.filter = filter_
        self.listens = _listened(filter_)
        """The jails whose failures and bans it hears of."""
        self.allow = AllowList(spec.ignoreip)
        """Whoever drives the jail tells it what may change: own addresses, those of names, list files."""
        self.counter = _counter(spec)
        self._others = others or Others()
        self.proxies = self._others.proxies(spec.name, _proxies(spec))
        """Whoever drives the jail hands it the files that these name."""
        self.custody = Custody(spec, past, chance, protection, self._others)
        """The bans."""
        self.patience = Patience()
        """With patterns that run away."""
        self.gap_s = 0.0
        """For how long nobody has read: lines older than findtime by so much are new all the same."""
        self.trace = Trace(spec.explainlines)
        """What became of the latest failures."""
        self._verdicts = Verdicts(spec.ignorecache)
        self._oddities = Oddities(spec.name)
        self._pardons = Pardons() if _forgives(spec.filter) else None
        self._purged = 0.0

    @property
    def name(self) -> str:
        """The jail's name."""
        return self.spec.name

    @property
    def ledger(self) -> Ledger:
        """Who is banned until when."""
        return self.custody.ledger

    @property
    def banned_total(self) -> int:
        """How many were banned since the start."""
        return self.custody.total

    # ---- lines ----

    def feed(self, line: Line, now: float, live: bool) -> list[Effect]:
        """Return what follows from a line. `live`: it was written just now, not before the server started."""
        effects: list[Effect] = []
        for _, _, told, failures in self.sift([(0, line)], now, live):
            effects += told
            effects += self.judge(failures, line.raw, now, live)
        return effects

    def sift(self, lines: Sequence[Numbered], now: float, live: bool) -> list[Sifted]:
        """Let the filter read lines in their order; return what it found in which, and what is to be told of them."""
        sifted: list[Sifted] = []
        for one, found in each(self.filter, self._timely(lines, now, live, sifted)):
            if isinstance(found, Exception):
                sifted.append((one, self, self._faulty(found, one[1][1], now), ()))
            else:
                sifted.append((one, self, (), found))
        return sifted

    def _timely(self, lines: Sequence[Numbered], now: float, live: bool, sifted: list[Sifted]) -> Iterable[Numbered]:
        """Return lines with the times that count; those before anything that counts are left out."""
        if live:
            return self._dated(lines, now, sifted)
        oldest = now - self.spec.findtime - self.gap_s
        old = [one for one in lines if (when := one[1][2]) is not None and when < oldest]
        if not old:
            return lines
        for one in old:
            sifted.append((one, self, self._oddities.too_old(one[1][1], self.spec.findtime, now), ()))
        return [one for one in lines if (when := one[1][2]) is None or when >= oldest]

    def _dated(self, lines: Iterable[Numbered], now: float, sifted: list[Sifted]) -> Iterator[Numbered]:
        for one in lines:
            number, (text, raw, when) = one
            if when is not None and abs(when - now) <= ODD_S:
                yield one
                continue
            if when is not None:
                sifted.append((one, self, self._oddities.odd_time(raw, when, now), ()))
            yield number, (text, raw, now)

    def judge(self, failures: Sequence[Failure], line: str, now: float, live: bool) -> list[Effect]:
        """Return what follows from what the filter found in a line."""
        effects: list[Effect] = []
        try:
            for failure in failures:
                effects += self._take(failure, now, live)
        except Exception as error:  # noqa: BLE001 - see there
            return self._faulty(error, line, now)
        return effects

    def _faulty(self, error: Exception, line: str, now: float) -> list[Effect]:
        """Return what follows from a fault with a line: it costs this jail the line, and the other jails nothing."""
        if isinstance(error, Runaway):
            return self.lose(error, line, now)
        return [Broke(self.name, line, f"{type(error).__name__}: {error}")]

    def hear(self, event: Found | Ban, now: float) -> list[Effect]:
        """Return what follows from what another jail found or banned, if the filter listens to that one."""
        if not is_listener(self.filter) or event.jail not in self.listens:
            return []
        return [effect for failure in self.filter.hear(event) for effect in self._take(failure, now, True)]

    def _take(self, failure: Failure, now: float, live: bool) -> list[Effect]:
        if failure.time is None and failure.attempts > 0:
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
        if failure.attempts in (SUCCESS, LOGIN):
            effects = self._arrived(failure, now)
            if failure.attempts == SUCCESS:
                effects += self._forgive(failure)
        else:
            effects = self._sentence(failure, now)
        self.trace.note(failure, effects, now, self.counter)
        return effects

    def _sentence(self, failure: Failure, now: float) -> list[Effect]:
        """Spare whom the allow list names, ask where it does not say, and count the others."""
        known = self._verdicts.get(failure, now) if self._verdicts.kept else None
        if known is None:
            by = self._spared(failure.id, failure.host)
            if by is None and self.spec.ignorecommand:
                return [Judge(self.spec.name, failure)]
            if self._verdicts.kept:
                self._verdicts.put(failure, by is not None, now)
            if by is not None:
                return [Ignored(self.spec.name, failure.id, by)]
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
        spec, seen, time = self.spec, failure.id, failure.time
        if time is None or time > now:
            time = now
        key = self._widened(seen)
        if key != seen:
            failure = failure._replace(id=key, host=key)
        effects: list[Effect] = [Found(spec.name, key, time, "" if key == seen else seen, failure.by_hand)]
        tally = self.counter.add(failure, time)
        if spec.increment.enabled:
            known = self.custody.known(key, time)
            effects += known
            if known and tally is None:
                tally = self.counter.more(key, known[0].worth - 1)
                failure = failure._replace(attempts=failure.attempts + known[0].worth - 1)
        if tally is not None:
            if self._pardons is not None:
                self._pardons.forget(key)
            return effects + self.custody.sentence(tally, now)
        if self._pardons is not None:
            self._pardons.note(key, Counted(time, seen, lean(failure)), time - self.counter.findtime)
        return effects

    def _arrived(self, success: Failure, now: float) -> list[Effect]:
        """Take note of a login, for whom a ban would hit."""
        address, time = success.host or success.id, success.time
        if time is None or time > now:
            time = now
        caught = success.captures.get("user", "")
        user = caught if isinstance(caught, str) else ""
        if not self._others.arrivals.note(Arrival(address, user, time)):
            return []
        return [Arrived(self.spec.name, address, time, user)]

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
        if spec.prefix4 == net.BITS[4] and (":" not in key or spec.prefix6 == net.BITS[6]):
            return key
        length = {4: spec.prefix4, 6: spec.prefix6}.get(net.family(key))
        network = None if length is None or "/" in key else net.network(f"{key}/{length}")
        if network is None or self.allow.touches(network) or self.custody.touches_protected(network):
            return key
        return key if self.custody.refuses(network) else network

    # ---- bans ----

    def protects(self, key: str) -> str:
        """Return why no filter may ban an address, or a network; empty if it may."""
        return self.custody.protects(key)

    def ban(self, key: str, now: float, duration: float | None = None) -> list[Effect]:
        """Ban by hand, allow list or not; who is banned already stays so for longer, if this ban ends later."""
        return self.custody.ban(key, now, duration)

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

    def adopt(self, ban: Ban) -> list[Effect]:
        """Take over a ban of another host as it is; who is banned already stays so for longer, if this ends later."""
        return self.custody.adopt(ban)

    def lift(self, key: str, before: float, by: str) -> list[Unban]:
        """Lift the ban of exactly this id on another's word (`by`), unless it is of a time after that."""
        ban = self.ledger.get(key)
        if ban is None or ban.time > before or ban.listed:
            return []
        self.ledger.lift(key)
        self.counter.forget(key)
        return [Unban(ban, forget=True, by=by)]

    def prospect(self, key: str, now: float) -> Ban:
        """Return the ban that an id would get now, with its length; nothing comes into force."""
        return self.custody.prospect(key, now)

    def why_spared(self, key: str) -> str:
        """Return by what the allow list spares an id, in Fail2Ban's word; empty if it does not."""
        return self._spared(key, key) or ""

    def counted_as(self, key: str) -> str:
        """Return whom an id is counted for: itself, or the network that counts as one."""
        return self._widened(key)

    def worth(self, key: str, now: float) -> int:
        """Return what one failure of an id counts for now."""
        known = self.custody.known(key, now) if self.spec.increment.enabled else []
        return known[0].worth if known else 1

    def _held(self, key: str) -> list[Ban]:
        """Return the bans of an id, of all inside it, or of the network that it was counted with."""
        return self.ledger.inside(key) or self.ledger.inside(self._widened(key))

    def restore(self, bans: Sequence[Remnant], recall: Callable[[Ban], Ban] = lambda ban: ban) -> list[Effect]:
        """Take over the bans of an earlier server; those whom the allow list spares by now are left out.

        `recall` returns a ban with what led to it, which `ignorecommand` is told.
        """
        effects: list[Effect] = []
        kept = []
        for one in bans:
            by = self._spared(one.id, one.host)
            if by:
                effects.append(Ignored(self.name, one.id, by))
            else:
                kept.append(one)
        self.custody.restore(kept)
        for one in kept if self.spec.ignorecommand else ():
            ban = recall(one.ban(self.name))
            failure = Failure(ban.id, ban.host, ban.time, ban.matches, ban.captures)
            effects.append(Judge(self.name, failure, one.ban(self.name)))
        return effects

    def hold(self, keys: Collection[str], now: float) -> list[Effect]:
        """Keep out, from now on, exactly these of all that a list may name: addresses and networks."""
        wanted = {key for key in keys if not (self.allow.touches(key) if "/" in key else self.allow.why(key))}
        return self.custody.hold(wanted, len(keys) - len(wanted), now)

    def tick(self, now: float, most: float = float("inf")) -> list[Unban]:
        """Return the bans that are over, or so many of them, and forget counters that are."""
        if now - self._purged >= PURGE_S or now < self._purged:
            self._purged = now
            self.counter.purge(now)
            self._others.arrivals.purge(now)
            if self._pardons is not None:
                self._pardons.purge(self.counter)
        return self.release(now, most)

    def release(self, now: float, most: float = float("inf")) -> list[Unban]:
        """Return the bans that are over, or so many of them."""
        self.patience.tick(now)
        return [Unban(ban) for ban in self.ledger.expire(now, most)]

    def set_bantime(self, seconds: float) -> list[Effect]:
        """Change the ban time, for running bans too unless theirs is their own."""
        self.spec = replace(self.spec, bantime=seconds)
        return self.custody.change(self.spec)

    def change(self, spec: JailSpec, filter_: Filter) -> list[Effect]:
        """Go on by a new specification, with the same bans and counters. Raises ConfigError, with nothing changed."""
        old, effects = self.spec, self.custody.change(spec)
        if filter_ is not self.filter:
            self.patience = Patience()
        self.spec, self.filter = spec, filter_
        self.listens = _listened(filter_)
        if _forgives(spec.filter) != (self._pardons is not None):
            self._pardons = Pardons() if _forgives(spec.filter) else None
        self.allow = AllowList(spec.ignoreip)
        self.proxies = self._others.proxies(spec.name, _proxies(spec))
        if spec.ignorecache != old.ignorecache:
            self._verdicts = Verdicts(spec.ignorecache)
        if spec.counting != old.counting:
            counter, self.counter = self.counter, _counter(spec)
            self.counter.restore(counter.tallies())
            self.counter.total, self.counter.most = counter.total, counter.most
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


def _proxies(spec: JailSpec) -> tuple[str, ...]:
    """Return the proxies that a jail names, those that its filter trusts included."""
    return (*spec.proxies, *_trusted(spec.filter))


def _trusted(spec: FilterSpec) -> Iterator[str]:
    if "trustedproxies" in spec.options:
        yield from (found for word in words(spec.options["trustedproxies"].value) if (found := net.network(word)))
    for base in spec.base:
        yield from _trusted(base)


def _forgives(spec: FilterSpec) -> bool:
    """Whether a filter knows successes."""
    return any(name in spec.options for name in ("okregex", "okstatus")) or any(map(_forgives, spec.base))
