"""What a jail can say of an id: counts, the next step, how bans grow."""

from __future__ import annotations

import pytest

from f2b.ban.history import History, Past
from f2b.config.model import Increment
from f2b.daemon.account import account, rule
from f2b.jail import Jail
from tests.test_trace import EVIL, NOW, fail, jail


def grown(tested: Jail, now: float) -> tuple[int, float | None, float]:
    ahead = account(tested, EVIL, now).next
    assert ahead is not None
    return ahead.more, ahead.before, ahead.ban.duration


def test_account_when_failures_lack_then_it_says_how_many_and_until_when() -> None:
    tested = jail(maxretry=5, findtime=600)
    assert grown(tested, NOW) == (5, None, 600)
    fail(tested, EVIL, EVIL)
    assert grown(tested, NOW + 10) == (3, NOW + 600, 600)
    assert grown(tested, NOW + 600.5) == (3, None, 600)
    assert grown(tested, NOW + 2000) == (5, None, 600)


def test_account_when_somebody_was_banned_before_then_fewer_failures_lead_to_a_longer_ban() -> None:
    past = Past(lambda key: {"app": History(3, NOW - 9000, 600)})
    tested = jail(past, maxretry=7, increment=Increment(enabled=True))
    assert account(tested, EVIL, NOW).worth == 5
    assert grown(tested, NOW) == (2, None, 4800)


def test_account_when_banned_or_spared_then_nothing_leads_to_a_ban() -> None:
    tested = jail(maxretry=1, ignoreip=("192.0.2.1",), protect=("192.0.2.2",))
    fail(tested, EVIL)
    found = account(tested, EVIL, NOW)
    assert found.ban is not None
    assert found.next is None
    assert [step.what for step in found.steps] == ["banned"]
    assert account(tested, "192.0.2.1", NOW).spared == "ip"
    assert account(tested, "192.0.2.2", NOW).protected == "it stands in protect"
    assert account(tested, "192.0.2.2", NOW).next is None


def test_account_when_addresses_count_together_then_the_network_is_told_of() -> None:
    tested = jail(prefix4=24, maxretry=2)
    fail(tested, EVIL, "203.0.113.99")
    found = account(tested, "203.0.113.7", NOW)
    assert found.counted == "203.0.113.0/24"
    assert found.ban is not None
    assert found.ban.id == "203.0.113.0/24"
    assert len(found.steps) == 2


def test_account_when_a_network_is_asked_for_then_its_addresses_are_told_of() -> None:
    tested = jail()
    fail(tested, EVIL, "192.0.2.9")
    assert [step.id for step in account(tested, "203.0.113.0/24", NOW).steps] == [EVIL]


def test_account_when_a_network_is_banned_by_hand_then_it_keeps_its_addresses_out() -> None:
    tested = jail()
    tested.ban("203.0.113.0/24", NOW)
    found = account(tested, EVIL, NOW)
    assert found.ban is not None
    assert found.since is None


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (Increment(), ""),
        (Increment(enabled=True), "each twice as long as the one before"),
        (Increment(enabled=True, multipliers=(1, 5), maxtime=60), "bantime.multipliers 1 5, 60 s at most"),
        (
            Increment(enabled=True, formula="x", factor="2", rndtime=9),
            "bantime.formula x, bantime.factor 2, and up to",
        ),
    ],
)
def test_rule_when_bans_grow_then_it_is_said_in_the_options_words(steps: Increment, words: str) -> None:
    assert rule(steps).startswith(words)
    assert bool(rule(steps)) == bool(words)
