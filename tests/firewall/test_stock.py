"""The stock actions as the real Fail2Ban resolves them are the oracle."""

from __future__ import annotations

import pytest

from f2b.firewall.stock import nftables
from tests.firewall.resolved import resolved_by_fail2ban

ACTIONS = {
    "plain": "nftables[name=plain]",
    "multi": 'nftables-multiport[name=multi, port="ssh,http", protocol="tcp,udp", blocktype=drop]',
    "all": "nftables-allports[name=all, protocol=all, table=own, chain=guard, chain_hook=prerouting]",
    "four": 'nftables[name=four, table_family=ip, chain_priority="filter - 1", nftables=/usr/sbin/nft]',
    "custom": "nftables[name=custom, type=custom]",
    "why": 'nftables[name=why, blocktype="reject with icmp type host-prohibited"]',
    "no": "nftables[name=no, native=no]",
    "own": 'nftables[name=own, actionban="<nftables> add element inet <table> <addr_set> { <ip> }; logger <ip>"]',
    "late": 'nftables[name=late, actionstop="logger stopped"]',
    "more": 'nftables[name=more, actionprolong="logger <ip>"]',
    "new": "nftables[name=new, norestored=1]",
    "ipt": "iptables-multiport[name=ipt]",
    "mail": "sendmail[name=mail]",
}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The options that Fail2Ban hands to each of ACTIONS."""
    return resolved_by_fail2ban(ACTIONS, tmp_path_factory.mktemp("stock"))


def test_stock_action_when_it_is_unmodified_then_its_options_are_found(resolved: dict[str, dict[str, str]]) -> None:
    assert nftables(resolved["plain"]) == {
        "table_family": "inet",
        "table": "f2b-table",
        "chain": "f2b-chain",
        "chain_type": "filter",
        "chain_hook": "input",
        "chain_priority": "-1",
        "chain_policy": "accept",
        "type": "multiport",
        "protocol": "tcp",
        "port": "ssh",
        "blocktype": "reject",
        "addr_set": "addr-set-plain",
        "addr6_set": "addr6-set-plain",
    }


@pytest.mark.parametrize(
    ("jail", "options"),
    [
        ("multi", {"port": "ssh,http", "protocol": "tcp,udp", "blocktype": "drop", "type": "multiport"}),
        (
            "all",
            {"type": "allports", "protocol": "all", "table": "own", "chain": "guard", "chain_hook": "prerouting"},
        ),
        ("four", {"table_family": "ip", "chain_priority": "filter - 1"}),
        ("custom", {"type": "allports", "protocol": "all"}),
        ("why", {"blocktype": "reject with icmp type host-prohibited"}),
    ],
)
def test_stock_action_when_it_has_parameters_then_they_are_found(
    jail: str, options: dict[str, str], resolved: dict[str, dict[str, str]]
) -> None:
    found = nftables(resolved[jail])
    assert found is not None
    assert found.items() >= options.items()


@pytest.mark.parametrize("jail", ["own", "late", "more", "new", "ipt", "mail"])
def test_action_when_it_does_anything_else_then_it_runs_its_own_commands(
    jail: str, resolved: dict[str, dict[str, str]]
) -> None:
    assert nftables(resolved[jail]) is None


def test_action_when_its_jail_wants_no_native_firewall_then_it_runs_its_own_commands(
    resolved: dict[str, dict[str, str]],
) -> None:
    assert nftables({**resolved["plain"], "native": "no"}) is None


@pytest.mark.parametrize("verb", ["start", "stop", "flush", "check", "ban", "unban"])
@pytest.mark.parametrize(
    "more", ["logger hello", "nft flush ruleset", "echo x > /tmp/x", "nft list ruleset | mail root"]
)
def test_command_when_a_line_is_added_then_it_is_not_taken_for_stock(
    verb: str, more: str, resolved: dict[str, dict[str, str]]
) -> None:
    options = resolved["plain"]
    assert nftables({**options, f"action{verb}": f"{options[f'action{verb}']}\n{more}"}) is None
    assert nftables({**options, f"action{verb}": f"{more}\n{options[f'action{verb}']}"}) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type <addr_type>", "type <addr_type>\\; timeout 1h"),
        ("saddr", "daddr"),
        ("dport", "sport"),
        ("add rule", "insert rule"),
        (" reject", " counter reject"),
        (" reject", " log prefix x reject"),
    ],
)
def test_start_when_it_is_edited_then_it_is_something_else(
    old: str, new: str, resolved: dict[str, dict[str, str]]
) -> None:
    options = resolved["plain"]
    edited = options["actionstart"].replace(old, new)
    assert edited != options["actionstart"]
    found = nftables({**options, "actionstart": edited})
    assert found is None or found["blocktype"] == new.strip()
