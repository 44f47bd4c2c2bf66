"""When what happens is written down: at once, unless failures come too fast for that."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from f2b.ban.collateral import Arrival
from f2b.config.model import FilterSpec, JailSpec
from f2b.daemon.announce import announce
from f2b.daemon.guard import Guard
from f2b.daemon.outlet import MOST_COUNTS, PAUSE_S, Outlet, Read
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Arrived, Ban, Failure, Found, Ignored, Line, Unban
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop
from f2b.source.position import Position
from f2b.store import Store

HERE = Place("jail.conf")


class Words:
    """A filter that takes every line for a failure of who it names."""

    def feed(self, line: Line) -> list[Failure]:
        who = line.text.strip()
        return [Failure(who, who, line.time, (line.text,), {})]

    def needs(self) -> None:
        return None


class Scene:
    """A jail whose failures are carried out, and a clock that is turned by hand."""

    def __init__(self, path: Path) -> None:
        self.due: list[tuple[float, Callable[[], object]]] = []
        self.store, self.loop = Store(str(path)), Loop()
        self.jail = Jail(JailSpec("j", HERE, FilterSpec("words", HERE), maxretry=3), Words())
        engine, log = Engine(), Log(os.devnull)
        engine.add(self.jail)
        self.outlet = Outlet(
            engine, self.store, log, lambda _: None, lambda _: None, lambda *call: self.due.append(call)
        )
        self.outlet.guards["j"] = Guard("j", [], self.jail.ledger, self.loop, log)
        self.at = 0

    def fail(self, who: str) -> None:
        self.at += 100
        effects = self.jail.feed(Line(f"{who}\n", who, 1000.0), 1000.0, live=True)
        self.outlet.carry(effects, [Read("j", "log", Position("x", self.at, 1))])

    def saved(self) -> tuple[int, dict[str, int]]:
        """Return how far was read, and who has how many failures, by the database."""
        position = self.store.position("j", "log")
        assert position
        return position.offset, {who: tally.retry for who, tally in self.store.load_counters("j").items()}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "db")
    yield made
    made.store.close()
    made.loop.close()


def test_failures_when_they_come_fast_then_they_are_saved_together_with_their_position(scene: Scene) -> None:
    scene.fail("192.0.2.1")
    assert scene.saved() == (100, {"192.0.2.1": 1})
    scene.outlet._saved = Loop.elapsed() + 60  # however slow this machine is
    scene.fail("192.0.2.1")
    scene.fail("192.0.2.2")
    assert scene.saved() == (100, {"192.0.2.1": 1})
    ((_, call),) = scene.due
    call()
    assert scene.saved() == (300, {"192.0.2.1": 2, "192.0.2.2": 1})


def test_ban_when_failures_wait_then_all_of_it_is_saved_at_once(scene: Scene) -> None:
    scene.fail("192.0.2.1")
    scene.outlet._saved = Loop.elapsed() + 60
    for who in ("192.0.2.2", "192.0.2.1", "192.0.2.1"):
        scene.fail(who)
    assert scene.saved() == (400, {"192.0.2.2": 1})
    assert [ban.id for ban in scene.store.bans_of("192.0.2.1")] == ["192.0.2.1"]


def test_failures_when_many_ids_wait_then_they_are_saved_in_small_parts(scene: Scene) -> None:
    scene.fail("192.0.2.1")
    scene.outlet._saved = Loop.elapsed() + 60
    for number in range(MOST_COUNTS - 1):
        scene.fail(f"198.18.{number >> 8}.{number & 255}")
    assert scene.saved() == (100, {"192.0.2.1": 1})
    scene.fail("192.0.2.2")
    offset, counts = scene.saved()
    assert (offset, len(counts)) == (100 * (MOST_COUNTS + 1), MOST_COUNTS + 1)
    scene.outlet._saved = Loop.elapsed() + 60
    scene.fail("192.0.2.3")
    assert "192.0.2.3" not in scene.saved()[1]


def test_failure_when_the_last_is_long_ago_then_it_is_saved_at_once(scene: Scene) -> None:
    scene.fail("192.0.2.1")
    scene.outlet._saved -= PAUSE_S
    scene.fail("192.0.2.1")
    assert scene.saved() == (200, {"192.0.2.1": 2})


def test_login_when_failures_have_just_been_saved_then_it_is_saved_with_the_next_ones(scene: Scene) -> None:
    scene.fail("192.0.2.1")
    scene.outlet._saved = Loop.elapsed() + 60
    scene.outlet.carry([Arrived("j", "198.51.100.7", 1000.0, "ann")])
    ((_, call),) = scene.due
    call()
    assert scene.store.arrivals(0.0) == [Arrival("198.51.100.7", "ann", 1000.0)]


def test_storm_when_it_is_told_then_every_line_is_in_its_place(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    ban = Ban("j", "192.0.2.9", 1000.0, 600.0)
    found = [Found("j", f"198.18.{number >> 8}.{number & 255}", 1000.0 + number) for number in range(1200)]
    announce(
        log, [*found, ban, Arrived("j", "192.0.2.1", 1.0, "ann"), Ignored("j", "192.0.2.2", "ip"), *found, Unban(ban)]
    )
    said = [line.split("[j] ")[1].split(" - ")[0] for line in (tmp_path / "log").read_text().splitlines()]
    each = [f"Found {effect.id}" for effect in found]
    assert said == [*each, "Ban 192.0.2.9", "Ignore 192.0.2.2 by ip", *each, "Unban 192.0.2.9"]
