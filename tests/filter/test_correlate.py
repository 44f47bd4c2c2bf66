"""The type correlate: points from several jails make one failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.events import Ban, Failure, Found
from f2b.filter import is_listener
from f2b.filter.build import build
from f2b.filter.correlate import Correlate
from f2b.filter.over import OverEvents, explain
from tests.filter.typed import NOW, bad, made, spec, wrong

SCORES = {"scores": "sshd:1 web:2, sshd.ban:5", "threshold": "4"}


def found(jail: str, host: str = "192.0.2.1", at: float = 0.0) -> Found:
    return Found(jail, host, NOW + at)


def heard(*events: Found | Ban, **options: str) -> list[Failure]:
    tested = made("correlate", **{**SCORES, **options})
    assert is_listener(tested)
    return [failure for event in events for failure in tested.hear(event)]


def test_points_when_they_reach_the_threshold_then_they_make_one_failure_and_are_used_up() -> None:
    (failure,) = heard(found("sshd"), found("web"), found("sshd", at=7), found("sshd"), found("web"))
    assert (failure.id, failure.host, failure.time) == ("192.0.2.1", "192.0.2.1", NOW + 7)


def test_points_when_they_are_from_too_few_jails_then_they_do_not_count() -> None:
    assert not heard(*[found("sshd")] * 9)
    assert len(heard(*[found("sshd")] * 4, minjails="1")) == 1
    assert not heard(*[found("sshd")] * 3, Ban("sshd", "192.0.2.1", NOW, 600))
    assert len(heard(*[found("sshd")] * 9, found("web"))) == 1


def test_ban_when_scored_then_it_counts_and_the_failure_does_so_too() -> None:
    assert len(heard(found("web"), Ban("sshd", "192.0.2.1", NOW, 600))) == 1
    assert not heard(found("web"), Ban("web", "192.0.2.1", NOW, 600), found("sshd"))


def test_points_when_older_than_the_window_then_they_are_gone() -> None:
    assert not heard(found("web"), found("web"), found("sshd", at=3600))
    assert heard(found("web"), found("web"), found("sshd", at=3599))
    assert not heard(found("web"), found("web"), found("sshd", at=60), window="1m")


def test_hosts_when_several_then_each_has_its_own_points() -> None:
    assert not heard(found("web"), found("web", "192.0.2.2"), found("sshd", "192.0.2.3"))


def test_network_when_a_jail_counts_it_as_one_then_the_points_are_the_hosts() -> None:
    wide = Found("web", "192.0.2.0/24", NOW, seen="192.0.2.1")
    (failure,) = heard(wide, wide, found("sshd"))
    assert failure.id == "192.0.2.1"


def test_jail_when_nobody_asked_for_it_then_it_is_not_heard() -> None:
    tested = made("correlate", **SCORES)
    assert is_listener(tested)
    assert tested.listens == {"sshd", "web"}
    assert not tested.feed(bad())


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "1"},
        {"scores": "a:1"},
        {"scores": "a:0 b", "threshold": "1"},
        {"scores": "a:1", "threshold": "x"},
    ],
)
def test_option_when_wrong_then_that_is_an_error(options: dict[str, str]) -> None:
    assert all(problem.place and problem.cure for problem in wrong("correlate", **options))


@given(st.lists(st.tuples(st.sampled_from(["sshd", "web"]), st.integers(1, 3), st.integers(0, 900)), max_size=50))
def test_hosts_when_interleaved_then_each_fares_as_if_alone(events: list[tuple[str, int, int]]) -> None:
    ordered = [found(jail, f"192.0.2.{host}", at) for jail, host, at in sorted(events, key=lambda one: one[2])]
    together = sorted((failure.id, failure.time) for failure in heard(*ordered, window="5m"))
    alone = [
        (failure.id, failure.time)
        for host in range(1, 4)
        for failure in heard(*(event for event in ordered if event.id == f"192.0.2.{host}"), window="5m")
    ]
    assert together == sorted(alone)


def test_state_when_hosts_are_endless_then_it_is_bounded() -> None:
    tested = made("correlate", **SCORES, maxhosts="10")
    assert isinstance(tested, OverEvents)
    assert isinstance(tested.judge, Correlate)
    for host in range(100):
        for _ in range(50):
            tested.hear(found("sshd", f"192.0.2.{host}"))
    known = tested.judge._known
    assert len(known) == 10
    assert all(len(times) <= 4 for host in known for times in (known.get(host, 0.0) or {}).values())


def test_why_when_asked_then_it_says_that_it_reads_no_log() -> None:
    tested, _ = build(spec("correlate", **SCORES))
    assert tested
    said: list[str] = []
    explain(tested, bad(), said)
    assert "listens to sshd, web" in said[0]
