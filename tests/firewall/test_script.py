"""Actions that run a program: real ones, and what they are told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall.command import begin
from f2b.firewall.queued import QueuedAction
from f2b.firewall.script import Script
from f2b.firewall.ticket import Context
from f2b.loop import Loop

BAN = Ban("sshd", "192.0.2.1", 1000, 600, 3, ("line 1", "line 2"), {"user": "x'; $(id) <ip>"}, count=2)
TELL = """#!/bin/sh
{ printf '%s\\n' "$@"; env; cat; echo; } >>"$(dirname "$0")/told"
"""


class Stage:
    """A script beside what it writes, and the action that runs it."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.folder = folder
        self.said: list[str] = []
        self.program = folder / "tell"
        self.program.write_text(TELL)
        self.program.chmod(0o755)

    def action(self, words: str = "", **options: str) -> QueuedAction:
        life = Script(
            {"script": f"{self.program} {words}", **options},
            "notify",
            "sshd",
            Context(),
            lambda: 5000.0,
            lambda level, text: self.said.append(text),
        )
        run = partial(begin, self.loop, life.timeout, lambda address, answer: answer("a.example.org"))
        return QueuedAction("notify", "sshd", life, run, self.loop, lambda level, text: self.said.append(text))

    def told(self, action: QueuedAction) -> list[str]:
        end = time.monotonic() + 60
        while not action.idle:
            assert time.monotonic() < end
            self.loop.turn(0.1)
        path = self.folder / "told"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.loop.close()


def event(lines: list[str]) -> Any:
    return json.loads(next(line for line in lines if line.startswith("{")))


def test_script_when_somebody_is_banned_then_it_has_the_event_as_json(stage: Stage) -> None:
    action = stage.action()
    action.ban([BAN])
    assert event(stage.told(action)) == {
        "event": "ban",
        "jail": "sshd",
        "action": "notify",
        "ip": "192.0.2.1",
        "id": "192.0.2.1",
        "family": "inet4",
        "time": 1000,
        "bantime": 600,
        "until": 1600,
        "failures": 3,
        "bancount": 2,
        "restored": False,
        "matches": ["line 1", "line 2"],
        "captures": {"user": "x'; $(id) <ip>"},
    }


def test_script_when_somebody_is_banned_then_its_environment_says_the_same(stage: Stage) -> None:
    action = stage.action()
    action.ban([BAN])
    told = stage.told(action)
    assert {"F2B_EVENT=ban", "F2B_IP=192.0.2.1", "F2B_RESTORED=0", "F2B_UNTIL=1600"} <= {*told}
    assert "F2B_CAPTURE_USER=x'; $(id) <ip>" in told
    assert told[told.index("F2B_MATCHES=line 1") + 1] == "line 2"


def test_script_when_its_words_hold_tags_then_each_value_is_one_word(stage: Stage) -> None:
    action = stage.action("--to 'the ops' <ip> <F-USER> <matches> <ip-host>")
    action.ban([BAN])
    told = stage.told(action)
    assert told[:7] == ["--to", "the ops", "192.0.2.1", "x'; $(id) <ip>", "line 1", "line 2", "a.example.org"]


def test_script_when_it_names_no_events_then_it_hears_of_bans_and_unbans(stage: Stage) -> None:
    action = stage.action()
    action.start([BAN])
    action.stop(keep=False)
    stage.told(action)
    action.ban([BAN])
    stage.told(action)
    action.stop(keep=False)
    assert [line for line in stage.told(action) if line.startswith("F2B_EVENT")] == [
        "F2B_EVENT=ban",
        "F2B_EVENT=unban",
    ]


def test_script_when_it_names_events_then_it_hears_of_those(stage: Stage) -> None:
    action = stage.action(events="start stop")
    action.start([BAN])
    stage.told(action)
    action.stop(keep=False)
    told = stage.told(action)
    assert [line for line in told if line.startswith("F2B_EVENT")] == ["F2B_EVENT=start", "F2B_EVENT=stop"]
    assert event(told) == {"event": "start", "jail": "sshd", "action": "notify", "time": 5000.0}


def test_script_when_it_fails_then_it_is_told_with_its_output(stage: Stage) -> None:
    stage.program.write_text("#!/bin/sh\necho no $F2B_IP; exit 3\n")
    action = stage.action()
    action.ban([BAN])
    stage.told(action)
    assert stage.said == [
        f"[sshd] notify -- ban: {stage.program} returned 3",
        "[sshd] notify -- output: 'no 192.0.2.1'",
    ]


def test_script_when_it_is_not_there_then_that_is_said(stage: Stage) -> None:
    stage.program.unlink()
    action = stage.action()
    action.ban([BAN])
    stage.told(action)
    assert stage.said[1] == f"[sshd] notify -- output: '{stage.program}: No such file or directory'"


@pytest.mark.parametrize("shebang", ["#!/usr/bin/python3", "#!/bin/sh"])
def test_script_when_it_is_the_one_in_the_documentation_then_it_does_what_is_said(stage: Stage, shebang: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "actions.md").read_text()
    example = page[page.index(shebang) :].partition("```")[0]
    stage.program.write_text(example.replace("/var/log/bans", f"{stage.folder}/told"))
    action = stage.action()
    action.ban([BAN])
    assert stage.told(action) == ["ban 192.0.2.1 in sshd: 3 failures as x'; $(id) <ip>"]
    assert stage.said == []


def test_script_when_it_does_not_read_its_input_then_nobody_waits_for_it(stage: Stage) -> None:
    stage.program.write_text("#!/bin/sh\n: >$(dirname $0)/told\n")
    action = stage.action()
    action.ban([Ban("sshd", "192.0.2.1", 1000, 600, 3, ("x" * 1_000_000,))])
    assert stage.told(action) == []
    assert stage.said == []


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"script": ""}, "script: it is empty"),
        ({"script": "/x 'y"}, "script: No closing quotation"),
        ({"script": "/x", "events": "ban tea"}, "events: tea is none"),
    ],
)
def test_options_when_they_make_no_sense_then_it_is_said_at_once(options: dict[str, str], wrong: str) -> None:
    with pytest.raises(ActionError, match=wrong):
        Script(options, "a", "j", Context(), time.time, lambda level, text: None)
