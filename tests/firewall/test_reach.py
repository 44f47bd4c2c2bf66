"""Which packets an action looks at, and which rules of others come before it."""

from __future__ import annotations

import pytest

from f2b.errors import Place
from f2b.firewall import Ahead, Reach
from f2b.firewall.plan import plan
from f2b.firewall.reach import ahead_of, reach_of
from f2b.firewall.xtables import xtables

HERE = Place("jail.conf")
WHO = "192.0.2.66"
OURS = "-A INPUT -p tcp -m multiport --dports 22,80 -j f2b-sshd"
CHAINS = [":INPUT DROP [0:0]", ":ufw-before - [0:0]", ":f2b-sshd - [0:0]"]


def nobody(_: str) -> None:
    """The services of a host without /etc/services."""


@pytest.mark.parametrize(
    ("options", "reach"),
    [
        ({}, Reach(frozenset({4, 6}), (6,), ((22, 22),), "input", True)),
        ({"table_family": "ip6"}, Reach(frozenset({6}), (6,), ((22, 22),), "input", True)),
        (
            {"type": "allports", "protocol": "all", "chain_hook": "prerouting", "chain_priority": "raw"},
            Reach(frozenset({4, 6}), (), (), "prerouting", False),
        ),
        ({"chain_hook": "prerouting"}, Reach(frozenset({4, 6}), (6,), ((22, 22),), "prerouting", True)),
    ],
    ids=str,
)
def test_reach_when_asked_of_an_nftables_plan_then_it_is_what_its_rules_match(
    options: dict[str, str], reach: Reach
) -> None:
    assert reach_of(plan({"name": "sshd", **options}, HERE, nobody)) == reach


@pytest.mark.parametrize(
    ("options", "hook", "translated"),
    [
        ({}, "input", True),
        ({"chain": "DOCKER-USER"}, "forward", True),
        ({"chain": "PREROUTING", "table": "raw"}, "prerouting", False),
    ],
    ids=str,
)
def test_reach_when_asked_of_an_iptables_plan_then_its_chain_and_table_decide(
    options: dict[str, str], hook: str, translated: bool
) -> None:
    wanted = xtables({"name": "sshd", "protocol": "tcp,udp", **options}, "iptables", HERE, nobody)
    assert reach_of(wanted) == Reach(frozenset({4, 6}), (6, 17), ((22, 22),), hook, translated)


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ("-j ACCEPT", True),
        (f"-s {WHO}/32 -j ACCEPT", True),
        ("-s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j ACCEPT", True),
        ("-p tcp -m multiport --dports 1:1000 -m comment --comment web -j ACCEPT", True),
        ("-i eth0 -p 6 -j ACCEPT", True),
        ("! -s 198.51.100.0/24 -j ACCEPT", True),
        (f"! -s {WHO}/32 -j ACCEPT", False),
        ("-s 198.51.100.0/24 -j ACCEPT", False),
        ("-i lo -j ACCEPT", False),
        ("-p udp -j ACCEPT", False),
        ("-p tcp -m tcp --dport 443 -j ACCEPT", False),
        ("-m limit --limit 1/sec -j ACCEPT", False),
        ("-p tcp -j DROP", False),
        ("-p tcp -j nowhere", False),
    ],
)
def test_rule_when_it_stands_before_ours_then_it_is_found_if_it_may_let_this_one_in(rule: str, met: bool) -> None:
    wanted = xtables({"name": "sshd", "port": "22,80"}, "iptables", HERE, nobody)
    before = [*CHAINS, f"-A INPUT {rule}", OURS]
    behind = [*CHAINS, OURS, f"-A INPUT {rule}"]
    assert ahead_of(wanted, wanted.halves[4], WHO, before) == [Ahead(f"-A INPUT {rule}", False)] * met
    assert ahead_of(wanted, wanted.halves[4], WHO, behind) == []
    assert ahead_of(wanted, wanted.halves[4], WHO, before[:-1]) == []


def test_rule_when_it_stands_in_a_chain_that_comes_before_ours_then_it_is_found() -> None:
    wanted = xtables({"name": "sshd", "port": "22,80", "type": "allports"}, "iptables", HERE, nobody)
    running = "-A ufw-before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    loop = "-A ufw-before -j ufw-before"
    listing = [*CHAINS, "-A INPUT -j ufw-before", running, loop, "-A INPUT -p tcp -j f2b-sshd"]
    found = ahead_of(wanted, wanted.halves[4], WHO, listing)
    assert set(found) == {Ahead(running, True)}


def test_rule_when_our_rule_looks_at_a_set_then_it_is_found_as_well() -> None:
    wanted = xtables({"name": "sshd", "protocol": "all", "type": "allports"}, "ipset", HERE, nobody)
    ours = "-A INPUT -m set --match-set f2b-sshd src -j REJECT --reject-with icmp-port-unreachable"
    listing = [":INPUT ACCEPT [0:0]", "-A INPUT -p icmp -j ACCEPT", "-A INPUT -p udp -j ACCEPT", ours]
    assert ahead_of(wanted, wanted.halves[4], WHO, listing) == [Ahead("-A INPUT -p udp -j ACCEPT", False)]
