"""Which commands a verb takes, played against a script: what fails is said, what runs is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from f2b.events import Ban
from f2b.firewall.life import Routine
from f2b.firewall.lifecycle import Lifecycle
from f2b.firewall.render import Recipe
from f2b.firewall.shell import Command, Result
from f2b.firewall.ticket import Context

V4 = Ban("j", "192.0.2.1", 0, 600)
V4B = Ban("j", "192.0.2.2", 0, 600)
V6 = Ban("j", "2001:db8::1", 0, 600)
RAW = Ban("j", "somebody", 0, 600)
PER_FAMILY = {"port?family=inet6": "66"}


class Play:
    """A lifecycle whose commands are only written down; those that match `bad` fail."""

    def __init__(
        self, verbs: str, options: dict[str, str] | None = None, plain: Iterable[str] = (), ipv6: bool = True
    ) -> None:
        words = {verb: "" if verb in plain else " <family>" for verb in verbs.split()}
        for verb in {"ban", "unban", "prolong", "reban"} & set(words):
            words[verb] = " <ip>"
        commands = {f"action{verb}": f"{verb}{rest}" for verb, rest in words.items()}
        self.bad = ""
        self.told: list[tuple[str, str]] = []
        self.ran: list[str] = []
        context = Context(ipv6=ipv6)
        recipe = Recipe({**commands, **(options or {})}, context)
        self.life = Lifecycle(
            recipe, "a", "j", context, lambda: 0.0, lambda level, text: self.told.append((level, text))
        )

    def run(self, routine: Routine) -> str:
        """Return the commands of a routine, joined by commas."""
        self.ran = []
        try:
            command = next(routine)
            while True:
                assert isinstance(command, Command)
                self.ran.append(command.text)
                fails = bool(self.bad and re.search(self.bad, command.text))
                command = routine.send(Result(1, "oh") if fails else Result(0))
        except StopIteration:
            return ", ".join(self.ran)


def test_action_without_families_when_it_lives_then_it_starts_once_and_stops_each_wording() -> None:
    play = Play("start stop ban unban flush")
    assert play.run(play.life.start()) == "start "
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1"
    assert play.run(play.life.ban(V6)) == "ban 2001:db8::1"
    assert play.run(play.life.unban(V6)) == "unban 2001:db8::1"
    assert play.run(play.life.flush(())) == "flush inet4, flush inet6"
    assert play.run(play.life.stop()) == "stop , stop inet4, stop inet6"


def test_action_without_family_words_when_it_lives_then_nothing_runs_twice() -> None:
    play = Play("start stop ban unban flush", plain=["start", "stop", "flush"])
    play.run(play.life.start())
    play.run(play.life.ban(V4))
    play.run(play.life.ban(V6))
    assert play.run(play.life.flush(())) == "flush"
    assert play.run(play.life.stop()) == "stop"


def test_action_with_families_when_it_lives_then_each_is_started_at_its_first_ban() -> None:
    play = Play("start stop ban unban", PER_FAMILY)
    assert play.run(play.life.start()) == ""
    assert play.run(play.life.ban(V4)) == "start inet4, ban 192.0.2.1"
    assert play.run(play.life.ban(V4B)) == "ban 192.0.2.2"
    assert play.run(play.life.stop()) == "stop inet4"
    assert play.run(play.life.ban(V6)) == "start inet6, ban 2001:db8::1"


def test_action_with_families_when_an_id_is_no_address_then_both_are_started() -> None:
    play = Play("start stop ban", PER_FAMILY)
    play.run(play.life.ban(V6))
    assert play.run(play.life.ban(RAW)) == "start inet4, ban somebody"
    assert play.run(play.life.ban(RAW)) == "ban somebody"


def test_action_when_nobody_was_banned_and_it_waits_for_bans_then_no_command_ever_runs() -> None:
    play = Play("start stop ban unban flush", PER_FAMILY)
    assert [play.run(step) for step in (play.life.start(), play.life.flush(()), play.life.stop())] == ["", "", ""]


@pytest.mark.parametrize(("ipv6", "families"), [(True, "start inet4, start inet6"), (False, "start inet4")])
def test_action_with_families_when_it_does_not_wait_then_all_are_started(ipv6: bool, families: str) -> None:
    play = Play("start ban", {**PER_FAMILY, "actionstart_on_demand": "False"}, ipv6=ipv6)
    assert play.run(play.life.start()) == families
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1"


def test_action_when_told_to_wait_then_it_waits_without_families_too() -> None:
    play = Play("start stop ban", {"actionstart_on_demand": "true"})
    assert play.run(play.life.start()) == ""
    assert play.run(play.life.ban(V4)) == "start inet4, ban 192.0.2.1"


def test_ban_when_it_fails_without_check_then_it_is_run_once_more_and_told_once() -> None:
    play = Play("start ban unban")
    play.bad = "^ban"
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1, ban 192.0.2.1"
    assert [text for _, text in play.told] == [
        "[j] a -- exec: ban 192.0.2.1",
        "[j] a -- output: 'oh'",
        "[j] a -- returned 1",
        "Failed to execute ban jail 'j' action 'a' info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', "
        "'fid': '192.0.2.1'})': Error banning 192.0.2.1",
    ]
    assert play.run(play.life.unban(V4)) == ""  # nothing is there


def test_ban_when_it_fails_and_the_check_passes_then_it_is_run_once_more() -> None:
    play = Play("ban check repair")
    play.bad = "^ban"
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1, check inet4, ban 192.0.2.1"


def test_ban_when_the_check_fails_for_good_then_it_is_given_up() -> None:
    play = Play("start stop ban check", PER_FAMILY)
    play.bad = "^ban|^check"
    assert play.run(play.life.ban(V4)) == (
        "start inet4, ban 192.0.2.1, check inet4, stop inet4, start inet4, check inet4"
    )
    levels = [text for level, text in play.told if level == "CRITICAL"]
    assert levels == ["Unable to restore environment"]


def test_ban_when_actionrepair_is_defined_then_it_repairs() -> None:
    play = Play("start stop ban check repair")
    play.bad = "^ban|^check"
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1, check inet4, repair inet4, check inet4"


def test_ban_when_what_was_set_up_is_shared_then_it_is_set_up_anew_and_all_its_bans_are_lost() -> None:
    play = Play("start stop ban check", plain=["start", "stop", "check"])
    play.run(play.life.start())
    play.run(play.life.ban(V6))
    play.bad = "^ban|^check"
    assert play.run(play.life.ban(V4)) == "ban 192.0.2.1, check, stop, start, check"
    assert play.life.take_lost([V6]) == [V6]
    assert play.run(play.life.stop()) == "stop"


def test_start_when_it_fails_then_it_is_told_and_the_first_ban_tries_again_if_it_waits() -> None:
    play = Play("start stop ban", PER_FAMILY)
    play.bad = "^start"
    assert play.run(play.life.ban(V4)) == "start inet4"
    assert "Error starting action Jail('j')/a: 'Script error'" in play.told[-1][1]
    play.bad = ""
    assert play.run(play.life.ban(V4)) == "start inet4, ban 192.0.2.1"


def test_start_when_one_family_fails_then_the_other_is_started_all_the_same() -> None:
    play = Play("start stop", {**PER_FAMILY, "actionstart_on_demand": "0"})
    play.bad = "inet4"
    assert play.run(play.life.start()) == "start inet4, start inet6"
    assert play.told[-1] == (
        "ERROR",
        "Failed to start jail 'j' action 'a': Error starting action Jail('j')/a: 'Script error'",
    )
    play.bad = ""
    assert play.run(play.life.stop()) == "stop inet6"


@pytest.mark.parametrize(
    ("options", "ran"),
    [
        ({}, "unban 192.0.2.1, check inet4"),
        ({"actionrepair_on_unban": "true"}, "unban 192.0.2.1, check inet4, repair inet4, check inet4"),
    ],
)
def test_unban_when_the_check_fails_then_it_repairs_only_if_asked_to(options: dict[str, str], ran: str) -> None:
    play = Play("start ban unban check repair", options)
    play.run(play.life.ban(V4))
    play.bad = "^unban|^check"
    assert play.run(play.life.unban(V4)) == ran


def test_flush_when_it_fails_then_health_is_checked_and_nobody_is_unbanned_singly() -> None:
    play = Play("start stop ban unban flush check")
    play.run(play.life.start())
    play.run(play.life.ban(V4))
    play.bad = "^flush"
    assert play.run(play.life.flush(())) == "flush inet4, check , check inet4"
    assert play.told[-1][1].startswith("Failed to flush bans in jail 'j' action 'a': Error flushing")


def test_flush_when_one_family_fails_then_that_one_is_flushed_again_at_the_end() -> None:
    play = Play("ban flush stop", PER_FAMILY)
    play.run(play.life.ban(V6))
    play.run(play.life.ban(V4))
    play.bad = "^flush inet4"
    assert play.run(play.life.flush(())) == "flush inet6, flush inet4"
    assert play.run(play.life.flush((), last=True)) == "flush inet4"
    assert play.run(play.life.stop()) == "stop inet6, stop inet4"


def test_flush_when_it_fails_and_nothing_can_be_repaired_then_the_next_ban_sets_up_anew() -> None:
    play = Play("start ban flush check repair", PER_FAMILY)
    play.run(play.life.ban(V4))
    play.bad = "^flush|^check"
    assert play.run(play.life.flush((), last=True)) == "flush inet4, check inet4"  # it is stopped anyway
    assert play.run(play.life.flush(())) == "flush inet4, check inet4, repair inet4, check inet4"
    assert play.run(play.life.ban(V4)) == "start inet4, ban 192.0.2.1"


def test_stop_when_it_fails_then_each_family_tries_and_it_is_told_once() -> None:
    play = Play("stop ban", PER_FAMILY, plain=["stop"])
    play.run(play.life.ban(V4))
    play.run(play.life.ban(V6))
    play.bad = "^stop"
    assert play.run(play.life.stop()) == "stop, stop"
    assert [text for _, text in play.told if "exec" in text] == ["[j] a -- exec: stop"]


def test_check_when_something_fell_then_it_is_set_up_anew_and_its_bans_are_told_lost_once() -> None:
    play = Play("start stop ban check", PER_FAMILY)
    play.run(play.life.ban(V4))
    play.run(play.life.ban(V6))
    play.bad = "^check inet4"
    assert play.run(play.life.check()) == "check inet4, stop inet4, start inet4, check inet4, check inet6"
    assert play.life.take_lost([V4, V4B, V6]) == [V4, V4B]
    assert play.life.take_lost([V4, V4B, V6]) == []


def test_reban_when_actionreban_is_empty_then_actionban_does_it() -> None:
    assert Play("ban").run(Play("ban").life.reban(V4)) == "ban 192.0.2.1"
    assert Play("ban reban").run(Play("ban reban").life.reban(V4)) == "reban 192.0.2.1"


def test_prolong_when_actionprolong_is_empty_then_nothing_runs() -> None:
    assert Play("ban").run(Play("ban").life.prolong(V4)) == ""
    assert Play("ban prolong").run(Play("ban prolong").life.prolong(V4)) == "prolong 192.0.2.1"


def test_reload_when_families_are_up_then_each_is_told() -> None:
    play = Play("start ban reload", PER_FAMILY)
    play.run(play.life.ban(V4))
    assert play.run(play.life.reload()) == "reload inet4"
