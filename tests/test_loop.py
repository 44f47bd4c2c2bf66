"""Waiting: descriptors, deadlines, and callbacks that fail."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from f2b.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_descriptor_calls_back_while_it_is_readable(loop: Loop, pipe: tuple[int, int]) -> None:
    heard: list[bytes] = []
    loop.watch(pipe[0], lambda: heard.append(os.read(pipe[0], 10)))
    loop.turn(0)
    os.write(pipe[1], b"x")
    loop.turn(1)
    assert heard == [b"x"]
    os.write(pipe[1], b"y")
    loop.unwatch(pipe[0])
    loop.turn(0)
    assert heard == [b"x"]


def test_callback_that_unwatches_another_keeps_it_from_being_called(loop: Loop) -> None:
    first, second = os.pipe(), os.pipe()
    heard: list[int] = []

    def hear(mine: int, other: int) -> None:
        heard.append(mine)
        loop.unwatch(other)

    loop.watch(first[0], lambda: hear(first[0], second[0]))
    loop.watch(second[0], lambda: hear(second[0], first[0]))
    for _, end in (first, second):
        os.write(end, b"x")
    loop.turn(1)
    assert len(heard) == 1
    for end in (*first, *second):
        os.close(end)


def test_deadlines_come_in_their_order_and_not_when_called_off(loop: Loop) -> None:
    came: list[str] = []
    loop.after(0.02, lambda: came.append("late"))
    loop.after(0.01, lambda: came.append("early"))
    loop.after(0.005, lambda: came.append("never")).cancel()
    loop.after(0.03, loop.stop)
    loop.run()
    assert came == ["early", "late"]


def test_soon_comes_before_the_next_wait_and_lets_others_in_between(loop: Loop) -> None:
    came: list[int] = []

    def step() -> None:
        came.append(len(came))
        if len(came) < 3:
            loop.soon(step)

    loop.soon(step)
    loop.turn(10)
    assert came == [0]
    loop.turn(10)
    loop.turn(10)
    assert came == [0, 1, 2]


def test_fault_in_a_callback_is_told_and_the_loop_goes_on() -> None:
    faults: list[Exception] = []
    loop = Loop(faults.append)

    def trip() -> None:
        raise ValueError("tripped")

    loop.soon(trip)
    loop.after(0.01, loop.stop)
    loop.run()
    loop.close()
    assert [str(fault) for fault in faults] == ["tripped"]


def test_fault_without_anybody_to_tell_ends_the_loop(loop: Loop) -> None:
    loop.soon(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loop.turn(0)
