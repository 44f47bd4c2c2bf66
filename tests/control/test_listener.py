"""The socket's name: it comes back whoever removes it, as soon as that can be."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from f2b.control import listener
from f2b.control.listener import Listener
from f2b.log import Log
from f2b.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def turned(loop: Loop, until: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, "it did not happen"
        loop.turn(0.02)


def test_listener_when_it_cannot_be_made_anew_at_first_then_it_is_later_and_that_is_told_once(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "LOOK_S", 0.01)
    folder, log = tmp_path / "run", Log(str(tmp_path / "log"))
    path = folder / "sock"
    guests: list[socket.socket] = []
    here = Listener(loop, log, path, None, lambda connection, _: guests.append(connection), lambda: None)
    here.open()
    path.unlink()
    folder.rename(tmp_path / "away")
    folder.symlink_to(tmp_path / "nowhere")
    passed: list[int] = []
    loop.after(0.2, lambda: passed.append(1))
    turned(loop, lambda: passed)
    folder.unlink()
    turned(loop, path.exists)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        turned(loop, lambda: guests)
    here.close()
    guests[0].close()
    told = (tmp_path / "log").read_text()
    assert told.count("Somebody has removed") == 1
    assert told.count("cannot make the socket") == 1
    assert not path.exists()
