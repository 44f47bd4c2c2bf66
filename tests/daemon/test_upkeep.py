"""What time brings, in pieces: however much is due at once, each turn of the loop does some of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from f2b import memory
from f2b.ban.counter import PURGED
from f2b.config.model import FilterSpec, JailSpec
from f2b.daemon.lookup import Lookup
from f2b.daemon.outlet import Outlet
from f2b.daemon.upkeep import AT_ONCE, Upkeep
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Ban, Effect, Failure, Line, Unban, Warned
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop
from f2b.store import Store

HERE = Place("jail.conf")
JAILS = ("one", "two", "three")


class Nobody:
    """A filter that finds nothing."""

    def feed(self, line: Line) -> list[Failure]:
        return []

    def needs(self) -> None:
        return None


class Scene:
    """Some jails, and what was taken in each turn of the loop."""

    def __init__(self) -> None:
        self.loop, self.store, self.engine = Loop(), Store(":memory:"), Engine()
        log = Log(os.devnull)
        for name in JAILS:
            self.engine.add(Jail(JailSpec(name, HERE, FilterSpec("nobody", HERE), ignoreself=False), Nobody()))
        self.taken: list[Effect] = []
        outlet = Outlet(self.engine, self.store, log, lambda _: None, lambda _: None)
        lookup = Lookup(self.engine, self.loop, log, self.take, lambda _: None)
        self.upkeep = Upkeep(self.engine, outlet, lookup, self.store, self.loop, self.take)

    def take(self, effects: Sequence[Effect]) -> None:
        self.taken += effects
        self.upkeep.look_ahead()

    def turn(self) -> list[Effect]:
        """Make one turn of the loop, and return what was taken in it."""
        before = len(self.taken)
        self.loop.turn(1)
        return self.taken[before:]


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.upkeep.stop()
    made.store.close()
    made.loop.close()


def test_bans_when_thousands_end_at_once_then_some_are_lifted_in_each_turn_and_all_in_the_end(scene: Scene) -> None:
    ended, many = time.time() - 1, 4 * AT_ONCE + 7
    for number in range(many):
        scene.engine.jails["two"].ledger.put(Ban("two", f"10.0.{number >> 8}.{number & 255}", ended - 9, 9))
    scene.upkeep.start()
    assert 0 < len(scene.taken) <= 2 * AT_ONCE
    turns = 0
    while len(scene.engine.jails["two"].ledger):
        assert len(scene.turn()) <= 2 * AT_ONCE
        turns += 1
        assert turns < 1000
    assert len([effect for effect in scene.taken if isinstance(effect, Unban)]) == many


def test_counts_when_many_are_over_in_each_jail_then_one_jail_is_seen_to_in_a_turn(scene: Scene) -> None:
    for jail in scene.engine.jails.values():
        for number in range(PURGED // 10):
            jail.counter.add(Failure(str(number), None, 0.0, (), {}), 0.0)

    def counted() -> int:
        return sum(len(jail.counter) for jail in scene.engine.jails.values())

    left = [counted()]
    scene.upkeep.start()
    turns = 0
    while left[-1]:
        left.append(counted())
        scene.turn()
        turns += 1
        assert turns < 1000
    steps = [before - after for before, after in pairwise(left)]
    assert max(steps) == PURGED // 10


def test_bans_when_memory_takes_no_more_then_the_oldest_are_lifted_in_pieces_and_that_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_limit", lambda: memory.FIXED)
    most, over = memory.FEWEST, 2 * AT_ONCE + 5
    ledger, now = scene.engine.jails["two"].ledger, time.time()
    ledger.put(Ban("two", "192.0.2.1", now, 600, listed=True))
    for number in range(most + over - 1):
        ledger.put(Ban("two", f"10.0.{number >> 8}.{number & 255}", now, 600))
    scene.upkeep.start()
    turns = 0
    while len(ledger) > most:
        assert len([effect for effect in scene.turn() if isinstance(effect, Unban)]) <= AT_ONCE
        turns += 1
        assert turns < 1000
    lifted = [effect.ban.id for effect in scene.taken if isinstance(effect, Unban)]
    assert lifted == [f"10.0.{number >> 8}.{number & 255}" for number in range(over)]
    assert len([effect for effect in scene.taken if isinstance(effect, Warned)]) == 1
    assert "192.0.2.1" in ledger.ids()
