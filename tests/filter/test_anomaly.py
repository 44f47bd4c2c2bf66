"""The type anomaly: who stands out among all hosts, or by the share of what is suspect."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.events import Line
from f2b.filter.anomaly import STEPS_OF_A_HOST, Anomaly
from f2b.filter.histogram import Histogram
from f2b.filter.over import OverRequests, explain
from tests.filter.typed import counted, made, request, wrong


def missing(host: int = 1, at: float = 0.0) -> Line:
    return request("GET /x HTTP/1.1", 404, f"192.0.2.{host}", at)


def fine(host: int = 1, at: float = 0.0) -> Line:
    return request("GET / HTTP/1.1", 200, f"192.0.2.{host}", at)


def test_ratio_when_reached_with_enough_requests_then_the_host_fails_once_a_window() -> None:
    tested = made("anomaly", status="404", ratio="0.5", minrequests="4")
    assert counted(tested, missing(), missing(), missing(), fine(), missing(), missing()) == [0, 0, 0, 1, 0, 0]


def test_ratio_when_not_reached_then_nobody_fails() -> None:
    tested = made("anomaly", status="404", ratio="0.51", minrequests="4")
    assert counted(tested, missing(), missing(), fine(), fine()) == [0] * 4


def test_window_when_it_slides_then_old_requests_do_not_count() -> None:
    tested = made("anomaly", status="404", ratio="1", minrequests="2", window="1m")
    lines = [fine(), missing(at=59), missing(at=60), missing(at=61), missing(at=119), missing(at=121)]
    assert counted(tested, *lines) == [0, 0, 1, 0, 0, 1]


def test_deviation_when_a_host_is_far_above_the_median_then_it_fails() -> None:
    tested = made("anomaly", status="404", deviation="5", minrequests="1")
    crowd = [line for host in range(10, 21) for line in (fine(host), missing(host))]
    assert not any(counted(tested, *crowd))
    assert counted(tested, *[missing() for _ in range(7)]) == [0] * 5 + [1, 0]


def test_both_when_given_then_both_must_hold() -> None:
    tested = made("anomaly", status="404", deviation="3", ratio="0.9", minrequests="1")
    assert not any(counted(tested, *[fine(host) for host in range(10, 21)]))
    assert not any(counted(tested, *[fine() for _ in range(4)], *[missing() for _ in range(4)]))
    assert any(counted(tested, *[missing(2) for _ in range(4)]))


def test_weight_when_given_then_the_failure_counts_for_it() -> None:
    assert counted(made("anomaly", status="404", ratio="1", minrequests="1", weight="7"), missing()) == [7]


@pytest.mark.parametrize(
    "options", [{}, {"ratio": "2"}, {"ratio": "x"}, {"deviation": "-1"}, {"ratio": "1", "minrequests": "0"}]
)
def test_option_when_wrong_then_that_is_an_error(options: dict[str, str]) -> None:
    assert all(problem.place and problem.cure for problem in wrong("anomaly", **options))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80))
def test_histogram_when_asked_then_it_agrees_with_the_plain_way(values: list[int]) -> None:
    tested = Histogram()
    for value in values:
        tested.add(0)
        tested.move(0, value)
    middle = statistics.median(values)
    assert tested.median() == middle
    assert tested.deviation(middle) == statistics.median(abs(value - middle) for value in values)
    for value in values[1:]:
        tested.remove(value)
    assert (tested.total, tested.median()) == (1, values[0])


class Plain:
    """The same by the plain way: all requests of the window are kept."""

    def __init__(self, deviation: float, least: int, window: float) -> None:
        self._deviation, self._least, self._window = deviation, least, window
        self._requests: list[tuple[float, int, bool]] = []
        self._failed: dict[int, float] = {}

    def count(self, host: int, suspect: bool, at: float) -> int:
        """Return what a request counts for."""
        self._requests = [one for one in self._requests if one[0] > at - self._window] + [(at, host, suspect)]
        counts: dict[int, int] = {}
        for _, other, bad in self._requests:
            counts[other] = counts.get(other, 0) + bad
        middle = statistics.median(counts.values())
        spread = max(1.0, statistics.median(abs(count - middle) for count in counts.values()))
        enough = sum(other == host for _, other, _ in self._requests) >= self._least
        again = self._failed.get(host, -1e9) > at - self._window
        if again or not enough or counts[host] < middle + self._deviation * spread:
            return 0
        self._failed[host] = at
        return 1


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 40)), max_size=80))
def test_requests_when_counted_step_by_step_then_it_is_as_if_all_were_kept(
    requests: list[tuple[int, bool, int]],
) -> None:
    tested, plain, at = (
        made("anomaly", status="404", deviation="2", minrequests="3", window="2m"),
        Plain(2, 3, 120),
        0.0,
    )
    for host, suspect, later in requests:
        at += later
        line = missing(host, at) if suspect else fine(host, at)
        assert counted(tested, line) == [plain.count(host, suspect, at)]


def test_state_when_hosts_are_endless_then_it_is_bounded() -> None:
    tested = made("anomaly", status="404", deviation="100", maxhosts="10")
    assert isinstance(tested, OverRequests)
    assert isinstance(tested.judge, Anomaly)
    for second in range(100):
        counted(tested, *(missing(host, at=second * 2) for host in range(30)))
        assert tested.judge.state["hosts"] <= 10
        assert tested.judge.state["steps"] <= 10 * STEPS_OF_A_HOST


def test_why_when_judged_then_it_compares() -> None:
    said: list[str] = []
    explain(made("anomaly", status="404", deviation="3", minrequests="1"), missing(), said)
    assert "1 of 1 requests are suspect; the median of 1 hosts is 1" in said[0]
