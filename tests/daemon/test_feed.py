from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.control.event import said
from f2b.daemon import feed
from f2b.daemon.feed import KINDS, PAUSE_S, SOON_S, WINDOW_S, Feed, Told
from f2b.events import Ban, Collateral, Effect, Found, Ignored, Unban

BAN = Ban("app", "192.0.2.1", 100.0, 600)
FOUND = Found("app", "192.0.2.1", 100.0)


class Clock:
    """Calls things later, when the test says that it is later."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._calls: list[tuple[float, Callable[[], object]]] = []

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        self._calls.append((self.now + seconds, call))

    def go(self, seconds: float = 0) -> None:
        """Let time pass, and everything happen that is due."""
        end = self.now + seconds
        while due := sorted((each for each in self._calls if each[0] <= end), key=lambda each: each[0]):
            self._calls.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][1]()
        self.now = end


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> Feed:
    return Feed("e", clock.later, lambda: clock.now)


def kinds_of(batch: feed.Batch) -> list[str]:
    return [feed.kind(entry.event) for entry in batch.entries]


def test_feed_when_a_ban_hits_others_then_it_is_told_only_if_it_is_refused(ring: Feed) -> None:
    ring.note([Collateral("app", "192.0.2.0/24", ("a proxy",), refused=False)], 1000.0)
    refused = Collateral("app", "192.0.2.0/24", ("a proxy", "the gateway"), refused=True)
    ring.note([refused], 1000.0)
    (entry,) = ring.read(0, KINDS, 100).entries
    told = said(entry, "e")
    assert (told["event"], told["jail"], told["id"]) == ("refused", "app", "192.0.2.0/24")
    assert told["reason"] == "it would hit a proxy, the gateway, too"


def test_feed_when_read_then_it_has_what_was_noted_in_its_order(ring: Feed) -> None:
    ring.note([FOUND, Ignored("app", "192.0.2.2", "ip"), FOUND, BAN], 1000.0)
    ring.note([Unban(BAN), Told("error", "app", "oh")], 1001.0)
    batch = ring.read(0, KINDS, 100)
    assert kinds_of(batch) == ["found", "found", "ban", "unban", "error"]
    assert [entry.number for entry in batch.entries] == [1, 2, 3, 4, 5]
    assert batch.last == 5
    assert not batch.missed
    assert kinds_of(ring.read(2, ("ban", "unban"), 100)) == ["ban", "unban"]
    assert kinds_of(ring.read(0, ("found",), 1)) == ["found"]


def test_feed_when_failures_come_in_floods_then_bans_are_kept(ring: Feed) -> None:
    ring.note([BAN], 1000.0)
    for turn in range(200):
        ring.note([FOUND] * 1000, 1000.0 + turn / 100)
    assert kinds_of(ring.read(0, ("ban",), 10)) == ["ban"]
    assert not ring.read(0, ("ban",), 10).missed
    flood = ring.read(0, KINDS, 1_000_000)
    assert flood.missed
    assert len(flood.entries) <= feed.MOST + 1


def test_feed_when_ten_minutes_pass_then_nothing_is_kept_and_a_late_reader_is_told(ring: Feed, clock: Clock) -> None:
    ring.note([BAN, FOUND], clock.now)
    clock.go(WINDOW_S - 1)
    assert not ring.read(0, KINDS, 10).missed
    clock.go(WINDOW_S)
    batch = ring.read(0, KINDS, 10)
    assert batch.missed
    assert not batch.entries
    assert not ring.read(batch.last, KINDS, 10).missed


def test_feed_when_asked_by_time_then_it_begins_there(ring: Feed) -> None:
    for second in range(10):
        ring.note([BAN if second % 2 else FOUND], 1000.0 + second)
    assert [entry.time for entry in ring.read(ring.number_at(1006.0, KINDS), KINDS, 10).entries] == [
        1006.0,
        1007.0,
        1008.0,
        1009.0,
    ]
    assert ring.number_at(999.0, KINDS) == 0
    assert ring.number_at(2000.0, KINDS) == ring.last


def test_feed_when_somebody_waits_then_only_what_he_wants_wakes_him(ring: Feed, clock: Clock) -> None:
    woken: list[str] = []
    ring.wait(30, 0, ("ban",), lambda: woken.append("ban"))
    ring.wait(30, 0, KINDS, lambda: woken.append("all"))
    ring.wait(30, 0, ("down",), lambda: woken.append("late"))
    ring.note([FOUND], clock.now)
    assert not woken  # not within the turn that bans
    clock.go(SOON_S)
    assert woken == ["all"]
    ring.wait(30, ring.last, KINDS, lambda: woken.append("again"))
    ring.note([BAN], clock.now)
    clock.go(SOON_S)
    assert woken == ["all"]  # they rest
    clock.go(PAUSE_S)
    assert woken == ["all", "ban", "again"]
    clock.go(31)
    assert woken == ["all", "ban", "again", "late"]
    ring.wait(30, 0, ("ban",), lambda: woken.append("old"))
    assert len(woken) == 4
    clock.go(SOON_S)
    assert woken[4:] == ["old"]


@settings(max_examples=50)
@given(
    st.lists(
        st.one_of(
            st.lists(st.sampled_from([FOUND, BAN, Unban(BAN)]), max_size=5),
            st.tuples(st.integers(1, 7), st.floats(0, 700)),
        ),
        max_size=40,
    )
)
def test_feed_when_read_bit_by_bit_then_nothing_comes_twice_and_what_is_missing_is_told(
    script: list[list[Effect] | tuple[int, float]],
) -> None:
    clock = Clock()
    ring = Feed("e", clock.later, lambda: clock.now)
    noted, heard, at = 0, 0, 0
    for step in script:
        if isinstance(step, list):
            ring.note(step, clock.now)
            noted += len(step)
            continue
        batch = ring.read(at, KINDS, step[0])
        numbers = [entry.number for entry in batch.entries]
        if not batch.missed:
            assert numbers == list(range(at + 1, at + 1 + len(numbers)))
            assert batch.last == at + len(numbers)
            heard += len(numbers)
        else:
            heard += batch.last - at
        at = batch.last
        clock.go(step[1])
    batch = ring.read(at, KINDS, 1000)
    assert heard + batch.last - at == noted
