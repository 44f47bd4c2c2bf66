from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from f2b.client import Client, Event
from f2b.control import client as control
from f2b.web.follow import Follower
from f2b.web.mirror import Mirror
from tests.daemon.running import Server, fail, running, wait_for


class Reader:
    """A mirror of a server, changed in the test's thread, when it looks."""

    def __init__(self, server: Server) -> None:
        self.mirror = Mirror()
        self.heard: list[Event] = []
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self.follower = Follower(
            Client(server.socket), self.mirror, self._calls.put, kinds=["found"], hear=self.heard.extend
        )

    def look(self) -> Mirror:
        while not self._calls.empty():
            self._calls.get()()
        return self.mirror

    def holds(self, *ids: str) -> bool:
        return sorted(ban.id for ban in self.look()) == sorted(ids)


@contextmanager
def following(server: Server) -> Iterator[Reader]:
    reader = Reader(server)
    reader.follower.start()
    try:
        yield reader
    finally:
        reader.follower.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as found:
        found.jail().touch()
        yield found


def test_follower_when_the_server_comes_goes_and_comes_then_the_mirror_is_as_the_server(server: Server) -> None:
    with following(server) as reader:
        wait_for(lambda: "no server" in reader.look().trouble)
        assert not reader.mirror.filled
        server.start()
        wait_for(lambda: reader.look().filled and not reader.mirror.trouble)
        with Client(server.socket) as client:
            client.ban(["192.0.2.1", "192.0.2.2"], jail="app", seconds=3600)
            wait_for(lambda: reader.holds("192.0.2.1", "192.0.2.2"))
            client.unban(["192.0.2.1"])
            wait_for(lambda: reader.holds("192.0.2.2"))
        fail(server.folder / "app.log", "192.0.2.9", times=1)
        wait_for(lambda: reader.look() and {"found", "ban", "unban"} <= {event.event for event in reader.heard})
        server.end()
        wait_for(lambda: reader.look().trouble)
        assert reader.holds("192.0.2.2")  # as far as anybody knows
        server.start()
        wait_for(lambda: not reader.look().trouble)
        with Client(server.socket) as client:
            client.ban(["192.0.2.3"], jail="app", seconds=3600)
        wait_for(lambda: reader.holds(*server.banned()))
        assert "192.0.2.3" in server.banned()
        said = control.request(server.socket, "banned")["bans"]
        assert [(ban.jail, ban.id, ban.end) for ban in reader.mirror] == [
            (each["jail"], each["id"], each["end"])
            for each in said  # type: ignore[attr-defined]  # JSON
        ]


def test_follower_when_no_event_told_of_a_ban_then_it_finds_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("f2b.web.follow.LOOK_S", 0.0)
    monkeypatch.setattr("f2b.web.follow.WAIT_S", 0.05)
    server.start()
    with following(server) as reader:
        wait_for(lambda: reader.look().filled)
        with Client(server.socket) as client:
            client.ban(["192.0.2.1"], jail="app", seconds=3600)
        wait_for(lambda: reader.holds("192.0.2.1"))
        reader.mirror.fill([])
        wait_for(lambda: reader.holds("192.0.2.1"))
