"""Python actions as people write them for Fail2Ban: loaded, called in threads, and what goes wrong in them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from f2b.config.model import ActionSpec, FilterSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.events import Ban
from f2b.firewall import python, python_pool
from f2b.firewall.build import Builder
from f2b.firewall.life import Query
from f2b.firewall.python import PythonAction
from f2b.firewall.shell import Result
from f2b.log import Log
from f2b.loop import Loop

BAN = Ban("sshd", "192.0.2.1", 1000.0, 600, 3, ("line 1", "line 2"), {"user": "bob"}, count=2)
HEAD = """
import pathlib, threading, time
from fail2ban.server.action import ActionBase
HERE = pathlib.Path(__file__).parent

class Mine(ActionBase):
    def note(self, *what):
        with (HERE / "told").open("a") as out:
            print(*what, sep="|", file=out)
    def start(self): self.note("start", threading.current_thread() is threading.main_thread())
    def stop(self): self.note("stop")
    def ban(self, aInfo): self.note("ban", aInfo["ip"])
    def unban(self, aInfo): self.note("unban", aInfo["ip"])
"""


class Stage:
    """A folder of actions, and the loop that they must never hold up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = Loop()
        self.log = folder / "log"
        self.builder = Builder(self.loop, Log(str(self.log), "DEBUG"), dry=False)

    def action(self, body: str = "", end: str = "Action = Mine", name: str = "mine", **options: str) -> PythonAction:
        file = self.folder / "mine.py"
        file.write_text(f"{HEAD}{body}\n{end}\n")
        return self.load(file, name, **options)

    def load(self, file: Path, name: str = "mine", **options: str) -> PythonAction:
        spec = ActionSpec(name, file.name, Place(str(file)), "python", options)
        made = self.builder.make(spec, JailSpec("sshd", Place("j"), FilterSpec("f", Place("f"))))
        assert isinstance(made, PythonAction)
        return made

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, "it took too long"
            self.loop.turn(0.1)

    def told(self, action: PythonAction) -> list[str]:
        self.until(lambda: action.idle)
        self.loop.turn(0.05)  # what a thread has said may arrive behind its result
        path = self.folder / "told"
        return path.read_text().splitlines() if path.exists() else []

    def said(self) -> str:
        return self.log.read_text()

    def ask(self, action: PythonAction, verb: str, name: str = "", value: str = "") -> Result:
        answers: list[Result] = []
        action.ask(Query(verb, name, value), answers.append)
        self.until(lambda: bool(answers))
        return answers[0]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.loop.close()


def test_action_when_it_lives_then_its_methods_are_called_in_order_by_another_thread(stage: Stage) -> None:
    action = stage.action()
    action.start([BAN])
    assert stage.told(action) == ["start|False", "ban|192.0.2.1"]
    action.stop(keep=False)
    assert stage.told(action)[2:] == ["unban|192.0.2.1", "stop"]
    assert stage.said() == ""


def test_action_when_it_is_made_then_it_has_jail_name_and_parameters(stage: Stage) -> None:
    action = stage.action(
        """
    def __init__(self, jail, name, host="none", **more):
        super().__init__(jail, name)
        self.note(self._jail.name, self._jail, self._name, host, more, jail.actions.getBanTime())
""",
        host="mx",
        x="1",
    )
    action.start([])
    assert stage.told(action)[0] == "sshd|Jail('sshd')|mine|mx|{'x': '1'}|600"


def test_action_when_it_logs_then_the_servers_log_has_it_under_its_class(stage: Stage) -> None:
    action = stage.action("""
    def ban(self, aInfo):
        self._logSys.info("%s is out, %d%%", aInfo["ip"], 5)
        try:
            1 / 0
        except ZeroDivisionError:
            self._logSys.exception("oh")
        self._logSys.notice("%(a)s", {"a": "b"})
        self._logSys.log(25, "done")
""")
    action.start([BAN])
    stage.told(action)
    lines = [line.partition("fail2ban.")[2] for line in stage.said().splitlines()]
    assert [line.split("]: ")[1] for line in lines] == [
        "INFO    192.0.2.1 is out, 5%",
        "ERROR   oh: ZeroDivisionError: division by zero",
        "NOTICE  b",
        "NOTICE  done",
    ]
    assert all(line.startswith("Mine ") for line in lines)


def test_info_when_an_action_changes_it_then_the_next_call_has_it_whole(stage: Stage) -> None:
    action = stage.action("""
    def ban(self, aInfo):
        self.note(aInfo["ip"], aInfo.get("nothing", "-"), "matches" in aInfo, aInfo["F-*"]["user"])
        aInfo["ip"] = "changed"
        del aInfo["fid"]
        self.note(aInfo["ip"], "fid" in aInfo)
        aInfo.reset()
        self.note(aInfo["ip"], aInfo.copy()["fid"], aInfo["ip"].isIPv4, aInfo["family"])
    unban = ban
""")
    action.start([BAN])
    stage.told(action)
    action.unban([BAN])
    said = ["192.0.2.1|-|True|bob", "changed|False", "192.0.2.1|192.0.2.1|True|inet4"]
    assert stage.told(action)[1:] == said * 2


def test_action_when_it_uses_every_optional_method_then_each_has_its_turn(stage: Stage) -> None:
    action = stage.action("""
    _prolongable = True
    norestored = True
    def prolong(self, aInfo): self.note("prolong", aInfo["bantime"])
    def flush(self): self.note("flush"); return True
    def consistencyCheck(self): self.note("check")
    def clearAllParams(self): pass
    def reload(self, **parameters): self.note("reload", parameters)
""")
    action.start([Ban("sshd", "192.0.2.9", 1000, 600, restored=True)])
    action.ban([BAN])
    stage.told(action)
    action.ban([Ban("sshd", "192.0.2.1", 1000, 900)])
    action.seen(BAN)
    action.reload()
    stage.told(action)
    action.stop(keep=False)
    assert stage.told(action)[1:] == ["ban|192.0.2.1", "prolong|900", "check", "reload|{}", "flush", "stop"]


def test_action_when_a_method_fails_then_it_is_told_with_its_place_and_the_next_goes_on(stage: Stage) -> None:
    action = stage.action("""
    def ban(self, aInfo):
        if aInfo["ip"] == "192.0.2.1":
            raise ValueError("no luck")
        self.note("ban", aInfo["ip"])
""")
    action.start([BAN, Ban("sshd", "192.0.2.2", 1000, 600)])
    assert stage.told(action)[1:] == ["ban|192.0.2.2"]
    assert "Failed to execute ban jail 'sshd' action 'mine'" in stage.said()
    assert "ValueError: no luck (" in stage.said()
    assert "mine.py:17)" in stage.said()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("raise SystemExit(3)", "it called exit(3)"),
        ("import there_is_no_such_thing", "No module named 'there_is_no_such_thing'"),
        ("from fail2ban.server.utils import Utils", "No module named 'fail2ban.server.utils'"),
        ("Other = Mine", "it defines no Action; write Action = YOURCLASS at its end"),
        ("class Action:\n    def __init__(self, *a): pass", "its Action has no method start, stop, ban, unban"),
        (
            "class Action(Mine):\n    def __init__(self, jail, name, must): pass",
            "missing 1 required positional argument",
        ),
    ],
)
def test_action_when_it_cannot_be_loaded_then_it_says_why_and_nothing_is_called(
    stage: Stage, end: str, why: str
) -> None:
    action = stage.action(end=end)
    action.start([BAN])
    action.stop(keep=False)
    assert stage.told(action) == []
    assert why in action.fault
    assert stage.said().count("cannot be loaded") == 1


def test_action_when_it_is_no_python_then_its_jail_hears_of_it_with_the_line(stage: Stage) -> None:
    with pytest.raises(ConfigError, match=r"mine.py:1[0-9]: this is no Python"):
        stage.action("    def broken(:")


def test_action_when_it_hangs_then_the_loop_goes_on_and_so_do_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python, "TIMEOUT_S", 0.5)
    slow = stage.action(
        """
    def start(self):
        while not (HERE / "go").exists():
            time.sleep(0.01)
        self.note("at last")
"""
    )
    slow.start([BAN])
    quick = stage.action(name="quick")
    quick.start([BAN])
    assert stage.told(quick) == ["start|False", "ban|192.0.2.1"]
    stage.until(lambda: slow.idle)
    assert "Failed to start jail 'sshd' action 'mine': timed out after 0.5 seconds." in stage.said()
    assert "it still hangs in start" in stage.said()
    (stage.folder / "go").touch()
    stage.until(lambda: "at last" in (stage.folder / "told").read_text())

    def banned_again() -> bool:
        slow.seen(BAN)
        return stage.told(slow).count("ban|192.0.2.1") == 2

    stage.until(banned_again)


def test_actions_when_many_hang_then_threads_do_not_pile_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "TIMEOUT_S", 0.3)
    before = threading.active_count()
    body = "    def start(self):\n        while not (HERE / 'go').exists():\n            time.sleep(0.02)\n"
    actions = [stage.action(body, name=f"a{n}") for n in range(12)]
    for action in actions:
        action.start([Ban("sshd", f"192.0.2.{n}", 1000, 600) for n in range(5)])
    stage.until(lambda: all(action.idle for action in actions))
    assert threading.active_count() - before <= 8 + 12
    (stage.folder / "go").touch()


def test_action_when_no_thread_can_be_made_then_that_is_told_once_and_it_waits_for_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_pool, "AGAIN_S", 0.01)
    action = stage.action()
    usual = threading.stack_size(1 << 46)  # more than there is
    try:
        action.start([BAN])
        for _ in range(20):
            stage.loop.turn(0.02)
        assert not action.idle
    finally:
        threading.stack_size(usual)
    assert stage.told(action) == ["start|False", "ban|192.0.2.1"]
    (told,) = stage.said().splitlines()
    assert told.endswith(
        "Python actions wait: can't start new thread; give the service more memory or tasks (MemoryMax, TasksMax)"
    )


def test_abandon_when_a_call_hangs_then_the_server_need_not_wait(stage: Stage) -> None:
    action = stage.action(
        "    def start(self):\n        while not (HERE / 'go').exists():\n            time.sleep(0.02)\n"
    )
    action.start([BAN])
    stage.loop.turn(0.1)
    action.abandon()
    stage.until(lambda: action.idle)
    assert "was ended with 2 job(s) left" in stage.said()
    (stage.folder / "go").touch()


def test_properties_when_they_are_asked_for_and_set_then_the_action_has_them(stage: Stage) -> None:
    action = stage.action("""
    colour = "red"
    @property
    def shade(self): return f"dark {self.colour}"
    @shade.setter
    def shade(self, value): self.colour = value
    def paint(self, colour="blue"): return f"painted {colour}"
""")
    action.start([])
    assert stage.ask(action, "properties").value == ["colour", "shade"]
    assert stage.ask(action, "methods").value == ["ban", "note", "paint", "reban", "start", "stop", "unban"]
    assert stage.ask(action, "get", "shade").value == "dark red"
    assert stage.ask(action, "set", "shade", "green").value == "dark green"
    assert stage.ask(action, "set", "paint").value == "painted blue"
    assert stage.ask(action, "set", "paint", '{"colour": "pink"}').value == "painted pink"
    assert stage.ask(action, "set", "paint", "pink").output.startswith("JSONDecodeError")
    nope = stage.ask(action, "get", "nope")
    assert (nope.ok, nope.output.partition(" (")[0]) == (
        False,
        "AttributeError: 'Mine' object has no attribute 'nope'",
    )


def test_action_when_it_is_the_one_in_the_documentation_then_it_does_what_is_said(stage: Stage) -> None:
    page = (Path(__file__).parents[2] / "docs" / "actions.md").read_text()
    file = stage.folder / "example.py"
    file.write_text(page[page.index("# action.d/mine.py") :].partition("```")[0])
    action = stage.load(file, colour="red")
    action.start([BAN])
    stage.told(action)
    action.unban([BAN])
    stage.told(action)
    assert "sshd: 192.0.2.1 has 3 failures" in stage.said()
    assert "192.0.2.1 may come again" in stage.said()
    assert stage.ask(action, "get", "colour").value == "red"


def test_modules_when_an_action_is_called_like_one_then_it_can_still_import_it(stage: Stage) -> None:
    file = stage.folder / "colorsys.py"
    file.write_text(f"{HEAD}\nimport colorsys\nAction = Mine\nassert colorsys.rgb_to_hsv\n")
    action = stage.load(file)
    action.start([])
    assert stage.told(action) == ["start|False"]
