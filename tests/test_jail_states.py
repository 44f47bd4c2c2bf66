"""Failures, commands, a clock that steps and restarts in any order, beside a model written from the description.

The model is Fail2Ban's behaviour as observed (see the comments), with f2b's one difference: counts and bans survive.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from f2b.ban.history import Past
from f2b.config.model import FilterSpec, Increment, JailSpec
from f2b.daemon.guard import Guard
from f2b.daemon.outlet import Outlet
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Effect, Failure, Line
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop
from f2b.store import Store

HERE = Place("test")
START = 1_700_000_000
IDS = st.sampled_from(["192.0.2.1", "2001:db8::1"])
FINDTIME, MAXRETRY = 30, 3


class Words:
    """A filter for lines `fail ID`."""

    def needs(self) -> None:
        """Every line may matter."""

    def feed(self, line: Line) -> Sequence[Failure]:
        key = line.text.split()[-1]
        return (Failure(key, key, line.time, (), {}),)


@dataclass
class Count:
    first: int
    last: int
    retry: int


@dataclass(frozen=True)
class Held:
    time: int
    length: int
    count: int
    own: bool
    """No change of the jail's ban time moves it."""

    @property
    def end(self) -> float:
        return float("inf") if self.length < 0 else self.time + self.length


class Model:
    """Who is counted, held and on record."""

    def __init__(self, bantime: int, grows: bool) -> None:
        self.bantime = bantime
        self.grows = grows
        self.counts: dict[str, Count] = {}
        self.held: dict[str, Held] = {}
        self.rows: dict[str, Held] = {}
        """As they would be restored."""

    def fail(self, key: str, time: int, now: int, attempts: int = 1) -> None:
        count = self.counts.get(key)
        if count is None or count.last <= time - FINDTIME:
            count = self.counts[key] = Count(time, time, 0)
        elif time > count.last:
            if count.first < time - FINDTIME:  # scaled to the share that fits into findtime
                count.retry = round(count.retry / (time - count.first) * FINDTIME)
                count.first = time - FINDTIME
            count.last = time
        count.retry += attempts
        earlier = self.held.get(key) or self.rows.get(key)
        if self.grows and earlier and time > earlier.time and count.retry < MAXRETRY:
            count.retry += min(MAXRETRY, 2 ** (earlier.count - 1) + 1) - 1
        if count.retry >= MAXRETRY:
            del self.counts[key]
            self.ban(key, count.last, now)

    def ban(self, key: str, time: int, now: int, length: int | None = None) -> None:
        own = length is not None
        new = Held(time, self.bantime if length is None else length, 1, own)
        held = self.held.get(key)
        if held:
            if new.end > max(held.end, now):
                longer = int(new.end) - held.time if new.length >= 0 else -1
                self.held[key] = replace(held, length=longer, own=held.own or own)
                self.rows[key] = replace(self.held[key], own=True)  # prolonged: kept as long over a restart
            return
        row = self.rows.get(key) if self.grows else None
        if row and time <= row.time:  # read twice
            new = replace(new, count=row.count, length=row.length, own=True)
        elif row:
            grown = new.length if own or new.length < 0 else new.length * 2 ** min(row.count, 20)
            new = replace(new, count=row.count + 1, length=grown, own=own or new.length != grown)
        if new.end > now:
            self.held[key] = new
            self.rows[key] = replace(new, own=own)

    def unban(self, key: str) -> None:
        self.rows.pop(key, None)  # what is on record goes, banned or not
        if self.held.pop(key, None):
            self.counts.pop(key, None)

    def tick(self, now: int) -> None:
        self.held = {key: held for key, held in self.held.items() if held.end > now}
        self.purge(now)

    def purge(self, now: int) -> None:
        self.counts = {key: count for key, count in self.counts.items() if count.last > now - FINDTIME}

    def set_bantime(self, length: int) -> None:
        self.bantime = length
        for key, held in self.held.items():
            if not held.own:
                self.held[key] = replace(held, length=length)
                self.rows[key] = replace(held, length=length, own=False)

    def restart(self, now: int) -> None:
        """Restored bans end when they would have; a jail's shorter ban time cuts those that are not their own."""
        self.held = {}
        self.purge(now)
        for key, row in self.rows.items():
            own = row.own or self.grows
            cut = not own and self.bantime >= 0 and not 0 <= row.length <= self.bantime
            held = replace(row, length=self.bantime if cut else row.length, own=own)
            if row.end > now and held.end > now:
                self.held[key] = held


class Bans(RuleBasedStateMachine):
    """One jail with its real store, and the model."""

    @initialize(bantime=st.sampled_from([5, 20, 100, -1]), grows=st.booleans())
    def begin(self, bantime: int, grows: bool) -> None:
        handle, self.path = tempfile.mkstemp()
        os.close(handle)
        Path(self.path).unlink()
        self.now = START
        self.model = Model(bantime, grows)
        increment = Increment(grows)
        kind = FilterSpec("words", HERE)
        self.spec = JailSpec(
            "j", HERE, kind, maxretry=MAXRETRY, findtime=FINDTIME, bantime=bantime, increment=increment
        )
        self.open()

    def open(self) -> None:
        self.store = Store(self.path)
        self.engine = Engine()
        ledgers = self.engine.jails
        past = Past(self.store.history, lambda: [jail.ledger for jail in ledgers.values()])
        self.jail = Jail(self.spec, Words(), past)
        self.engine.add(self.jail)
        self.loop, log = Loop(), Log(os.devnull)
        self.outlet = Outlet(self.engine, self.store, log, lambda resolve: None, lambda asked: None)
        self.outlet.guards["j"] = Guard("j", [], self.jail.ledger, self.loop, log)
        self.jail.restore([*self.store.restore("j", self.now, self.spec.bantime, self.spec.increment.enabled)])
        self.jail.counter.restore(self.store.load_counters("j"))
        self.jail.counter.purge(self.now)

    def carry(self, effects: Sequence[Effect]) -> None:
        self.outlet.carry(effects)

    @rule(key=IDS, ago=st.integers(0, 40), live=st.booleans())
    def fails(self, key: str, ago: int, live: bool) -> None:
        time = self.now - ago
        self.carry(self.jail.feed(Line(f"fail {key}\n", "", time), self.now, live))
        if live or ago <= FINDTIME:
            self.model.fail(key, time, self.now)

    @rule(key=IDS, times=st.integers(2, 4))
    def fails_often(self, key: str, times: int) -> None:
        for _ in range(times):
            self.fails(key, 0, True)

    @rule(key=IDS, lines=st.integers(0, 3))
    def is_told_of(self, key: str, lines: int) -> None:
        self.carry(self.jail.attempt(key, ["x"] * lines, self.now))
        self.model.fail(key, self.now, self.now, max(1, lines))

    @rule(key=IDS, length=st.sampled_from([None, 3, 50, -1]))
    def is_banned(self, key: str, length: int | None) -> None:
        self.carry(self.jail.ban(key, self.now, length))
        self.model.ban(key, self.now, self.now, length)

    @rule(key=IDS)
    def is_freed(self, key: str) -> None:
        self.carry(self.jail.unban([key]))
        self.model.unban(key)

    @rule(length=st.sampled_from([5, 20, 100, -1]))
    def bantime_is_set(self, length: int) -> None:
        self.carry(self.jail.set_bantime(length))
        self.spec = self.jail.spec
        self.model.set_bantime(length)

    @rule(seconds=st.one_of(st.integers(1, 50), st.integers(-20, 2000)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.model.tick(self.now)
        self.jail.counter.purge(self.now)
        self.carry(self.jail.tick(self.now))

    @rule()
    def restarts(self) -> None:
        self.close()
        self.open()
        self.model.restart(self.now)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        held = {ban.id: (ban.time, ban.duration, ban.count) for ban in self.jail.ledger}
        assert held == {key: (it.time, it.length, it.count) for key, it in self.model.held.items()}
        counts = {key: (it.first, it.last, it.retry) for key, it in self.jail.counter.tallies().items()}
        assert counts == {key: (it.first, it.last, it.retry) for key, it in self.model.counts.items()}
        rows = {key: found["j"] for key in ("192.0.2.1", "2001:db8::1") if (found := self.store.history(key))}
        assert rows == {key: (it.count, it.time, it.length) for key, it in self.model.rows.items()}

    def close(self) -> None:
        self.store.close()
        self.loop.close()

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.close()
            for left in Path(self.path).parent.glob(f"{Path(self.path).name}*"):
                left.unlink()


TestBans = Bans.TestCase
TestBans.settings = settings(stateful_step_count=30)
