"""Commands that take turns."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from f2b.firewall.process import Process
from f2b.firewall.shell import Command, Result
from f2b.firewall.turns import GIVEN_UP, Turns
from f2b.firewall.worker import Running
from f2b.loop import Loop

PATIENCE_S = 60.0
ALONE = 'set -C; : >"$0" || exit 9; sleep 0.05; rm "$0"'
"""Fails if another one like it runs."""


class Scene:
    """A loop, and commands that it runs in turns."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.turns = Turns(self.loop)
        self.lock = str(folder / "lock")
        self.ended: dict[int, Result] = {}

    def begin(self, number: int, text: str = ALONE) -> Running:
        start = partial(Process, self.loop, Command(text, (self.lock,)), PATIENCE_S)
        return self.turns.begin(start, partial(self.ended.__setitem__, number))

    def wait(self, count: int) -> list[int]:
        deadline = self.loop.elapsed() + PATIENCE_S
        while len(self.ended) < count and self.loop.elapsed() < deadline:
            self.loop.turn(0.1)
        return list(self.ended)


def test_commands_when_several_are_begun_then_none_runs_beside_another_and_all_in_order(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for number in range(4):
        scene.begin(number)
    assert scene.wait(4) == [0, 1, 2, 3]
    assert all(result.ok for result in scene.ended.values())
    scene.begin(4)
    assert scene.wait(5)[-1] == 4


def test_command_when_it_is_given_up_then_the_others_go_on(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    running, waiting = scene.begin(0, "sleep 600"), scene.begin(1)
    scene.begin(2)
    waiting.kill()
    waiting.kill()
    assert scene.wait(1) == [1]
    assert scene.ended[1].status == GIVEN_UP
    running.kill()
    assert scene.wait(3) == [1, 0, 2]
    assert scene.ended[2].ok
