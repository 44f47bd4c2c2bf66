"""Command actions at work: real shells writing down what they were told to do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import ActionSpec
from f2b.errors import Place
from f2b.events import Ban
from f2b.firewall import Firewall
from f2b.firewall.command import command_action
from f2b.firewall.queued import QueuedAction
from f2b.firewall.ticket import Context
from f2b.loop import Loop
from f2b.value import replace

ALL = ("start", "stop", "ban", "unban", "flush", "check", "prolong")


def ban(number: int = 1, duration: float = 600, restored: bool = False) -> Ban:
    return Ban("j", f"192.0.{number // 256}.{number % 256}", 1000, duration, restored=restored)


class Stage:
    """A loop, a file into which commands write, and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.folder = folder
        self.told: list[tuple[str, str]] = []
        self.names: dict[str, str] = {}

    def action(self, *verbs: str, name: str = "a", limit: int = 1000, **options: str) -> QueuedAction:
        """Make an action whose commands write `VERB ADDRESS` down; options replace them (`actionban=...`)."""
        commands = {f"action{verb}": f"echo {verb} <ip> >>{self.folder}/{name}" for verb in verbs}
        commands["actioncheck"] = commands.get("actioncheck", "").replace(" <ip>", "")
        spec = ActionSpec(name, name, Place("test"), options={**commands, **options})
        return command_action(
            spec,
            "j",
            self.loop,
            lambda level, text: self.told.append((level, text)),
            Context(),
            lambda address, answer: answer(self.names.get(address, "")),
            limit,
        )

    def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Turn the loop until something is so."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "it took too long"
            self.loop.turn(0.1)

    def settled(self, action: QueuedAction) -> list[str]:
        """Return what an action's commands have written when all is done, and begin anew."""
        self.until(lambda: action.idle)
        path = self.folder / action.name
        lines = [line.strip() for line in path.read_text().splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.loop.close()


def test_action_when_it_lives_then_its_commands_run_in_order(stage: Stage) -> None:
    action: Firewall = stage.action(*ALL)
    assert isinstance(action, QueuedAction)
    action.start([ban(1)])
    action.ban([ban(2), ban(3)])
    assert not action.idle
    assert stage.settled(action) == ["start", "ban 192.0.0.1", "ban 192.0.0.2", "ban 192.0.0.3"]
    action.unban([ban(2)])
    action.stop(keep=True)
    assert stage.settled(action) == ["unban 192.0.0.2", "flush", "stop"]
    assert stage.told == [("NOTICE", "[j] Flush ticket(s) with a")]


def test_action_when_it_has_no_flush_then_each_is_unbanned_before_the_stop(stage: Stage) -> None:
    action = stage.action("start", "stop", "ban", "unban")
    action.start([ban(1), ban(2)])
    stage.settled(action)
    action.stop(keep=False)
    assert stage.settled(action) == ["unban 192.0.0.1", "unban 192.0.0.2", "stop"]


def test_ban_when_it_is_repeated_then_it_runs_once_and_a_later_end_prolongs(stage: Stage) -> None:
    action = stage.action(*ALL)
    action.ban([ban(1), ban(1)])
    assert stage.settled(action) == ["ban 192.0.0.1"]
    action.ban([ban(1), ban(1, duration=900)])
    assert stage.settled(action) == ["prolong 192.0.0.1"]
    action.unban([ban(1), ban(1), ban(2)])
    assert stage.settled(action) == ["unban 192.0.0.1"]


def test_ban_when_it_is_prolonged_before_its_turn_then_the_command_sees_both_in_their_order(stage: Stage) -> None:
    """As Fail2Ban does: who offends ten times in one burst is banned for bantime first."""
    ban_, prolong, unban = (f"echo {verb} '<bantime>' >>{stage.folder}/a" for verb in ("ban", "prolong", "unban"))
    action = stage.action(actionban=ban_, actionprolong=prolong, actionunban=unban)
    action.ban([ban(1), ban(1, duration=700), ban(1, duration=900)])
    assert stage.settled(action) == ["ban 600", "prolong 900"]
    action.unban([ban(1)])
    assert stage.settled(action) == ["unban 900"]


def test_unban_when_the_ban_still_waits_then_both_are_cancelled(stage: Stage) -> None:
    action = stage.action("ban", "unban")
    action.ban([ban(1), ban(2), ban(3)])
    action.unban([ban(2)])
    action.ban([ban(4)])
    assert stage.settled(action) == ["ban 192.0.0.1", "ban 192.0.0.3", "ban 192.0.0.4"]


def test_flush_when_bans_still_wait_then_they_are_forgotten(stage: Stage) -> None:
    action = stage.action(*ALL)
    action.ban([ban(1), ban(2)])
    action.flush(())
    action.ban([ban(2)])
    assert stage.settled(action) == ["ban 192.0.0.2"]


def test_restored_bans_when_the_action_wants_new_ones_only_then_they_are_not_banned_but_unbanned(
    stage: Stage,
) -> None:
    action = stage.action("start", "ban", "unban", norestored="True")
    action.start([ban(1, restored=True)])
    action.ban([ban(2)])
    assert stage.settled(action) == ["start", "ban 192.0.0.2"]
    action.unban([ban(1)])
    assert stage.settled(action) == ["unban 192.0.0.1"]


def test_restored_bans_when_the_action_does_not_care_then_they_are_banned(stage: Stage) -> None:
    action = stage.action("start", "ban")
    action.start([ban(1, restored=True)])
    assert stage.settled(action) == ["start", "ban 192.0.0.1"]


def test_queue_when_as_many_bans_come_as_it_holds_then_all_are_carried_out_in_order(stage: Stage) -> None:
    action = stage.action("ban", limit=300)
    action.ban([ban(n) for n in range(300)])
    assert stage.settled(action) == [f"ban {ban(n).id}" for n in range(300)]
    assert stage.told == []


def test_queue_when_it_overflows_then_the_oldest_are_dropped_and_told_once_each(stage: Stage) -> None:
    action = stage.action("ban", "unban", limit=2)
    action.ban([ban(n) for n in range(4)])
    assert stage.told == [
        ("ERROR", f"[j] Action 'a' cannot keep up: 2 bans wait, that of 192.0.0.{n} is dropped") for n in range(2)
    ]
    assert stage.settled(action) == ["ban 192.0.0.2", "ban 192.0.0.3"]
    action.unban([ban(n) for n in range(4)])
    assert stage.settled(action) == ["unban 192.0.0.2", "unban 192.0.0.3"]


def test_actions_when_one_hangs_then_the_other_is_not_delayed(stage: Stage) -> None:
    slow = stage.action("ban", name="slow", actionstart=f"until [ -e {stage.folder}/go ]; do sleep 0.1; done")
    quick = stage.action("ban", name="quick")
    slow.start([ban(1)])
    quick.start([ban(1)])
    assert stage.settled(quick) == ["ban 192.0.0.1"]
    assert not slow.idle
    (stage.folder / "go").touch()
    assert stage.settled(slow) == ["ban 192.0.0.1"]


def test_action_when_it_hangs_then_its_queue_goes_on_after_its_timeout(stage: Stage) -> None:
    action = stage.action("ban", actionstart="sleep 1000; true", timeout="1")
    action.start([ban(1)])
    assert stage.settled(action) == ["ban 192.0.0.1"]
    assert ("ERROR", "[j] a -- timed out after 1 seconds.") in stage.told


def test_ban_when_it_fails_then_it_is_told_with_its_output_and_the_next_goes_on(stage: Stage) -> None:
    fails = f"echo ban <ip> >>{stage.folder}/a; echo no <ip> here >&2; [ <ip> != 192.0.0.1 ]"
    action = stage.action("unban", actionban=fails)
    action.ban([ban(1), ban(2)])
    assert stage.settled(action) == ["ban 192.0.0.1", "ban 192.0.0.1", "ban 192.0.0.2"]
    assert [text for _, text in stage.told if "output" in text] == ["[j] a -- output: 'no 192.0.0.1 here'"]
    assert stage.told[-1][1].endswith("Error banning 192.0.0.1")


def test_ban_when_it_failed_and_the_id_is_seen_again_then_it_is_tried_again(stage: Stage) -> None:
    action = stage.action("check", actionban=f"test -e {stage.folder}/ready && echo ban <ip> >>{stage.folder}/a")
    action.ban([ban(1)])
    assert stage.settled(action) == ["check"]
    (stage.folder / "ready").touch()
    action.seen(ban(1))
    assert stage.settled(action) == ["ban 192.0.0.1"]
    action.seen(ban(1))
    action.seen(ban(1))  # a second look so soon tells nothing new
    assert stage.settled(action) == ["check"]


def table_action(stage: Stage) -> QueuedAction:
    """Make an action that keeps its bans in a file, as a firewall keeps them in a chain."""
    table = stage.folder / "table"
    return stage.action(
        actionstart=f": >{table}",
        actionstop=f"rm -f {table}",
        actioncheck=f"test -e {table}",
        actionban=f"test -e {table} && echo <ip> >>{table}",
        actionunban=f"sed -i '/^<ip>$/d' {table}",
    )


def test_action_when_its_table_is_wiped_then_the_next_ban_puts_everybody_back(stage: Stage) -> None:
    action = table_action(stage)
    table = stage.folder / "table"
    action.start([ban(1), ban(2)])
    stage.settled(action)
    table.unlink()
    action.ban([ban(3)])
    stage.settled(action)
    assert sorted(table.read_text().split()) == ["192.0.0.1", "192.0.0.2", "192.0.0.3"]
    assert ("NOTICE", "[j] Reban 2 id(s), action 'a'") in stage.told


def test_action_when_its_table_is_wiped_then_an_id_seen_again_puts_everybody_back(stage: Stage) -> None:
    action = table_action(stage)
    action.start([ban(1), ban(2)])
    stage.settled(action)
    (stage.folder / "table").unlink()
    action.seen(ban(1))
    stage.settled(action)
    assert (stage.folder / "table").read_text().split() == ["192.0.0.1", "192.0.0.2"]


def test_action_when_it_is_broken_for_good_then_putting_back_ends(stage: Stage) -> None:
    action = stage.action("start", actionban="false", actioncheck=f"test -e {stage.folder}/never")
    action.start([ban(n) for n in range(5)])
    assert stage.settled(action).count("start") < 20


def test_reload_when_the_configuration_was_read_again_then_an_action_that_is_up_is_told(stage: Stage) -> None:
    action = stage.action("start", "ban", actionreload=f"echo reload >>{stage.folder}/a")
    action.start([ban(1)])
    action.reload()
    assert stage.settled(action) == ["start", "ban 192.0.0.1", "reload"]


def test_start_when_it_fails_then_the_action_says_so_until_a_ban_works(stage: Stage) -> None:
    action = stage.action("ban", actionstart="false")
    action.start([])
    stage.settled(action)
    assert action.fault == "a: its actionstart failed; the log says how"
    action.ban([ban(1)])
    stage.settled(action)
    assert action.fault == ""


def test_host_name_when_a_command_names_it_then_it_waits_for_the_answer(stage: Stage) -> None:
    stage.names = {"192.0.0.1": "one.example.org"}
    action = stage.action(actionban=f"echo <ip-host> >>{stage.folder}/a")
    action.ban([ban(1), ban(2)])
    assert stage.settled(action) == ["one.example.org", "None"]


def test_host_name_when_nobody_answers_then_the_command_runs_without_it_after_its_timeout(stage: Stage) -> None:
    spec = ActionSpec(
        "a", "a", Place("t"), options={"actionban": f"echo <ip-host> >{stage.folder}/a", "timeout": "1"}
    )
    action = command_action(spec, "j", stage.loop, lambda level, text: None, Context(), lambda address, answer: None)
    action.ban([ban(1)])
    assert stage.settled(action) == ["None"]


def test_abandon_when_a_command_hangs_then_it_is_ended_and_what_is_left_is_told(stage: Stage) -> None:
    action = stage.action("ban", actionstart="sleep 100; true")
    action.start([ban(1), ban(2)])
    stage.loop.turn(0.1)
    action.abandon()
    assert stage.told == [("ERROR", "[j] Action 'a' was ended with 3 job(s) left")]
    assert stage.settled(action) == []
    action.abandon()
    assert "ended with" not in stage.told[-1][1]


def test_values_when_they_come_from_a_log_then_the_command_gets_them_unharmed(stage: Stage) -> None:
    user = "x'; touch /tmp/pwned; $(reboot) `id` \"\n"
    action = stage.action(actionban=f'printf %s "<F-USER>" >{stage.folder}/a')
    action.ban([replace(ban(1), captures={"user": user})])
    stage.until(lambda: action.idle)
    assert (stage.folder / "a").read_text() == user


wishes = st.lists(
    st.tuples(st.sampled_from(["ban", "ban", "ban", "unban", "unban", "flush", "turn"]), st.integers(0, 5)),
    max_size=10,  # of these are shells
)


@given(wishes, st.booleans())
def test_wishes_when_they_come_in_any_order_then_the_last_ones_stand_and_no_command_is_wasted(
    script: list[tuple[str, int]], flushes: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        table = stage.folder / "table"
        # mkdir and rmdir fail when somebody is banned twice or lifted without a ban: it would be told.
        commands = {
            "actionstart": f"mkdir {table}",
            "actionban": f"mkdir {table}/<ip>",
            "actionunban": f"rmdir {table}/<ip>",
            "actionflush": f"rm -rf {table}/*" if flushes else "",
        }
        action = stage.action(name="a", limit=100, **commands)
        action.start([])
        wanted: set[str] = set()
        for wish, number in script:
            if wish == "ban":
                action.ban([ban(number)])
                wanted.add(ban(number).id)
            elif wish == "unban":
                action.unban([ban(number)])
                wanted.discard(ban(number).id)
            elif wish == "flush":
                action.flush([])
                wanted.clear()
            elif number:
                stage.loop.turn(0.01)
            else:
                stage.settled(action)
        stage.settled(action)
        assert {path.name for path in table.iterdir()} == wanted
        assert [text for level, text in stage.told if level != "NOTICE"] == []
        stage.loop.close()
