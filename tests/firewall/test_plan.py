from __future__ import annotations

import pytest

from f2b.errors import ConfigError, Place
from f2b.firewall.plan import Block, Plan, block, plan, priority

HERE = Place("action.d/nftables.conf", 3)


def planned(**options: str) -> Plan:
    return plan({"name": "sshd", **options}, HERE, lambda _: None)


def test_plan_when_nothing_is_said_then_it_is_fail2bans() -> None:
    assert planned() == Plan(
        family="inet",
        table="f2b-table",
        chain="f2b-chain",
        chain_type="filter",
        hook="input",
        priority=-1,
        policy="accept",
        sets={4: "addr-set-sshd", 6: "addr6-set-sshd"},
        protocols=(6,),
        ports=((22, 22),),
        block=Block("refuse"),
    )


def test_plan_when_options_are_given_then_they_count() -> None:
    made = planned(
        table="own",
        chain="guard",
        chain_hook="prerouting",
        chain_priority="raw",
        chain_policy="drop",
        addr_set="bad-<name>-<type>",
        port="80:90",
        protocol="tcp,udp",
        blocktype="drop",
    )
    assert (made.place, made.hook, made.priority, made.policy) == ("inet own guard", "prerouting", -300, "drop")
    assert made.sets == {4: "bad-sshd-multiport", 6: "addr6-set-sshd"}
    assert (made.protocols, made.ports, made.block) == ((6, 17), ((80, 90),), Block("drop"))


def test_sets_when_named_as_fail2ban_does_for_each_family_then_both_are_known() -> None:
    options = {"addr_set": "a-<name>", "addr_set?family=inet6": "six-<name>"}
    assert plan({"name": "sshd", **options}, HERE, lambda _: None).sets == {4: "a-sshd", 6: "six-sshd"}


def test_option_when_it_asks_for_the_known_value_then_it_is_the_default() -> None:
    assert planned(chain="<known/chain>").chain == "f2b-chain"


@pytest.mark.parametrize(("family", "sets"), [("ip", {4}), ("ip6", {6}), ("inet", {4, 6})])
def test_sets_when_the_table_has_a_family_then_they_have_it_too(family: str, sets: set[int]) -> None:
    assert planned(table_family=family).sets.keys() == sets


@pytest.mark.parametrize(
    ("options", "protocols", "ports"),
    [
        ({"type": "allports"}, (6,), ()),
        ({"type": "allports", "protocol": "all"}, (), ()),
        ({"protocol": "all"}, (6, 17), ((22, 22),)),
        ({"protocol": "udp,17,udp"}, (17,), ((22, 22),)),
        ({"port": "0:65535"}, (6,), ()),
        ({"port": "0:65535", "protocol": "all"}, (), ()),
        ({"type": "allports", "protocol": "icmp ipv6-icmp"}, (1, 58), ()),
        ({"type": "oneport", "port": "http"}, (6,), ((80, 80),)),
    ],
)
def test_scope_when_given_then_protocols_and_ports(
    options: dict[str, str], protocols: tuple[int, ...], ports: tuple[tuple[int, int], ...]
) -> None:
    made = planned(**options)
    assert (made.protocols, made.ports) == (protocols, ports)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": "nonsense"}, "port = nonsense: 'nonsense' is no port"),
        ({"protocol": "smoke"}, "protocol = smoke is not known"),
        ({"protocol": "300"}, "protocol = 300 is not known"),
        ({"protocol": " "}, "protocol is empty"),
        ({"protocol": "icmp"}, "protocol = icmp has no ports"),
        ({"type": "someports"}, "type = someports is not known"),
        ({"table_family": "arp"}, "table_family = arp is not known; use inet, ip, ip6"),
        ({"chain_hook": "ingress"}, "chain_hook = ingress is not known"),
        ({"chain_type": "magic"}, "chain_type = magic is not known"),
        ({"chain_policy": "queue"}, "chain_policy = queue is not known"),
        ({"chain_priority": "soon"}, "chain_priority = soon is neither"),
        ({"blocktype": "tickle"}, "blocktype = tickle is neither"),
        ({"table": "a b"}, "table = a b is no name"),
        ({"addr_set": "<nothing>"}, "addr_set = <nothing> is no name"),
        ({"chain": ""}, "chain =  is no name"),
    ],
)
def test_option_when_it_is_wrong_then_it_is_named_with_its_place(options: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(**options)
    assert str(caught.value).startswith(f"{HERE}: {words}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1", -1),
        ("0", 0),
        ("+7", 7),
        ("filter", 0),
        ("filter - 1", -1),
        ("filter-1", -1),
        ("raw + 5", -295),
        ("mangle", -150),
        ("dstnat", -100),
        ("security", 50),
        ("srcnat", 100),
    ],
)
def test_priority_when_written_as_nft_does_then_its_number(text: str, expected: int) -> None:
    assert priority(text) == expected


@pytest.mark.parametrize("text", ["", "-", "filter 1", "filter -", "late", "1 2", "filter - x"])
def test_priority_when_it_is_none_then_error(text: str) -> None:
    with pytest.raises(ValueError, match="chain_priority"):
        priority(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop", Block("drop")),
        ("reject", Block("refuse")),
        ("reject with tcp reset", Block("refuse")),
        ("reject  with icmpx type admin-prohibited", Block("icmp", (13, 1))),
        ("reject with icmp host-prohibited", Block("icmp", (10, 1))),
        ("reject with icmpv6 type no-route", Block("icmp", (0, 0))),
    ],
)
def test_block_when_written_as_nft_does_then_known(text: str, expected: Block) -> None:
    assert block(text) == expected


def test_sets_when_one_name_is_given_for_both_families_then_ipv6_has_its_own() -> None:
    both = plan(
        {"name": "sshd", "addr_set": "mine", "addr_set?family=inet6": "mine"}, Place("jail.conf"), lambda _: None
    )
    assert both.sets == {4: "mine", 6: "mine6"}
