"""Whose failure it is, from what a regex caught: addresses and networks in their one form."""

from __future__ import annotations

import pytest

from f2b.config.model import UseDns
from f2b.filter.identity import Identity, identify, known


@pytest.mark.parametrize(
    ("fid", "identity"),
    [
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.0/120", "::ffff:192.0.2.0/120"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0"),  # as Fail2Ban has it
        ("[user]", "user"),
        ("[", "["),
        ("[user", "[user"),
        ("user/x", "user/x"),
    ],
)
def test_id_when_caught_then_an_address_or_a_network_has_its_one_form(fid: str, identity: str) -> None:
    assert identify({"fid": fid}, "warn") == Identity(identity, None)
    assert identify({"fid": fid, "ip4": "192.0.2.7"}, "warn") == Identity(identity, "192.0.2.7")
    assert identify({"fid": fid}, "raw") == Identity(fid, None)


@pytest.mark.parametrize(
    ("captures", "usedns", "identity"),
    [
        ({"ip4": "192.0.2.1", "cidr": "24"}, "warn", Identity("192.0.2.0/24", "192.0.2.0/24")),
        ({"ip6": "2001:DB8::1", "cidr": "999x"}, "warn", Identity("2001:DB8::1", "2001:DB8::1")),
        ({"ip4": "999.1.1.1"}, "warn", Identity("999.1.1.1", "999.1.1.1")),
        ({"dns": "192.0.2.1"}, "no", Identity("192.0.2.1", "192.0.2.1")),
        ({"dns": "a.example"}, "no", None),
        ({"dns": "a.example"}, "raw", Identity("a.example", "a.example")),
        ({"dns": "a.example"}, "yes", Identity("a.example", "a.example", "a.example")),
        ({"dns": "a.example", "fid": "x"}, "warn", Identity("a.example", "a.example", "a.example")),
        ({"dns": "a.example", "fid": "x"}, "raw", Identity("x", "a.example")),
        ({"user": "x"}, "warn", None),
        ({}, "warn", None),
    ],
)
def test_identity_when_captures_tell_of_a_host_then_it_is_told_as_usedns_wants(
    captures: dict[str, str], usedns: UseDns, identity: Identity | None
) -> None:
    assert identify(captures, usedns) == identity


@pytest.mark.parametrize("name", ["ip4", "ip6", "dns", "fid"])
def test_known_when_any_of_the_names_holds_something_then_yes(name: str) -> None:
    assert known({name: "x"})
    assert not known({name: "", "user": "x"})
