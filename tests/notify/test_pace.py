from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.notify.news import News
from f2b.notify.pace import Digest, Letter, Pace, Quiet

NEVER = Quiet()
NOW = 1_800_000_000.0
WINDOW = 600.0


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Quiet hours are local time."""
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ban(number: int = 1, jail: str = "sshd") -> News:
    return News("ban", NOW, jail, f"198.18.{number >> 8}.{number & 255}", 5, 600)


def count(letters: list[Letter]) -> int:
    return sum(sum(letter.kinds.values()) if isinstance(letter, Digest) else 1 for letter in letters)


def test_pace_when_it_is_calm_then_each_event_is_told_at_once() -> None:
    pace = Pace(10, WINDOW, NEVER)
    assert pace.take([ban()], NOW) == [ban()]
    assert pace.take([ban(2)], NOW + 5) == [ban(2)]
    assert pace.wait_s(NOW + 5) is None


def test_pace_when_5000_are_banned_then_no_more_than_the_limit_is_sent_and_all_are_counted() -> None:
    pace = Pace(10, WINDOW, NEVER)
    letters = [letter for n in range(5000) for letter in pace.take([ban(n)], NOW + n / 100)]
    assert len(letters) == 9
    assert pace.wait_s(NOW + 50) == pytest.approx(WINDOW + 0.09 - 50)
    later = pace.due(NOW + WINDOW + 1)
    assert len(letters + later) == 10
    assert count(letters + later) == 5000
    assert isinstance(later[0], Digest)
    assert later[0].jails == {"sshd": 4991}
    assert pace.take([ban()], NOW + 2 * WINDOW + 2) == [ban()]


def test_pace_when_it_is_quiet_then_all_is_told_afterwards() -> None:
    midnight = NOW // 86400 * 86400
    pace = Pace(10, WINDOW, Quiet(22 * 60, 7 * 60))
    assert pace.take([ban()], midnight - 3 * 3600) == [ban()]
    assert not pace.take([ban(2), ban(3)], midnight - 3600)
    assert pace.wait_s(midnight - 3600) == 8 * 3600
    assert not pace.due(midnight + 7 * 3600 - 1)
    digest = pace.due(midnight + 7 * 3600)[0]
    assert isinstance(digest, Digest)
    assert digest.kinds == {"ban": 2}


@pytest.mark.parametrize(
    ("begin", "end", "clock", "left"),
    [
        ((22, 0), (7, 0), (21, 59), 0),
        ((22, 0), (7, 0), (22, 0), 9 * 60),
        ((22, 0), (7, 0), (6, 59), 1),
        ((22, 0), (7, 0), (7, 0), 0),
        ((1, 30), (2, 0), (1, 45), 15),
        ((1, 30), (2, 0), (3, 0), 0),
        ((0, 0), (0, 0), (0, 0), 0),
    ],
)
def test_quiet_when_asked_then_it_says_how_long_it_lasts(
    begin: tuple[int, int], end: tuple[int, int], clock: tuple[int, int], left: int
) -> None:
    quiet = Quiet(begin[0] * 60 + begin[1], end[0] * 60 + end[1])
    assert quiet.left_s(NOW // 86400 * 86400 + clock[0] * 3600 + clock[1] * 60) == left * 60


def test_pace_when_a_jail_comes_up_then_it_is_news_only_if_it_was_down() -> None:
    pace = Pace(10, WINDOW, NEVER)
    up, down = News("up", NOW, "sshd"), News("down", NOW, "sshd", reason="nft fails")
    assert not pace.take([up], NOW)
    assert pace.take([down], NOW) == [down]
    again = Pace(10, WINDOW, NEVER, json.loads(json.dumps(pace.saved())))
    assert again.take([up], NOW) == [up]
    assert not again.take([up], NOW)


@given(
    limit=st.integers(1, 5),
    quiet=st.sampled_from([NEVER, Quiet(60, 600), Quiet(1300, 30)]),
    steps=st.lists(st.tuples(st.floats(0, 4000), st.integers(0, 30), st.booleans()), max_size=40),
)
def test_pace_when_anything_happens_then_the_limit_holds_and_nothing_is_lost(
    limit: int, quiet: Quiet, steps: list[tuple[float, int, bool]]
) -> None:
    pace, now, told = Pace(limit, WINDOW, quiet), NOW, 0
    sent: list[tuple[float, Letter]] = []
    for pause, many, killed in steps:
        now += pause
        sent += [(now, letter) for letter in pace.take([ban(n) for n in range(many)], now)]
        told += many
        if killed:
            pace = Pace(limit, WINDOW, quiet, json.loads(json.dumps(pace.saved())))
    while (wait := pace.wait_s(now)) is not None:
        now += wait + 0.001
        sent += [(now, letter) for letter in pace.due(now)]
    assert count([letter for _, letter in sent]) == told
    for first, _ in sent:
        assert len([when for when, _ in sent if first <= when < first + WINDOW]) <= limit
    assert not [when for when, _ in sent if quiet.left_s(when)]
