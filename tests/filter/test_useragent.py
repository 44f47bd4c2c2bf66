"""The type useragent: scanners by name, no agent at all, and hosts that show ever new ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.events import Line
from f2b.filter.over import OverRequests, explain
from f2b.filter.useragent import FURTHER, UserAgent
from tests.filter.typed import counted, made, request


@pytest.mark.parametrize(
    ("options", "agent", "count"),
    [
        ({"agents": "sqlmap\nzgrab"}, "Mozilla ZGrab/0.x", 1),
        ({"agents": "sqlmap\nzgrab"}, "Mozilla", 0),
        ({"agents": "bot", "allowagents": "Googlebot"}, "Googlebot/2.1", 0),
        ({"agents": "bot", "allowagents": "Googlebot"}, "googlebot/2.1", 1),
        ({}, "-", 1),
        ({}, "", 1),
        ({"empty": "no"}, "-", 0),
        ({"allowagents": "^$"}, "-", 0),
    ],
)
def test_request_when_its_agent_is_named_or_missing_then_it_counts(
    options: dict[str, str], agent: str, count: int
) -> None:
    assert counted(made("useragent", **options), request(agent=agent)) == [count]


def test_request_when_the_log_does_not_say_the_agent_then_nobody_is_accused() -> None:
    text = 'INFO:     192.0.2.1:54321 - "GET /x HTTP/1.1" 404 Not Found'
    assert counted(made("useragent"), Line(f"{text}\n", text, 0.0)) == [0]


def test_maxagents_when_passed_then_each_further_agent_counts_once() -> None:
    tested = made("useragent", maxagents="2", window="10m")
    agents = ["a", "b", "a", "c", "c", "d", "a"]
    assert counted(tested, *(request(agent=agent) for agent in agents)) == [0, 0, 0, 1, 0, 1, 0]
    assert counted(tested, *(request(agent=agent, host="192.0.2.2") for agent in "ab")) == [0, 0]


def test_maxagents_when_the_window_is_over_then_old_agents_do_not_count() -> None:
    tested = made("useragent", maxagents="1", window="10m")
    lines = [request(agent="a"), request(agent="b", at=599), request(agent="c", at=1200), request(agent="d", at=1201)]
    assert counted(tested, *lines) == [0, 1, 0, 1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 200), st.integers(0, 900)), max_size=60))
def test_hosts_when_interleaved_then_each_fares_as_if_alone_and_little_is_kept(
    shown: list[tuple[int, int, int]],
) -> None:
    lines = [
        request(host=f"192.0.2.{host}", agent=f"a{agent}", at=at)
        for host, agent, at in sorted(shown, key=lambda it: it[2])
    ]
    together = made("useragent", maxagents="3", window="10m")
    counts = counted(together, *lines)
    for host in range(6):
        mine = [at for at, line in enumerate(lines) if line.raw.startswith(f"192.0.2.{host} ")]
        alone = made("useragent", maxagents="3", window="10m")
        assert counted(alone, *(lines[at] for at in mine)) == [counts[at] for at in mine]


def test_state_when_hosts_and_agents_are_endless_then_it_is_bounded() -> None:
    tested = made("useragent", maxagents="1", maxhosts="3")
    assert isinstance(tested, OverRequests)
    assert isinstance(tested.judge, UserAgent)
    for host in range(10):
        counted(tested, *(request(host=f"192.0.2.{host}", agent=f"{agent}") for agent in range(FURTHER * 2)))
    shown = tested.judge._shown
    assert len(shown) == 3
    assert all(len(shown.get(host, 0.0) or ()) <= FURTHER + 1 for host in shown)


def test_why_when_judged_then_it_says_what_decides() -> None:
    said: list[str] = []
    explain(made("useragent", agents="zgrab"), request(agent="zgrab"), said)
    assert "agents names 'zgrab'" in said[0]
