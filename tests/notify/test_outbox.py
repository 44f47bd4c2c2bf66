from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from f2b.notify.outbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, Outbox
from f2b.notify.wording import Message

NOW = 1_800_000_000.0


def message(key: str) -> Message:
    return Message(key, "title", "text", {"count": 1})


def test_outbox_when_the_target_takes_messages_then_they_go_in_their_order() -> None:
    box = Outbox(10, 600)
    box.put([message("a"), message("b")])
    keys = []
    while found := box.next(NOW):
        keys.append(found.key)
        box.done(NOW)
    assert keys == ["a", "b"]
    assert box.wait_s(NOW) is None


def test_outbox_when_the_target_fails_then_the_pauses_grow_and_it_is_tried_again() -> None:
    box, now = Outbox(10, 600), NOW
    box.put([message("a")])
    pauses = []
    for _ in range(12):
        assert box.next(now) == message("a")
        pauses.append(box.failed(now))
        assert box.next(now) is None
        box = Outbox(10, 600, json.loads(json.dumps(box.saved())))  # killed, and started again
        now += box.wait_s(now) or 0.0
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    box.done(now)
    box.put([message("b")])
    assert box.failed(now) == FIRST_PAUSE_S


def test_outbox_when_the_target_asks_for_a_pause_then_it_gets_it() -> None:
    box = Outbox(10, 600)
    box.put([message("a")])
    assert box.failed(NOW, 77) == 77
    assert box.next(NOW + 76) is None
    assert box.next(NOW + 77) is not None


def test_outbox_when_too_many_wait_then_the_oldest_go() -> None:
    box = Outbox(2, 600)
    assert box.put([message("a"), message("b"), message("c")]) == 1
    found = box.next(NOW)
    assert found
    assert found.key == "b"


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 4))
def test_outbox_when_a_target_comes_and_goes_then_the_limit_holds(
    steps: list[tuple[float, int, bool]], limit: int
) -> None:
    box, now, delivered = Outbox(limit, 600), NOW, list[float]()
    for pause, many, works in steps:
        now += pause
        box.put([message("x")] * many)
        while box.next(now):
            if works:
                box.done(now)
                delivered.append(now)
            else:
                box.failed(now)
    for first in delivered:
        assert len([when for when in delivered if first <= when < first + 600]) <= limit
