"""Several actions of one jail, as the running server carries them out, and bans by hand in a loop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from f2b.control.client import words
from f2b.errors import ControlError
from tests.daemon.running import Server, fail, running, wait_for

MANY = [f"198.51.100.{n}" for n in range(1, 101)]
SPY = """
from fail2ban.server.action import ActionBase
class Spy(ActionBase):
    colour = "red"
    def ban(self, aInfo):
        with open("{told}", "a") as out:
            out.write(aInfo["ip"] + "\\n")
    def paint(self, colour="blue"):
        return "painted " + colour
Action = Spy
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, dry=False) as server:
        yield server


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def action(server: Server, name: str, **commands: str) -> None:
    text = "".join(f"action{verb} = {command}\n" for verb, command in commands.items())
    server.write(f"action.d/{name}.conf", f"[Definition]\n{text}")


def test_jail_when_one_action_hangs_and_one_fails_then_the_healthy_one_bans_at_once(server: Server) -> None:
    action(server, "hanging", ban="sleep 1000")
    action(server, "failing", ban="echo no <ip>; exit 1")
    action(server, "healthy", ban=f"echo <ip> >>{server.folder}/banned")
    log = server.jail(action="hanging[timeout=100]\n failing\n healthy", maxretry=1)
    server.start()
    for address in MANY:
        fail(log, address, times=1)
    # On a quiet machine within a second: the other two cost it nothing.
    wait_for(lambda: len(lines(server.folder / "banned")) == len(MANY), patience_s=60)
    assert lines(server.folder / "banned") == MANY
    assert "no 198.51.100.1" in server.said()


def test_python_action_when_it_is_configured_then_it_hears_of_bans(server: Server) -> None:
    server.write("action.d/spy.py", SPY.replace("{told}", f"{server.folder}/told"))
    log = server.jail(action="spy.py")
    server.start()
    fail(log, "192.0.2.1")
    wait_for(lambda: lines(server.folder / "told") == ["192.0.2.1"])


def test_python_action_when_it_is_asked_for_its_properties_then_it_answers_itself(server: Server) -> None:
    server.write("action.d/spy.py", SPY)
    server.write("f2b.conf", "[Definition]\nallowactions = yes\n")
    server.jail(action="spy.py").touch()
    server.start()

    def says(*question: str) -> object:
        return words(server.socket, [question[0], "app", *question[1:]])

    assert says("get", "actionproperties", "spy") == ["colour"]
    assert says("get", "actionmethods", "spy") == ["ban", "paint", "reban", "start", "stop", "unban"]
    assert says("get", "action", "spy", "colour") == "red"
    assert says("set", "action", "spy", "colour", "green") == "green"
    assert says("get", "action", "spy", "colour") == "green"
    assert says("set", "action", "spy", "paint", '{"colour": "pink"}') == "painted pink"
    with pytest.raises(ControlError, match="no attribute 'shade'"):
        says("get", "action", "spy", "shade")


def test_python_action_when_nobody_allowed_it_then_the_socket_sets_nothing(server: Server) -> None:
    server.write("action.d/spy.py", SPY)
    server.jail(action="spy.py").touch()
    server.start()
    with pytest.raises(ControlError, match="allowactions = yes"):
        words(server.socket, ["set", "app", "action", "spy", "colour", "green"])
    assert words(server.socket, ["get", "app", "action", "spy", "colour"]) == "red"


def test_python_action_when_it_cannot_be_loaded_then_its_jail_is_down_and_says_why(server: Server) -> None:
    server.write("action.d/spy.py", "import there_is_no_such_thing\n")
    server.jail(action="spy.py")
    server.jail("other", action="dry").touch()
    server.start()
    wait_for(lambda: "spy cannot be loaded" in server.status()["jails"][0]["reason"])
    assert [jail["state"] for jail in server.status()["jails"]] == ["down", "up"]


def test_bans_by_hand_when_they_come_in_loops_then_none_is_lost(server: Server) -> None:
    action(server, "write", ban=f"echo <ip> >>{server.folder}/banned")
    server.jail(action="write")
    server.start()
    client = f"{sys.executable} -c 'from f2b.cli.compat_client import main; main()' -s {server.socket}"
    each = f"for n in 1 2 3 4 5 6; do {client} set app banip 203.0.113.$n || exit; done"
    with subprocess.Popen(["sh", "-c", each], stdout=subprocess.DEVNULL) as loop:
        for address in MANY:
            assert words(server.socket, ["set", "app", "banip", address]) == 1
    assert loop.returncode == 0
    wanted = {*MANY, *(f"203.0.113.{n}" for n in range(1, 7))}
    assert set(server.banned()) == wanted
    wait_for(lambda: len(lines(server.folder / "banned")) == len(wanted))
    assert set(lines(server.folder / "banned")) == wanted


def test_reload_when_nothing_changed_then_actions_that_are_up_hear_of_it(server: Server) -> None:
    action(server, "told", start="true", ban="true", reload=f"echo reload >>{server.folder}/told")
    log = server.jail(action="told")
    server.start()
    fail(log, "192.0.2.1")
    wait_for(lambda: "Ban 192.0.2.1" in server.said())
    for count in (1, 2):
        assert server.ask("reload").returncode == 0
        wait_for(partial(lambda count: len(lines(server.folder / "told")) == count, count))
