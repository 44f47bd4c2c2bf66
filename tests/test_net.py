from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.net import NetSet, Spans, address, beginning, family, network, packed, span, unpacked

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("192.0.2", None),
        ("192.0.2.01", None),
        ("fe80::1%eth0", None),
        ("192.0.2.1\0", None),
        ("host", None),
        ("", None),
    ],
)
def test_address_when_any_text_then_is_canonical_or_none(text: str, expected: str | None) -> None:
    assert address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("192.0.2.9/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.9/32", "192.0.2.9"),
        ("192.0.2.9/99", "192.0.2.9"),
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("2001:db8::1/ffff:ffff::", "2001:db8::/32"),
        ("192.0.2.9/255.0.255.0", None),
        ("192.0.2.9/ffff::", None),
        ("192.0.2.9/-1", None),
        ("host/8", None),
    ],
)
def test_network_when_any_text_then_is_canonical_or_none(text: str, expected: str | None) -> None:
    assert network(text) == expected


@given(addresses)
def test_packed_when_unpacked_again_then_is_the_canonical_text(given_address: ipaddress.IPv4Address) -> None:
    raw = packed(given_address.exploded)
    assert raw is not None
    assert unpacked(raw) == address(str(given_address))
    assert packed(unpacked(raw)) == raw


@given(addresses, st.integers(0, 32))
def test_span_when_of_a_network_then_agrees_with_ipaddress(host: ipaddress.IPv4Address, length: int) -> None:
    text = f"{host}/{length}"
    raw = packed(str(host))
    assert raw is not None
    expected = ipaddress.ip_network((raw, length), strict=False)
    assert span(text) == (expected.version, int(expected[0]), int(expected[-1]))
    assert network(text) == (str(host) if length == 32 and host.version == 4 else network(str(expected)))
    assert family(text) == expected.version


@pytest.mark.parametrize("text", ["", "user@host", "192.0.2"])
def test_family_when_no_address_then_is_zero(text: str) -> None:
    assert (family(text), span(text)) == (0, None)


def test_holder_when_several_hold_it_then_is_the_narrowest() -> None:
    nets = NetSet(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32"])
    assert nets.holder("10.1.2.3") == "10.1.2.3"
    assert nets.holder("10.1.9.9") == "10.1.0.0/16"
    assert nets.holder("::ffff:10.9.9.9") == "10.0.0.0/8"
    assert nets.holder("2001:db8::7") == "2001:db8::/32"
    assert nets.holder("192.0.2.1") is None
    assert nets.holder("nobody") is None


def test_net_set_when_an_entry_is_no_network_then_raises_value_error() -> None:
    with pytest.raises(ValueError, match="'host' is neither"):
        NetSet(["host"])
    assert not NetSet()


@given(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), max_size=8), st.ip_addresses(v=4))
def test_net_set_when_asked_then_agrees_with_ipaddress(
    entries: list[tuple[ipaddress.IPv4Address, int]], asked: ipaddress.IPv4Address
) -> None:
    nets = [ipaddress.ip_network((int(base), length), strict=False) for base, length in entries]
    assert (str(asked) in NetSet(map(str, nets))) == any(asked in net for net in nets)


@given(st.lists(st.integers(0, 255), max_size=6), st.integers(0, 255), st.integers(24, 32))
def test_spans_hold_what_overlaps_with_any_of_them(entries: list[int], base: int, length: int) -> None:
    spared = [f"10.0.0.{entry}/{24 + entry % 9}" for entry in entries]
    network = f"10.0.0.{base}/{length}"
    asked = ipaddress.ip_network(network, strict=False)
    expected = any(asked.overlaps(ipaddress.ip_network(entry, strict=False)) for entry in spared)
    assert (network in Spans([*spared, "no address", "2001:db8::/32"])) == expected
    assert "2001:db8:1::7" in Spans(["2001:db8::/32"])
    assert "no address" not in Spans(["no address"])


@given(addresses, st.integers(1, 128), st.integers(1, 128), st.integers(0))
def test_beginning_when_something_is_inside_a_network_then_its_text_begins_so(
    host: ipaddress.IPv4Address, wide: int, narrow: int, other: int
) -> None:
    bits = host.max_prefixlen
    outer = ipaddress.ip_network((int(host), min(wide, bits)), strict=False) if bits == 32 else None
    net = outer or ipaddress.IPv6Network((int(host), wide), strict=False)
    inner = type(host)(int(net.network_address) + other % net.num_addresses)
    begin = beginning(network(str(net)) or "")
    assert (network(f"{inner}/{max(narrow, net.prefixlen)}") or "").startswith(begin)
    assert (address(str(inner)) or "").startswith(begin)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("10.77.0.0/16", "10.77."),
        ("10.77.16.0/20", "10.77."),
        ("0.0.0.0/0", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::/32", "2001:db8:"),
        ("2001:db8:0:1::/64", "2001:db8:"),
        ("::/8", ""),
    ],
)
def test_beginning_when_of_a_network_then_is_its_whole_bytes_or_groups(text: str, begin: str) -> None:
    assert beginning(text) == begin
