"""Reading in slices: everybody gets their turn, and the loop sees to other things in between."""

from __future__ import annotations

import time

from f2b.loop import Loop
from f2b.source.turn import Turns


def test_reader_when_it_always_has_more_then_the_loop_comes_back_each_slice() -> None:
    loop = Loop()
    turns = Turns(loop)
    calls: list[int] = []

    def slow() -> None:
        calls.append(len(calls))
        time.sleep(0.002)
        turns.ask(slow)

    turns.ask(slow)
    for turn in range(1, 4):
        before = len(calls)
        loop.turn(20)
        assert 1 <= len(calls) - before <= 4, turn
    loop.close()


def test_readers_when_several_have_more_then_in_turn_and_those_forgotten_not_at_all() -> None:
    loop = Loop()
    turns = Turns(loop)
    calls: list[str] = []

    def first() -> None:
        calls.append("first")
        if len(calls) < 6:
            turns.ask(first)

    def second() -> None:
        calls.append("second")
        turns.ask(second)
        if len(calls) > 4:
            turns.forget(second)

    for _ in range(2):  # asking twice is asking once
        turns.ask(first)
        turns.ask(second)
    while len(calls) < 7:
        loop.turn(20)
    loop.turn(0)
    assert calls == ["first", "second"] * 3 + ["first"]
    loop.close()


def test_reader_when_it_fails_then_the_others_still_read() -> None:
    faults: list[Exception] = []
    loop = Loop(faults.append)
    calls: list[str] = []
    turns = Turns(loop)

    def bad() -> None:
        raise ValueError("bad")

    turns.ask(bad)
    turns.ask(lambda: calls.append("good"))
    while not calls:
        loop.turn(20)
    assert len(faults) == 1
    loop.close()
