from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.web import decision
from f2b.web.decision import LONGEST_S, RENEW_S, UNSURE, QueryError, Wanted
from f2b.web.mirror import FOR_EVER, Banned, Mirror

NOW = 10_000_000.0
GO = re.compile(r"-?(?:(\d+)h)?(?:(\d+)m)?(\d+(?:\.\d+)?)s")
ALL = Wanted()


def ban(key: str, jail: str = "sshd", left: float = 600.0) -> Banned:
    return Banned(jail, key, NOW - 10, NOW + left, 3, 1)


def mirror(*bans: Banned) -> Mirror:
    found = Mirror()
    found.fill(bans)
    return found


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (14397.123, "3h59m57.123s"),
        (600.0, "10m0s"),
        (59.9996, "1m0s"),
        (0.25, "0.25s"),
        (0.0, "0s"),
        (-1.5, "-1.5s"),
        (3600.0, "1h0m0s"),
        (LONGEST_S, "596h31m23s"),
    ],
)
def test_span_when_written_then_as_go_writes_it(seconds: float, text: str) -> None:
    assert decision.span(seconds) == text


@given(st.floats(-1e9, 1e9))
def test_span_when_read_as_go_reads_it_then_it_is_the_same_to_the_millisecond(seconds: float) -> None:
    text = decision.span(seconds)
    found = GO.fullmatch(text)
    assert found
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    assert minutes < 60
    assert rest < 60
    read = (3600 * hours + 60 * minutes + rest) * (-1 if text.startswith("-") else 1)
    assert abs(read - seconds) < 0.00051


def test_decision_when_written_then_it_has_all_that_is_required() -> None:
    write = decision.writer(NOW)
    said = json.loads(write(ban("192.0.2.1", 'j"1')))
    assert said == {
        "duration": "10m0s",
        "id": said["id"],
        "origin": "f2b",
        "scenario": 'f2b/j"1',
        "scope": "Ip",
        "type": "ban",
        "value": "192.0.2.1",
    }
    assert isinstance(said["id"], int)
    assert json.loads(write(ban("2001:db8::/32")))["scope"] == "Range"
    over = json.loads(decision.ended("192.0.2.1"))
    assert (over["id"], over["value"], over["duration"]) == (said["id"], "192.0.2.1", "-1s")
    assert set(over) == set(said)


def test_id_when_asked_for_again_then_it_is_the_same_and_differs_between_values() -> None:
    values = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(50_000)]
    assert decision.number("192.0.2.1") == 78201645564418
    assert len({decision.number(value) for value in values}) == len(values)


def test_delta_when_several_jails_ban_somebody_then_the_longest_ban_is_the_decision() -> None:
    held = mirror(ban("192.0.2.1", "a", 100), ban("192.0.2.1", "b", 900), ban("192.0.2.1", "c", 500))
    found = decision.delta(held, ALL, {}, NOW)
    assert [(each.jail, each.end) for each in found.new] == [("b", NOW + 900)]


def test_delta_when_one_of_two_bans_is_over_then_nothing_is_told() -> None:
    held = {"192.0.2.1": NOW + 900}
    assert decision.delta(mirror(ban("192.0.2.1", "a", 100)), ALL, held, NOW) == ([], [], NOW + 100)
    assert decision.delta(mirror(), ALL, held, NOW) == ([], ["192.0.2.1"], FOR_EVER)


def test_delta_when_a_ban_has_ended_and_nobody_said_so_yet_then_it_is_over() -> None:
    assert decision.delta(mirror(ban("192.0.2.1", left=0)), ALL, {"192.0.2.1": NOW}, NOW).over == ["192.0.2.1"]


def test_delta_when_somebody_is_named_by_no_address_then_no_bouncer_hears_of_it() -> None:
    held = mirror(ban("mallory"), ban("mallory/x"), ban("192.0.2.0/24"), ban("::1"))
    assert [each.id for each in decision.delta(held, ALL, {}, NOW).new] == ["192.0.2.0/24", "::1"]


@pytest.mark.parametrize(
    ("told", "left", "due"),
    [
        (600.0, 600.0, False),
        (600.0, 600.5, False),
        (600.0, 602.0, True),
        (600.0, 300.0, False),  # another jail's ban, which is over sooner: it is told when that is so
        (600.0, FOR_EVER, True),
        (LONGEST_S, FOR_EVER, False),
        (LONGEST_S - 100, FOR_EVER, False),
        (RENEW_S - 1, FOR_EVER, True),
        (2 * RENEW_S, 3 * RENEW_S, True),
        (UNSURE - NOW, 600.0, True),
    ],
)
def test_delta_when_a_ban_lasts_longer_than_was_told_then_it_is_told_again(
    told: float, left: float, due: bool
) -> None:
    found = decision.delta(mirror(ban("192.0.2.1", left=left)), ALL, {"192.0.2.1": NOW + told}, NOW)
    assert (bool(found.new), found.over, found.first) == (due, [], NOW + left)


def test_decision_when_a_ban_is_for_ever_then_bouncers_are_told_what_an_ipset_can_hold() -> None:
    assert json.loads(decision.writer(NOW)(ban("::1", left=FOR_EVER)))["duration"] == "596h31m23s"
    assert decision.until(ban("::1", left=FOR_EVER), NOW) == NOW + LONGEST_S


BANS = [
    ban("192.0.2.1", "sshd", 500),
    ban("192.0.2.0/24", "nginx-limit", 400),
    ban("192.0.0.0/16", "recidive", 300),
    ban("198.51.100.7", "sshd", 200),
    ban("2001:db8::7", "dovecot", 100),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "01234"),
        ({"ip": "192.0.2.1"}, "012"),
        ({"ip": "192.0.2.1", "contains": "false"}, "0"),
        ({"ip": "192.0.2.2"}, "12"),
        ({"ip": "2001:DB8:0::7"}, "4"),
        ({"ip": "9.9.9.9"}, ""),
        ({"range": "192.0.2.0/24"}, "12"),
        ({"range": "192.0.2.128/25"}, "12"),
        ({"range": "192.0.2.0/24", "contains": "false"}, "01"),
        ({"range": "192.0.0.0/16"}, "2"),
        ({"value": "192.0.2.0/24"}, "1"),
        ({"value": "192.0.2.1", "scope": "Ip"}, "0"),
        ({"value": "192.0.2.1", "scope": "range"}, ""),
        ({"value": "nobody"}, ""),
        ({"scope": "Ip"}, "034"),
        ({"scopes": "Range"}, "12"),
        ({"scopes": "range, ip"}, "01234"),
        ({"scopes": "username"}, ""),
        ({"type": "ban"}, "01234"),
        ({"type": "captcha"}, ""),
        ({"origins": "crowdsec,f2b"}, "01234"),
        ({"origins": "CAPI"}, ""),
        ({"scenarios_containing": "ssh,DOVE"}, "034"),
        ({"scenarios_not_containing": "sshd,recidive"}, "14"),
        ({"ip": "192.0.2.1", "scenarios_containing": "nginx"}, "1"),
    ],
)
def test_query_when_filters_are_given_then_what_fits_is_found_longest_first(
    query: dict[str, str], found: str
) -> None:
    numbers = {each: str(index) for index, each in enumerate(BANS)}
    assert "".join(numbers[each] for each in decision.asked(mirror(*BANS), query, NOW)) == found


@pytest.mark.parametrize("query", [{"ip": "x"}, {"ip": "192.0.2.0/24"}, {"range": "192.0.2.0/x"}])
def test_query_when_it_names_no_address_then_it_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(QueryError, match="invalid"):
        decision.asked(mirror(), query, NOW)
