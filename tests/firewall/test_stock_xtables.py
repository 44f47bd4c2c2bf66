"""The stock iptables and ipset actions as the real Fail2Ban resolves them are the oracle."""

from __future__ import annotations

import pytest

from f2b.config.model import ActionSpec, FilterSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.firewall.choice import choose
from f2b.firewall.plan import Plan
from f2b.firewall.stock_xtables import xtables
from f2b.firewall.xtables import Half, Xtables
from tests.firewall.resolved import resolved_by_fail2ban

HERE = Place("jail.conf")
REJECT4 = "-j REJECT --reject-with icmp-port-unreachable"
REJECT6 = "-j REJECT --reject-with icmp6-port-unreachable"
ACTIONS = {
    "plain": "iptables[name=plain]",
    "multi": 'iptables-multiport[name=multi, port="ssh,http,6000:6010", protocol="tcp,udp"]',
    "all": "iptables-allports[name=all, protocol=all]",
    "fresh": "iptables-new[name=fresh, port=http]",
    "logged": "iptables-multiport-log[name=logged]",
    "old": (
        'iptables-multiport[name=old, lockingopt="", actionstart="<iptables> -N f2b-<name>\n'
        " <iptables> -A f2b-<name> -j <returntype>\n <iptables> -I <chain> -p <protocol> -m multiport --dports <port>"
        ' -j f2b-<name>", actioncheck="<iptables> -n -L <chain> | grep -q \'f2b-<name>[ \\t]\'"]'
    ),
    "raw": 'iptables[name=raw, chain=PREROUTING, iptables="iptables-legacy -w 5 -t raw", blocktype=DROP]',
    "set": "iptables-ipset[name=set]",
    "set4": "iptables-ipset-proto4[name=set4, protocol=udp, port=53]",
    "set6": "iptables-ipset-proto6[name=set6, ipsettime=<timeout-bantime>]",
    "setall": "iptables-ipset-proto6-allports[name=setall, chain=FORWARD]",
    "recent": "iptables-xt_recent-echo[name=recent]",
    "nft": "nftables[name=nft]",
    "mail": "sendmail[name=mail]",
    "no": "iptables-multiport[name=no, native=no]",
    "new": "iptables-multiport[name=new, norestored=1]",
    "hour": "iptables-ipset[name=hour, ipsettime=3600]",
    "what": "iptables-multiport[name=what, port=nowhere]",
}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The options that Fail2Ban hands to each of ACTIONS."""
    return resolved_by_fail2ban(ACTIONS, tmp_path_factory.mktemp("stock"))


def nobody(_: str) -> None:
    """The services of a host without /etc/services."""


def found(options: dict[str, str]) -> Xtables | None:
    return xtables(options, HERE, nobody)


@pytest.mark.parametrize(
    ("jail", "matches"),
    [
        ("plain", ("-p tcp -m multiport --dports 22",)),
        ("multi", ("-p tcp -m multiport --dports 22,80,6000:6010", "-p udp -m multiport --dports 22,80,6000:6010")),
        ("all", ("-p all",)),
        ("fresh", ("-m state --state NEW -p tcp -m multiport --dports 80",)),
        ("old", ("-p tcp -m multiport --dports 22",)),
    ],
)
def test_iptables_action_when_it_is_unmodified_then_chain_and_rules_are_found(
    jail: str, matches: tuple[str, ...], resolved: dict[str, dict[str, str]]
) -> None:
    plan = found(resolved[jail])
    chain = f"f2b-{jail}"
    assert plan
    assert plan.halves[4] == Half("iptables", "filter", REJECT4, chain, {chain: ("-j RETURN",)})
    assert plan.halves[6] == Half("ip6tables", "filter", REJECT6, chain, {chain: ("-j RETURN",)})
    assert (plan.parent, plan.matches) == ("INPUT", matches)


def test_iptables_action_when_it_logs_then_its_second_chain_is_found(resolved: dict[str, dict[str, str]]) -> None:
    plan = found(resolved["logged"])
    assert plan
    assert plan.halves[4].verdict == "-j f2b-logged-log"
    log = '-j LOG --log-prefix "f2b-logged:DROP " --log-level warning -m limit --limit 6/m --limit-burst 2'
    assert plan.halves[4].fixed == {"f2b-logged": ("-j RETURN",), "f2b-logged-log": (log, REJECT4)}


def test_iptables_action_when_it_has_another_program_and_table_then_they_are_found(
    resolved: dict[str, dict[str, str]],
) -> None:
    plan = found(resolved["raw"])
    assert plan
    half = plan.halves[4]
    assert (plan.parent, half.program, half.table, half.verdict) == (
        "PREROUTING",
        "iptables-legacy",
        "raw",
        "-j DROP",
    )


@pytest.mark.parametrize(
    ("jail", "parent", "matches", "sets"),
    [
        ("set", "INPUT", ("-p tcp -m multiport --dports 22",), {4: "f2b-set", 6: "f2b-set6"}),
        ("set4", "INPUT", ("-p udp -m multiport --dports 53",), {4: "f2b-set4"}),
        ("set6", "INPUT", ("-p tcp -m multiport --dports 22",), {4: "f2b-set6", 6: "f2b-set66"}),
        ("setall", "FORWARD", ("-p tcp",), {4: "f2b-setall", 6: "f2b-setall6"}),
    ],
)
def test_ipset_action_when_it_is_unmodified_then_sets_and_rules_are_found(
    jail: str, parent: str, matches: tuple[str, ...], sets: dict[int, str], resolved: dict[str, dict[str, str]]
) -> None:
    plan = found(resolved[jail])
    assert plan
    assert (plan.parent, plan.matches) == (parent, matches)
    assert {family: half.set for family, half in plan.halves.items()} == sets
    assert plan.halves[4].verdict == REJECT4
    assert plan.halves[4].chain == ""


@pytest.mark.parametrize("jail", ["recent", "nft", "mail", "no", "new", "hour"])
def test_action_when_it_does_anything_else_then_it_is_not_taken_for_stock(
    jail: str, resolved: dict[str, dict[str, str]]
) -> None:
    assert found(resolved[jail]) is None


def test_action_when_its_port_is_none_then_it_is_told(resolved: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ConfigError, match="port = nowhere: 'nowhere' is no port"):
        found(resolved["what"])


@pytest.mark.parametrize("jail", ["plain", "multi", "logged", "set", "set4"])
@pytest.mark.parametrize("verb", ["start", "stop", "flush", "check", "ban", "unban"])
@pytest.mark.parametrize(
    "more", ["logger hello", "iptables -F", "echo x > /tmp/x", "iptables -w -A INPUT -j DROP", "ipset destroy other"]
)
def test_command_when_a_line_is_added_then_it_is_not_taken_for_stock(
    verb: str, more: str, jail: str, resolved: dict[str, dict[str, str]]
) -> None:
    options = resolved[jail]
    assert found({**options, f"action{verb}": f"{options[f'action{verb}']}\n{more}"}) is None
    assert found({**options, f"action{verb}": f"{more}\n{options[f'action{verb}']}"}) is None


@pytest.mark.parametrize(
    ("verb", "old", "new"),
    [
        ("ban", "-s <ip>", "-s <ip> -m limit --limit 1/s"),
        ("ban", "-s <ip>", "-d <ip>"),
        ("ban", " -j ", " -m comment --comment $(id) -j "),
        ("unban", "-D", "-I"),
        ("start", "RETURN", "RETURN; logger x"),
        ("start", "INPUT", "`id`"),
        ("start", "-C f2b-plain", "-C f2b-plain; logger x"),
        ("stop", "-X f2b-plain", "-X f2b-other"),
        ("flush", "f2b-plain", "INPUT"),
    ],
)
def test_command_when_it_is_edited_then_it_is_not_taken_for_stock(
    verb: str, old: str, new: str, resolved: dict[str, dict[str, str]]
) -> None:
    options = {name: value.replace("<chain>", "INPUT") for name, value in resolved["plain"].items()}
    edited = options[f"action{verb}"].replace("<name>", "plain").replace(old, new)
    assert edited != options[f"action{verb}"].replace("<name>", "plain")
    assert found({**options, f"action{verb}": edited}) is None


def test_choice_when_iptables_is_missing_then_nftables_stands_in(resolved: dict[str, dict[str, str]]) -> None:
    jail = JailSpec("multi", HERE, FilterSpec("multi", HERE))
    spec = ActionSpec("multi", "iptables-multiport", HERE, "command", resolved["multi"])
    there = choose(spec, jail, nobody, lambda _: True)
    missing = choose(spec, jail, nobody, lambda _: False)
    assert isinstance(there.plan, Xtables)
    assert not there.stands_in
    assert isinstance(missing.plan, Plan)
    assert missing.stands_in
    assert missing.plan.ports == ((22, 22), (80, 80), (6000, 6010))
    assert missing.plan.protocols == (6, 17)
    without_restore = choose(spec, jail, nobody, {"iptables", "ip6tables"}.__contains__)
    assert without_restore.plan is None
