"""Stock actions, with parameters: the rules that Fail2Ban's commands make, and those that f2b makes natively."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.daemon.running import FILTER, wait_for
from tests.live.net import Host, two_hosts

ACTIONS = {
    "list": 'nftables-multiport[name=list, port="80,443,6000:6010", protocol="tcp,udp", blocktype=drop]',
    "every": "nftables-allports[name=every, table=own, chain=guard, chain_hook=prerouting, chain_priority=-150]",
    "why": 'nftables[name=why, port=25, table=why, blocktype="reject with icmpx type admin-prohibited"]',
    "many": 'iptables-multiport[name=many, port="22,80,6000:6010", protocol="tcp,udp"]',
    "all": "iptables-allports[name=all, protocol=all, chain=FORWARD, returntype=ACCEPT]",
    "new": "iptables-new[name=new, port=80]",
    "log": "iptables-multiport-log[name=log, port=80, protocol=udp]",
    "early": "iptables-ipset-proto4[name=early, protocol=udp, port=53]",
    "wide": 'iptables-ipset-proto6[name=wide, port="80,443"]',
    "hashall": "iptables-ipset-proto6-allports[name=hashall, chain=FORWARD]",
}
ATTACKERS = ("198.51.100.7", "2001:db8::7")
ONLY_V4 = ("early",)


class Rules(NamedTuple):
    """What a firewall holds, as far as both servers must agree."""

    chains: dict[str, list[str]]
    """Rules by chain; sorted where they stand in somebody else's."""
    sets: dict[str, list[str]]
    """Members by set, with the set's type."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fail2Ban's configuration with a jail for each action; all of them read one log."""
    folder = tmp_path_factory.mktemp("rules")
    shutil.copytree("/etc/fail2ban", folder / "conf")
    shutil.rmtree(folder / "conf/jail.d")
    (folder / "conf/filter.d/app.conf").write_text(FILTER)
    head = f"[DEFAULT]\nbackend = polling\nfilter = app\nlogpath = {folder}/log\nmaxretry = 1\n"
    jails = [f"[{jail}]\nenabled = true\naction = {action}\n" for jail, action in ACTIONS.items()]
    (folder / "conf/jail.local").write_text(head + "".join(jails))
    (folder / "conf/fail2ban.local").write_text("[DEFAULT]\nallowipv6 = yes\n[Definition]\ndbfile = None\n")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    (folder / "log").write_text("".join(f"{stamp} app: failure of root from {who}\n" for who in ATTACKERS))
    return folder


def made(config: Path, host: Host, *program: str) -> Rules:
    """Return the rules that a server makes."""
    said = f"{config}/{host.name}"
    files = ["-c", f"{config}/conf", "-s", f"{said}.sock", "-p", f"{said}.pid", "--logtarget", f"{said}.log"]
    begin, *end = program
    command = ["ip", "netns", "exec", host.name, *begin.split(), *files, *end]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: complete(read(host)))
            return read(host)
        finally:
            server.terminate()


def complete(rules: Rules) -> bool:
    """Whether every ban is in force: Fail2Ban tells of them before."""
    text = str(rules)
    return text.count(ATTACKERS[0]) == len(ACTIONS) and text.count(ATTACKERS[1]) == len(ACTIONS) - len(ONLY_V4)


def read(host: Host) -> Rules:
    chains: dict[str, list[str]] = {}
    sets: dict[str, list[str]] = {}
    for program in ("iptables", "ip6tables"):
        for line in host.run(f"{program}-save", "-t", "filter").splitlines():
            if line.startswith("-A "):
                _, chain, rule = line.split(" ", 2)
                chains.setdefault(f"{program} {chain}", []).append(plain(rule))
    for line in host.run("ipset", "save").splitlines():
        verb, name, *words = line.split()
        sets.setdefault(f"ipset {name}", []).append(" ".join(words[:3] if verb == "create" else words[:1]))
    for table in re.findall(r"table (inet \S+) {\n(.*?)\n}", host.run("nft", "list", "ruleset"), re.DOTALL):
        for kind, name, text in re.findall(r"\t(set|chain) (\S+) {\n(.*?)\n\t}", table[1], re.DOTALL):
            lines = [plain(line.strip()) for line in text.splitlines()]
            if kind == "set":
                sets[f"{table[0]} {name}"] = [line for line in lines if not line.startswith("flags")]
            else:
                chains[f"{table[0]} {name}"] = lines
    return Rules({name: rules if "f2b-" in name else sorted(rules) for name, rules in chains.items()}, sets)


def plain(rule: str) -> str:
    """Return a rule without what f2b says in other words on purpose, see docs/differences.md."""
    rule = re.sub(r"-m (?:tcp|udp) --dport (\d+)", r"-m multiport --dports \1", rule)
    rule = re.sub(r"dport \{ (\d+) \}", r"dport \1", rule)
    rule = re.sub(r"reject with (?:tcp reset|icmp(?:v6|x)? (?:type )?port-unreachable)", "reject", rule)
    rule = re.sub(r"reject with icmp(?:v6|x) (?:type )?", "reject with icmp ", rule)
    return re.sub(r" timeout \S+ expires \S+", "", rule)


@pytest.fixture(scope="module")
def both(config: Path) -> Iterator[tuple[Rules, Rules]]:
    """What Fail2Ban makes, and what f2b makes."""
    with two_hosts() as (one, other):
        theirs = made(config, one, "/usr/bin/fail2ban-server -xf", "start")
        ours = made(config, other, f"{sys.executable} -m f2b serve")
        yield theirs, ours


def test_rules_when_stock_actions_have_parameters_then_they_are_those_of_fail2bans_commands(
    both: tuple[Rules, Rules], config: Path
) -> None:
    theirs, ours = both
    assert ours.chains == theirs.chains
    assert ours.sets == theirs.sets
    (said,) = (path.read_text() for path in config.glob("*.log") if "f2b " in path.read_text())
    assert "own commands" not in said
