"""Whom a ban hits besides the attacker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b import net
from f2b.ban.collateral import AGAIN_S, DAY_S, Arrival, Arrivals, Others

ALICE = Arrival("192.0.2.7", "alice", 1000.0)
NOW = 1060.0


def test_login_when_the_address_or_its_network_is_banned_then_it_is_said_who_and_when() -> None:
    others = Others()
    assert others.arrivals.note(ALICE)
    assert others.hit("192.0.2.7", NOW) == ["alice, who logged in 1m ago"]
    assert others.hit("192.0.2.0/24", NOW)[1:] == ["alice, who logged in from 192.0.2.7 1m ago"]
    assert others.hit("192.0.2.8", NOW) == []
    assert others.touches("192.0.2.7")


def test_login_when_a_day_is_over_then_it_no_longer_counts() -> None:
    arrivals = Arrivals()
    arrivals.note(ALICE)
    assert arrivals.inside("192.0.2.7", ALICE.time + DAY_S - 1) == [ALICE]
    assert arrivals.inside("192.0.2.7", ALICE.time + DAY_S) == []
    arrivals.purge(ALICE.time + DAY_S)
    assert len(arrivals) == 0


def test_login_when_it_follows_another_within_an_hour_then_it_is_no_news() -> None:
    arrivals = Arrivals()
    later = [ALICE._replace(time=ALICE.time + after) for after in (1.0, AGAIN_S - 1, AGAIN_S)]
    assert [arrivals.note(one) for one in (ALICE, *later)] == [True, False, False, True]
    assert arrivals.inside("192.0.2.7", NOW) == [later[-1]]


def test_logins_when_there_are_many_then_three_are_named_and_the_rest_counted() -> None:
    others = Others()
    for number in range(1, 7):
        others.arrivals.note(Arrival(f"192.0.2.{number}", "", NOW - number))
    assert others.hit("192.0.2.0/29", NOW) == [
        "all 8 addresses of the network",
        *(f"somebody, who logged in from 192.0.2.{number} {number}s ago" for number in (1, 2, 3)),
        "3 more who logged in within a day",
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("192.0.2.0/24", "all 256 addresses of the network"),
        ("192.0.2.0/31", "all 2 addresses of the network"),
        ("2001:db8::/48", "a whole IPv6 /48"),
        ("2001:db8::/64", None),
        ("2001:db8::1", None),
        ("alice/64", None),
    ],
)
def test_network_when_it_is_more_than_one_customers_then_it_is_said(key: str, said: str | None) -> None:
    assert Others().hit(key, NOW) == ([said] if said else [])


def test_gateway_when_it_would_be_banned_then_it_is_said() -> None:
    others = Others(lambda: {"192.0.2.254"})
    gateway = "all who come by the default gateway"
    assert others.hit("192.0.2.254", NOW) == [gateway]
    assert gateway in others.hit("192.0.2.0/24", NOW)
    assert others.hit("192.0.2.1", NOW) == []


def test_proxies_when_a_jail_names_them_then_all_jails_know_until_none_does() -> None:
    others = Others()
    listed = others.proxies("web", ["198.51.100.0/24", "file:/cdn"])
    assert others.proxies("mail", ["198.51.100.0/24", "file:/cdn"]) is listed
    listed.loaded("/cdn", ["2001:db8:5::/48"])
    proxy = ["all who come by a proxy that `proxies` names"]
    for key in ("198.51.100.9", "2001:db8:5::1", "2001:db8:5::/64"):
        assert others.hit(key, NOW) == proxy
    assert others.hit("203.0.113.1", NOW) == []
    others.proxies("web", [])
    assert others.hit("198.51.100.9", NOW) == proxy
    others.proxies("mail", [])
    assert others.hit("198.51.100.9", NOW) == []


def test_what_is_no_address_when_it_logs_in_then_it_is_passed_over() -> None:
    arrivals = Arrivals()
    assert not arrivals.note(ALICE._replace(address="alice"))
    assert not arrivals.note(ALICE._replace(address="192.0.2.0/24"))


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, DAY_S), st.booleans()), max_size=60))
def test_logins_when_they_are_many_then_the_latest_stay_and_networks_find_what_addresses_find(
    logins: list[tuple[int, float, bool]],
) -> None:
    arrivals, now = Arrivals(10), 0.0
    for number, after, asked in logins:
        now += after
        if asked:
            arrivals.inside("192.0.2.0/28")
        arrivals.note(Arrival(net.unpacked(bytes([192, 0, 2, number])), "", now))
        arrivals.purge(now)
    assert len(arrivals) <= 10
    each = [one for number in range(256) for one in arrivals.inside(f"192.0.2.{number}", now)]
    assert sorted(each) == sorted(arrivals.inside("192.0.2.0/24", now))
    assert len(each) == len(arrivals)


WIDE = st.sampled_from([net.unpacked(bytes([10, a, b, c])) for a in (0, 1, 255) for b in (0, 255) for c in (1, 254)])
WIDE_6 = st.sampled_from([f"2001:{a}:{b}:{c}::1" for a in ("db8", "db9") for b in "0f" for c in "0f"])
NETWORKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/15", "10.1.0.0/16", "10.1.0.0/17", "10.255.255.0/24")
NETWORKS_6 = ("::/0", "2001:db8::/32", "2001:db8::/31", "2001:db8:f::/48", "2001:db8:f::/47", "2001:db8:f:f::/64")


@given(st.lists(WIDE | WIDE_6, max_size=40), st.sampled_from(NETWORKS + NETWORKS_6))
def test_logins_when_a_network_is_wide_or_narrow_then_all_of_it_are_found(logins: list[str], network: str) -> None:
    arrivals = Arrivals(15)
    for number, address in enumerate(logins):
        arrivals.note(Arrival(address, "", NOW + number))
    there = net.NetSet([network])
    known = {one.address for address in set(logins) for one in arrivals.inside(address)}
    assert {one.address for one in arrivals.inside(network)} == {address for address in known if address in there}
