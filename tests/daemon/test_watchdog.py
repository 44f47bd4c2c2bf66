"""The watchdog: what stands still is told in the log, in the status and to the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from f2b.ban.ledger import Ledger
from f2b.config.model import ActionSpec
from f2b.daemon import watchdog as module
from f2b.daemon.guard import Guard
from f2b.daemon.outlet import Outlet
from f2b.daemon.supervisor import Supervisor
from f2b.daemon.watchdog import Watchdog, unread
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Broke
from f2b.firewall.command import command_action
from f2b.firewall.ticket import Context
from f2b.log import Log
from f2b.loop import Loop
from f2b.source.tail import Tail
from f2b.store import Store
from tests.daemon.running import PATIENCE_S, running, wait_for


class Listener:
    """What systemd is for a service: a datagram socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(PATIENCE_S)

    def hear(self) -> str:
        return self._socket.recv(65536).decode()

    def until(self, what: str) -> list[str]:
        """Return what is heard until something begins so, that included."""
        heard = [self.hear()]
        while not heard[-1].startswith(what):
            heard.append(self.hear())
        return heard

    def pending(self) -> list[str]:
        """Return what was said and not heard yet."""
        heard = []
        self._socket.settimeout(0)
        try:
            while True:
                heard.append(self.hear())
        except BlockingIOError:
            self._socket.settimeout(PATIENCE_S)
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path / "notify")
    yield made
    made.close()


def test_supervisor_hears_of_start_beats_reload_and_end(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.path)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with running(tmp_path) as server:
        server.jail().touch()
        server.start()
        assert listener.hear() == "READY=1"
        assert "STATUS=1 jails; all is well" in listener.until("WATCHDOG=1")
        for _ in range(3):
            listener.until("WATCHDOG=1")
        assert server.process
        server.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in listener.until("RELOADING=1")[-1]
        listener.until("READY=1")
        server.end()
        listener.until("STOPPING=1")


def test_supervisor_when_in_no_file_system_then_heard_too() -> None:
    name = f"f2b-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(f"\0{name}")
        inbox.settimeout(PATIENCE_S)
        environ = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1", "PATH": "/bin"}
        supervisor = Supervisor(environ)
        supervisor.status("two\nlines")
        supervisor.status("two lines")
        supervisor.beat()
        assert [inbox.recv(99), inbox.recv(99)] == [b"STATUS=two lines", b"WATCHDOG=1"]
    assert supervisor.patience_s == 0, "another process is meant"
    assert environ == {"PATH": "/bin"}
    supervisor.beat()  # nobody listens any more


class Scene:
    """A watchdog over logs that nobody reads and an outlet that nobody uses, in a loop of the test's."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "app.log"
        self.log.write_text("")
        self.tail = Tail(str(self.log))
        self.tail.read()
        self.loop = Loop()
        self.said = folder / "f2b.log"
        self.f2b_log = Log(str(self.said))
        self.outlet = Outlet(Engine(), Store(":memory:"), self.f2b_log, lambda resolve: None, lambda asked: None)
        self.watchdog = Watchdog(self.outlet, lambda: [self.tail], self.loop, self.f2b_log)
        self.loop.slow = self.watchdog.slow

    def turn_until(self, what: Callable[[], object]) -> None:
        def turned() -> object:
            self.loop.turn(0.05)
            return what()

        wait_for(turned)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    return Scene(tmp_path)


def test_log_that_nobody_reads_is_told_and_stops_the_beats_until_it_is_read(
    scene: Scene, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.2)
    supervisor = Supervisor({"NOTIFY_SOCKET": listener.path, "WATCHDOG_USEC": "20000"})
    scene.watchdog.start(supervisor)
    scene.turn_until(lambda: "WATCHDOG=1" in listener.pending())
    scene.log.write_text("a line\n")
    scene.turn_until(lambda: any("STATUS=0 jails; trouble:" in text for text in listener.pending()))
    assert f"{scene.log} is not read: 7 bytes wait" in scene.watchdog.troubles[0]
    assert f"ERROR   {scene.watchdog.troubles[0]}" in scene.said.read_text()
    listener.pending()
    scene.loop.turn(0.05)
    assert "WATCHDOG=1" not in listener.pending()
    scene.tail.read()
    scene.turn_until(lambda: "WATCHDOG=1" in listener.pending())
    assert not scene.watchdog.troubles
    assert "It is well again" in scene.said.read_text()


def test_unfinished_line_and_unreadable_log_are_no_stall(scene: Scene) -> None:
    scene.log.write_text("half a li")
    assert unread(scene.tail) == 0
    scene.log.write_text("half a line\nand one")
    assert unread(scene.tail) == 19
    scene.tail.read()
    assert unread(scene.tail) == 0
    scene.log.rename(scene.log.with_suffix(".1"))
    assert unread(scene.tail) == 0
    scene.log.write_text("a new log\n")
    assert unread(scene.tail) == 10


def test_log_that_is_only_found_late_is_told_with_the_cure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTICED_S", 0.1)
    scene.watchdog.start(Supervisor({}))
    scene.log.write_text("a line\n")
    scene.turn_until(lambda: scene.watchdog.troubles)
    assert "set backend = polling" in scene.watchdog.troubles[0]


def test_log_that_is_behind_while_the_server_reads_all_the_time_is_not_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTICED_S", 0.01)
    hours = count()
    monkeypatch.setattr(Loop, "worked", staticmethod(lambda: next(hours) * 3600.0))
    scene.watchdog.start(Supervisor({}))
    scene.log.write_text("a line\n")
    looks: list[int] = []
    scene.loop.after(10 * module.LOOK_S + 0.5, lambda: looks.append(1))
    scene.turn_until(lambda: looks)
    assert not scene.watchdog.troubles


def test_action_that_does_not_move_is_told_until_it_does(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_S", 0.2)
    spec = ActionSpec("slow", "slow", Place("jail.conf"), options={"actionstart": "sleep 2"})
    action = command_action(spec, "app", scene.loop, lambda *said: None, Context(), lambda address, answer: None)
    scene.outlet.guards["app"] = Guard("app", [action], Ledger(), scene.loop, scene.f2b_log)
    action.start([])
    scene.watchdog.start(Supervisor({}))
    scene.turn_until(lambda: scene.watchdog.troubles)
    assert "[app] action slow has done nothing for" in scene.watchdog.troubles[0]
    scene.turn_until(lambda: not scene.watchdog.troubles)


def test_jail_that_breaks_on_its_lines_is_told(scene: Scene) -> None:
    scene.watchdog.start(Supervisor({}))
    scene.outlet.carry([Broke("app", "a line", "a fault")] * 10)
    scene.turn_until(lambda: scene.watchdog.troubles)
    assert scene.watchdog.troubles[0].startswith("[app] cannot make anything of its lines")
    scene.turn_until(lambda: not scene.watchdog.troubles)


def test_what_holds_everything_up_is_told(scene: Scene) -> None:
    scene.loop.soon(lambda: time.sleep(1.1))
    scene.loop.turn()
    assert "Everything waited 1.1 s for" in scene.said.read_text()
    assert "test_what_holds_everything_up_is_told" in scene.said.read_text()
