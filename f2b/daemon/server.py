"""The server: owns every jail with its firewalls and sources, and carries what happens from one to the other.

A turn of the loop: a source hands over a chunk, the engine says what follows, the outlet does it. What people ask
of a server while it runs is in `front`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from random import Random
from typing import TypeVar

from f2b import memory
from f2b.ban.collateral import DAY_S, Arrival, Others
from f2b.ban.counter import MOST
from f2b.ban.history import History, Past
from f2b.ban.packed import FULL, Remnant
from f2b.ban.protected import Protected
from f2b.config.model import JailSpec, Problem, ServerSpec, Settings
from f2b.daemon import assemble, chronicle
from f2b.daemon.announce import announce, announce_restored
from f2b.daemon.feed import Feed
from f2b.daemon.guard import Guard
from f2b.daemon.inquiry import Inquiry
from f2b.daemon.intake import Intake, reads
from f2b.daemon.lookup import Lookup
from f2b.daemon.outlet import Heard, Outlet, Read
from f2b.daemon.protection import Guardian
from f2b.daemon.silence import Silence
from f2b.daemon.standing import Standing
from f2b.daemon.upkeep import Upkeep
from f2b.daemon.watchdog import Watchdog
from f2b.engine import Engine
from f2b.errors import ActionError, ControlError, StoreError
from f2b.events import Effect, Judge, Unban
from f2b.filter.build import inherit
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop
from f2b.store import Store
from f2b.value import replace

Answer = TypeVar("Answer")

RESTORED = 1000
"""So many bans are taken over at a time."""


class Server:
    """Everything that runs. `broken` says by jail what keeps it, or one of its actions, down."""

    def __init__(
        self, settings: Settings, make: assemble.Maker, store: Store, loop: Loop, log: Log, gap_s: float | None = None
    ) -> None:
        """`make` builds an action's firewall. In a round (`daemon.round`) `gap_s` is for how long nobody has read."""
        self._gap_s = gap_s
        self.settings = settings
        self.broken: dict[str, list[Problem]] = {}
        self.resting: set[str] = set()
        """Jails that were told to read nothing for now."""
        self._begun: set[str] = set()
        self._leaving: list[Guard] = []
        """Of jails that are gone, with actions that are not through with that."""
        self.loop = loop
        self.log = log
        self._make = make
        self._store = store
        self.engine = Engine()
        self._lookup = Lookup(self.engine, loop, log, self.take, self._complete)
        self._inquiry = Inquiry(self.engine, loop, log, self.take)
        self.outlet = Outlet(self.engine, store, log, self._lookup.resolve, self._inquiry.ask, loop.after)
        self._past = Past(self._earlier, lambda: [jail.ledger for jail in self.engine.jails.values()])
        self._chance = Random()
        self.feed = Feed(f"{self._chance.getrandbits(48):012x}", loop.after, loop.elapsed)
        self._standing = Standing(self.feed, self._failures, loop, log)
        self.guardian = Guardian(loop)
        """Knows whom no filter may ban."""
        self._others = Others(self.guardian.gateways)
        self._upkeep = Upkeep(self.engine, self.outlet, self._lookup, store, loop, self.take)
        self.intake = Intake(self.engine, store, loop, log, self.take)
        self.watchdog = Watchdog(self.outlet, self.intake.tails, loop, log)
        self.silence = Silence(self.engine, self.intake, store, loop, log)

    # ---- life ----

    def start(self, together: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        """Set every jail up: bans of earlier servers first, then the logs.

        What firewalls do within `together` may be carried out at its end.
        """
        for problem in self.settings.problems:
            self._tell(problem)
        self.guardian.allow(self.allowed())
        nobody: list[Arrival] = []
        for one in self._asked(lambda: self._store.arrivals(self.loop.now() - DAY_S), nobody):
            self._others.arrivals.note(one)
        specs = list(self.settings.jails)
        if any(self._stored(assemble.manual())):
            specs.append(assemble.manual())
        ready: list[JailSpec] = []
        try:
            with together():
                ready += [spec for spec in specs if self._set_up(spec)]
        except ActionError:  # each by itself, to see whose fault it is
            for guard in self.outlet.guards.values():
                guard.set_up_again()
        self._upkeep.purgeage = self.settings.server.dbpurgeage
        self._upkeep.start()
        self._lookup.wait()
        for spec in ready:
            self._begin(spec)
        self._standing.start()
        self.silence.start()

    def gone(self) -> list[str]:
        """Return the jails that the database knows and the configuration no longer does."""
        known = {*self.engine.jails, *self.broken, *(problem.jail for problem in self.settings.problems)}
        nobody: list[str] = []
        return [name for name in self._asked(self._store.jails, nobody) if name not in known]

    def shut(self, keep: bool) -> None:
        """Stop reading and take down the firewalls; with `keep`, leave bans in the kernel."""
        self._upkeep.stop()
        self._standing.stop()
        self.silence.stop()
        self.watchdog.stop()
        self.log.info("server", "Stopping all jails")
        for name, jail in self.engine.jails.items():
            guard = self.outlet.guards[name]
            chronicle.moves(self.log, self.intake.view(name).files, {})
            guard.stop(keep)
            chronicle.ends(self.log, name, () if keep and guard.keeps else jail.ledger)
        self.intake.close()
        self._inquiry.close()

    @property
    def waiting(self) -> bool:
        """Whether somebody's address or judgement is still being asked for."""
        return self._lookup.pending or self._inquiry.pending

    @property
    def busy(self) -> bool:
        """Whether some action has not done yet what it was asked for."""
        return any(guard.busy for guard in (*self.outlet.guards.values(), *self._leaving))

    def abandon(self) -> None:
        """Give up what actions have not done yet."""
        for guard in (*self.outlet.guards.values(), *self._leaving):
            guard.abandon()

    def add(self, spec: JailSpec, resting: bool = False) -> None:
        """Set one jail up and let it read, or rest."""
        if self._set_up(spec):
            bans = [ban for ban in self.engine.jails[spec.name].ledger if not ban.listed]
            self.feed.note(bans, self.loop.now())
            if resting:
                self.resting.add(spec.name)
            else:
                self._begin(spec)

    def rest(self, name: str) -> None:
        """Let a jail read nothing until it is woken; its bans end in their time."""
        self.resting.add(name)
        self.intake.leave(name)

    def wake(self, name: str) -> None:
        """Let a jail that rests read on from where it stopped."""
        if name in self.resting:
            self.resting.remove(name)
            self._begin(self.engine.jails[name].spec)

    def _begin(self, spec: JailSpec) -> None:
        if spec.name in self._lookup.lacking:
            return  # `_complete` begins it
        self.intake.follow(spec)
        name = spec.name
        if name not in self._begun:
            self._begun.add(name)
            chronicle.begins(self.log, spec, self.intake.view(name), self.intake.positions(name))

    def _complete(self, name: str) -> None:
        """A jail has all files that its filter judges by: it reads now, from where it would have begun."""
        if name not in self.resting:
            self.log.info("filter", f"[{name}] all that its filter judges by is there now")
            self._begin(self.engine.jails[name].spec)

    def lacks(self, name: str) -> str:
        """Return what a jail's filter waits for; empty if nothing."""
        return "; ".join(map(str, self._lookup.lacking.get(name, ())))

    def failing(self, name: str) -> str:
        """Return why a jail, or one of its actions, does not work; empty if all of it does."""
        guard = self.outlet.guards.get(name)
        broken = [str(it) for it in self.broken.get(name, []) if it.severity == "error"]
        return "; ".join([*(guard.faults if guard else ()), *broken])

    def _failures(self) -> dict[str, str]:
        return {name: self.failing(name) for name in {**self.engine.jails, **self.broken}}

    def _set_up(self, spec: JailSpec) -> bool:
        """Make one jail ready, with the bans it had; what is wrong with it keeps it down, and only it."""
        self._standing.look_soon()
        self.log.info("jail", f"Creating new jail '{spec.name}'")
        jail, problems = assemble.build_jail(
            spec, self._past, self._chance, partial(self._protected, spec.name), self._others
        )
        firewalls, more = assemble.build_firewalls(spec, self._make) if jail else ([], [])
        self.broken.pop(spec.name, None)
        if problems or more:
            self.broken[spec.name] = [*problems, *more]
        for problem in (*problems, *more):
            self._tell(problem)
        if jail is None:
            return False
        jail.gap_s = self._gap_s or 0.0
        jail.counter.most = memory.room(len(self.settings.jails), MOST)
        jail.ledger.keep(memory.lines(len(self.settings.jails), FULL))
        self.engine.add(jail)
        self._asked(lambda: self._store.enable(spec.name), None)
        guard = Guard(spec.name, firewalls, jail.ledger, self.loop, self.log, self._store.recall)
        self.outlet.guards[spec.name] = guard
        self._lookup.refresh(jail)
        for problem in self._lookup.lacking.get(spec.name, ()):
            self._tell(problem)
        effects = [*self._restore(jail), *self._lookup.listed(jail)]
        jail.counter.restore(self._asked(lambda: self._store.load_counters(spec.name), {}))
        guard.start()  # before anything is told: of thousands that takes longer than banning them
        if self._gap_s is None:  # each round would tell of all of them again
            announce_restored(self.log, spec.name, jail.ledger.restored())
        announce(self.log, effects)
        for effect in effects:
            if isinstance(effect, Judge):
                self._inquiry.ask(effect)
        return True

    def change(self, spec: JailSpec) -> None:
        """Let a jail go on by a new specification: same bans, same counters; firewalls only if theirs changed."""
        jail = self.engine.jails[spec.name]
        old = jail.spec
        found, _ = assemble.build_filter(spec)
        if found is None:
            return  # `front` has refused it
        self.broken.pop(spec.name, None)
        moved = reads(spec) != reads(old) and spec.name not in self.resting
        files = self.intake.view(spec.name).files
        if moved:
            self.intake.leave(spec.name)
        if spec.filter != old.filter:
            inherit(spec.filter, found, jail.filter)
        effects = jail.change(spec, found if spec.filter != old.filter else jail.filter)
        if spec.actions != old.actions:
            self._change_firewalls(spec, old)
        self._lookup.refresh(jail)
        effects += self._lookup.listed(jail)
        if moved:
            self.intake.follow(spec)
            chronicle.moves(self.log, files, self.intake.positions(spec.name))
        self.take(effects)

    def _change_firewalls(self, spec: JailSpec, old: JailSpec) -> None:
        guard = self.outlet.guards[spec.name]
        new = [action for action in spec.actions if action not in old.actions]
        gone = [action.name for action in old.actions if action not in spec.actions]
        firewalls, problems = assemble.build_firewalls(replace(spec, actions=tuple(new)), self._make)
        if problems:
            self.broken[spec.name] = problems
        guard.change(gone, firewalls, [action.name for action in spec.actions])

    def remove(self, name: str) -> None:
        """Take one jail down: its bans are lifted, and come back when it does."""
        paths = self.intake.view(name).files
        self.intake.leave(name)
        self.resting.discard(name)
        self._begun.discard(name)
        self._lookup.forget(name)
        jail = self.engine.remove(name)
        self._others.proxies(name, ())
        self.feed.note([Unban(ban) for ban in jail.ledger if not ban.listed], self.loop.now())
        self._standing.look_soon()
        guard = self.outlet.guards.pop(name)
        chronicle.moves(self.log, paths, {})
        guard.stop(keep=False)
        self._leaving = [each for each in (*self._leaving, guard) if each.busy]
        self._asked(lambda: self._store.enable(name, False), None)
        chronicle.ends(self.log, name, jail.ledger)

    def tune(self, spec: ServerSpec) -> None:
        """Let this hold for the whole server from now on. Raises ControlError, with nothing changed, if the log
        cannot be written so."""
        old = self.settings.server
        if (spec.logtarget, spec.syslogsocket) != (old.logtarget, old.syslogsocket):
            self._open_log(spec)
        try:
            self.log.set_level(spec.loglevel)
        except KeyError:
            raise ControlError(f"Invalid log level {spec.loglevel!r}") from None
        self._upkeep.purgeage = spec.dbpurgeage
        self._store.most = spec.dbmaxmatches
        self.settings = replace(self.settings, server=spec)

    def _open_log(self, spec: ServerSpec) -> None:
        try:
            self.log.change(spec.logtarget or self.log.target, spec.syslogsocket)
        except OSError as error:
            raise ControlError(f"cannot write the log {spec.logtarget}: {error.strerror}") from None

    def _protected(self, jail: str, groups: Sequence[str]) -> Protected:
        """Return whom a jail must not ban.

        Gateways and this host only where f2b itself shuts packets out; `ignoreself = false` means this host, too.
        """
        guard, judge = self.outlet.guards.get(jail), self.engine.jails.get(jail)
        packets = guard is not None and guard.shuts_out
        return self.guardian.protected(groups, packets, packets and (judge is None or judge.spec.ignoreself))

    def allowed(self) -> dict[str, float]:
        """Return who was allowed by hand, and until when."""
        nobody: dict[str, float] = {}
        return self._asked(lambda: self._store.allowed(self.loop.now()), nobody)

    def allow(self, entries: Mapping[str, float | None]) -> None:
        """Allow these until then, infinity being for good, and no longer those with None."""
        try:
            with self._store.turn():
                for entry, end in entries.items():
                    self._store.allow(entry, end)
        except StoreError as error:
            raise ControlError(f"it could not be saved, so nothing was changed: {error}") from None
        self.guardian.allow(self.allowed())

    def forget(self, configured: Collection[str]) -> None:
        """Speak no more of jails that are no longer in the configuration."""
        self.broken = {name: problems for name, problems in self.broken.items() if name in configured}

    def _restore(self, jail: Jail) -> list[Effect]:
        """Let a jail take over its bans, some at a time: of each only what it keeps shall take memory."""
        bans, effects, cut = self._stored(jail.spec), list[Effect](), 0
        most = memory.bans() - sum(len(each.ledger) for each in self.engine.jails.values() if each is not jail)
        while part := list(islice(bans, RESTORED)):
            effects += jail.restore(part, self._store.recall)
            cut += jail.ledger.cut(max(0, most))
        if cut:
            cure = "give the server more memory (MemoryMax), or ban for a shorter time"
            self.log.warning("server", f"[{jail.name}] Its memory is limited: {cut} bans are not taken over; {cure}")
        return effects

    def _stored(self, spec: JailSpec) -> Iterator[Remnant]:
        """Yield the bans of earlier servers, as many as the database still tells of."""
        grows, most = spec.increment.enabled, spec.increment.maxtime
        try:
            yield from self._store.restore(spec.name, self.loop.now(), spec.bantime, grows, most)
        except StoreError as error:
            self.outlet.store_failed(error)

    def _earlier(self, key: str) -> dict[str, History]:
        nobody: dict[str, History] = {}
        return self._asked(lambda: self._store.history(key), nobody)

    def _asked(self, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Return what the database says, or `otherwise` where it refuses: bans go on without it."""
        try:
            return ask()
        except StoreError as error:
            self.outlet.store_failed(error)
            return otherwise

    def _tell(self, problem: Problem) -> None:
        self.log.tell("server", "ERROR" if problem.severity == "error" else "WARNING", str(problem))

    def take(self, effects: Sequence[Effect], reads: Iterable[Read | Heard] = ()) -> None:
        """Do what follows from a chunk, a deadline or a command, and see when the next ban ends."""
        now = self.loop.now()
        heard = [*effects, *self.engine.hear(effects, now)]
        bans = self.intake.hear(heard)
        heard += [*bans, *self.engine.hear(bans, now)]
        self.outlet.carry(heard, reads)
        self.feed.note(heard, now)
        self._upkeep.look_ahead()
