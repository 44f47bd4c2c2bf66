"""The type distributed: botnets by subnet or by what their failures have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.events import SUCCESS, Failure
from f2b.filter.build import build
from f2b.filter.distributed import Distributed
from f2b.filter.over import OverFailures, explain
from tests.filter.typed import LOGIN, NOW, bad, fed, made, request, spec, wrong


def ids(failures: list[Failure]) -> list[str]:
    return [failure.id for failure in failures]


def test_group_when_it_has_enough_hosts_then_all_of_them_fail_and_further_ones_at_once() -> None:
    tested = made("distributed", LOGIN, groupby="user", minhosts="3")
    assert not fed(tested, [bad("192.0.2.1"), bad("192.0.2.1"), bad("198.51.100.2"), bad("192.0.2.9", user="eve")])
    found = fed(tested, [bad("203.0.113.3", at=5)])
    assert sorted(ids(found)) == ["192.0.2.1", "198.51.100.2", "203.0.113.3"]
    assert {failure.time for failure in found} == {NOW + 5}
    assert found[0].matches == ("bad bob from 192.0.2.1",)
    assert ids(fed(tested, [bad("192.0.2.4"), bad("192.0.2.1"), bad("192.0.2.9", user="eve")])) == [
        "192.0.2.4",
        "192.0.2.1",
    ]


def test_attack_when_its_hosts_are_gone_then_it_is_over() -> None:
    tested = made("distributed", LOGIN, groupby="user", minhosts="2", window="10m")
    assert len(fed(tested, [bad("192.0.2.1"), bad("192.0.2.2", at=599)])) == 2
    assert not fed(tested, [bad("192.0.2.3", at=1200)])
    assert ids(fed(tested, [bad("192.0.2.4", at=1201)])) == ["192.0.2.3", "192.0.2.4"]


@pytest.mark.parametrize(
    ("options", "hosts", "failed"),
    [
        ({"ban": "subnet"}, ["192.0.2.1", "192.0.2.200"], ["192.0.2.0/24"]),
        ({"ban": "subnet", "prefix4": "25"}, ["192.0.2.1", "192.0.2.200"], []),
        ({"ban": "subnet"}, ["2001:db8::1", "2001:db8::ffff:1"], ["2001:db8::/64"]),
        ({"ban": "subnet", "prefix6": "48"}, ["2001:db8::1", "2001:db8:0:1::1"], ["2001:db8::/48"]),
        ({}, ["192.0.2.1", "192.0.2.200"], ["192.0.2.1", "192.0.2.200"]),
        ({}, ["192.0.2.1", "192.0.3.1"], []),
        ({}, ["192.0.2.1", "192.0.2.1"], []),
    ],
)
def test_subnet_when_enough_of_it_fail_then_it_or_its_hosts_fail(
    options: dict[str, str], hosts: list[str], failed: list[str]
) -> None:
    tested = made("distributed", LOGIN, groupby="subnet", minhosts="2", **options)
    found = fed(tested, map(bad, hosts))
    assert ids(found) == failed
    if "ban" in options:
        assert [failure.host for failure in found] == failed


def test_field_when_any_is_captured_then_it_groups() -> None:
    tested = made("distributed", spec("http", status="404"), groupby="path", minhosts="2")
    lines = [request("GET /x HTTP/1.1", 404), request("GET /y HTTP/1.1", 404, host="192.0.2.2")]
    assert not fed(tested, lines)
    assert len(fed(tested, [request("GET /x HTTP/1.1", 404, host="192.0.2.3")])) == 2
    nobody = made("distributed", spec("http", status="404"), groupby="user", minhosts="1")
    assert not fed(nobody, lines)


def test_host_when_it_succeeds_then_it_is_no_part_of_the_group() -> None:
    tested = made("distributed", LOGIN, groupby="user", minhosts="2")
    assert isinstance(tested, OverFailures)
    success = fed(made("any", LOGIN), [bad()])[0]._replace(attempts=SUCCESS)
    fed(tested, [bad(), bad(user="ann")])
    tested.judge.pardon(success)
    assert not fed(tested, [bad("192.0.2.2")])
    assert len(fed(tested, [bad("192.0.2.2", user="ann")])) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"minhosts": "2"},
        {"groupby": "user"},
        {"groupby": "user", "minhosts": "0"},
        {"groupby": "user", "minhosts": "2", "ban": "subnet"},
        {"groupby": "subnet", "minhosts": "2", "prefix4": "33"},
    ],
)
def test_option_when_wrong_then_that_is_an_error(options: dict[str, str]) -> None:
    assert all(problem.place and problem.cure for problem in wrong("distributed", LOGIN, **options))


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["bob", "ann"])), max_size=40), st.data())
def test_hosts_when_they_come_in_any_order_then_the_same_fail(
    failures: list[tuple[int, str]], data: st.DataObject
) -> None:
    def failed(order: list[tuple[int, str]]) -> set[tuple[str, str]]:
        tested = made("distributed", LOGIN, groupby="user", minhosts="4")
        found = fed(tested, [bad(f"192.0.2.{host}", user) for host, user in order])
        return {(failure.id, str(failure.captures["user"])) for failure in found}

    order = data.draw(st.permutations(failures))
    assert failed(failures) == failed(order)


def test_state_when_hosts_and_groups_are_endless_then_it_is_bounded() -> None:
    tested = made("distributed", LOGIN, groupby="user", minhosts="3", maxhosts="50")
    fed(tested, [bad(f"192.0.{one // 200}.{one % 200}", user=f"u{one % 70}") for one in range(2000)])
    assert isinstance(tested, OverFailures)
    judge = tested.judge
    assert isinstance(judge, Distributed)
    assert len(judge._failed) == sum(map(len, judge._hosts.values())) == sum(map(len, judge._groups.values())) == 50


def test_why_when_judged_then_it_counts_the_hosts() -> None:
    tested, _ = build(spec("distributed", LOGIN, groupby="user", minhosts="3"))
    assert tested
    said: list[str] = []
    explain(tested, bad(), said)
    assert "1 hosts failed with user 'bob'" in said[1]
