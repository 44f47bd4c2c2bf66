"""Do bans bite? A banned address that gets through is told of with the reason, by the real server, on real rules."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from f2b.ban.ledger import Ledger
from f2b.daemon.guard import Guard
from f2b.errors import Place
from f2b.events import Ban
from f2b.firewall.native import Native
from f2b.firewall.plan import plan
from f2b.firewall.xtables import xtables
from f2b.log import Log
from f2b.loop import Loop
from tests.daemon.running import PATIENCE_S, Server, fail, running, wait_for
from tests.live.net import ATTACKER, GUARDED, Host, container, two_hosts

OPEN, PUBLISHED, INNER = 4001, 8080, 80
ACTIONS = {
    "front": f"iptables-multiport[name=front, port={OPEN}]",
    "established": f"iptables-allports[name=established, chain=FORWARD, port={OPEN}]",
    "port": "nftables-multiport[name=port, port=22]",
    "protocol": f"nftables-multiport[name=protocol, port={OPEN}, protocol=udp]",
    "hook": f"nftables-multiport[name=hook, port={PUBLISHED}]",
    "family": f"nftables-multiport[name=family, table=v6, table_family=ip6, port={OPEN}]",
    "commands": "nftables-multiport[name=commands, table=own, native=no]",
}
"""A jail for each way in which a ban may not bite."""
TOLD = {
    "front": "iptables-multiport: a rule in front of ours lets it in: -A INPUT -s 192.0.2.66/32 -p tcp -j ACCEPT; ",
    "established": f"iptables-allports: it is connected to port {OPEN}/tcp of this host itself, and rules of forward "
    "do not see that; set chain_hook = prerouting",
    "port": f"nftables-multiport: it is connected to port {OPEN}/tcp, and only port 22 is shut; add {OPEN} to port",
    "protocol": f"nftables-multiport: it uses port {OPEN}/tcp, and only udp is shut; set protocol = all",
    "hook": f"its connection to port {PUBLISHED} is forwarded, to a container maybe, which rules of input do not see",
    "family": "nftables-multiport: it keeps no IPv4 out; use an action for both families",
}
"""What is said of each."""


class Site(NamedTuple):
    """The guarded host and its server."""

    guarded: Host
    peer: Host
    server: Server

    def ask(self, *words: str) -> Any:
        done = self.server.ask("verify", "--json", *words)
        return json.loads(done.stdout) | {"code": done.returncode}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An attacker who is banned in every jail, and still connected to a service and to a container."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "action.d").symlink_to("/etc/fail2ban/action.d")
    with ExitStack() as stack:
        guarded, peer = stack.enter_context(two_hosts())
        inside = stack.enter_context(container(guarded, PUBLISHED, INNER))
        for host, port in ((inside, INNER), (guarded, OPEN)):
            stack.enter_context(host.listen(port))
        server = stack.enter_context(running(folder, ["ip", "netns", "exec", guarded.name], dry=False))
        for name, action in ACTIONS.items():
            server.jail(name, action=action, bantime="1h")
        server.start()
        guarded.run("iptables", "-I", "INPUT", "-s", ATTACKER[0], "-p", "tcp", "-j", "ACCEPT")
        stack.enter_context(peer.connected(ATTACKER[0], GUARDED[0], OPEN))
        stack.enter_context(peer.connected(ATTACKER[0], GUARDED[0], PUBLISHED))
        for name in ACTIONS:
            fail(folder / f"{name}.log", ATTACKER[0], when=time.time() - 20)
        wait_for(lambda: server.said().count(f"Ban {ATTACKER[0]}") == len(ACTIONS))
        yield Site(guarded, peer, server)


@pytest.mark.parametrize("jail", TOLD)
def test_banned_when_he_is_still_seen_then_the_likely_cause_is_told(jail: str, site: Site) -> None:
    log = site.server.folder / f"{jail}.log"
    fail(log, ATTACKER[0])
    head = f"WARNING [{jail}] {ATTACKER[0]} is banned for 2"
    wait_for(lambda: head in site.server.said())
    (line,) = (line for line in site.server.said().splitlines() if head in line)
    assert TOLD[jail] in line
    fail(log, ATTACKER[0])
    wait_for(lambda: site.server.said().count(f"[{jail}] {ATTACKER[0]} already banned") == 2)
    assert site.server.said().count(head) == 1


def test_verify_when_asked_for_one_then_it_says_where_and_why(site: Site) -> None:
    answer = site.ask(ATTACKER[0])
    checks = {check["jail"]: check for check in answer["checks"]}
    assert answer["code"] == 1
    assert {jail for jail, check in checks.items() if check["held"]} == ACTIONS.keys() - {"family", "commands"}
    assert checks["commands"]["held"] is None
    assert all(3000 < check["left"] <= 3600 for check in checks.values() if check["held"])
    for jail, told in TOLD.items():
        assert any(remark["cause"] in told for remark in checks[jail]["remarks"])
    shown = site.server.ask("verify", ATTACKER[0], "198.51.100.1").stdout
    assert f"  {checks['hook']['remarks'][0]['cure']}\n" in shown
    assert shown.endswith("not banned: 198.51.100.1\n")


def test_verify_when_asked_for_all_then_it_counts(site: Site) -> None:
    rows = [line.split() for line in site.server.ask("verify").stdout.splitlines()[1:] if line]
    assert ["port", "nftables-multiport", "1", "1"] in rows
    assert ["family", "nftables-multiport", "1", "0"] in rows
    assert ["commands", "nftables-multiport", "1", "cannot", "tell"] in rows


@pytest.mark.parametrize(
    ("kind", "steal"),
    [("ipset", "ipset del f2b-web 198.51.100.7"), ("iptables", "iptables-legacy -D f2b-web 1")],
)
def test_ban_when_it_is_taken_out_at_once_and_nothing_tells_then_it_is_missed_and_put_back(
    kind: str, steal: str, guarded: Host, tmp_path: Path
) -> None:
    loop, log, ledger, native = Loop(), Log(str(tmp_path / "log")), Ledger(), Native(time.time, (4, 6))
    programs = {"iptables": "iptables-legacy", "ip6tables": "ip6tables-legacy"}
    wanted = xtables({"name": "web", **programs}, kind, Place("jail.conf"), lambda _: None)
    with guarded:
        guard = Guard("web", [native.make(kind, wanted, print)], ledger, loop, log)
        guard.start()
        for number in (6, 7):
            ledger.put(Ban("web", f"198.51.100.{number}", time.time(), 600))
        guard.ban(tuple(ledger))
        subprocess.run(steal.split(), check=True, timeout=60)
        begun = time.monotonic()
        while "bans are not in force" not in (tmp_path / "log").read_text():
            assert time.monotonic() - begun < PATIENCE_S
            loop.turn(0.1)
        assert [check.held for check in guard.doubt.checks(tuple(ledger))] == [True, True]
        guard.stop(keep=False)
    loop.close()
    native.sets.close()
    native.kernel.link.close()


def test_check_when_a_ban_is_lost_then_it_is_told_and_put_back(guarded: Host, tmp_path: Path) -> None:
    loop, ledger, native = Loop(), Ledger(), Native(time.time, (4, 6))
    with guarded:
        made = native.make("nft", plan({"name": "web"}, Place("jail.conf"), lambda _: None), print)
        guard = Guard("web", [made], ledger, loop, Log(str(tmp_path / "log")))
        ledger.put(Ban("web", "198.51.100.7", time.time(), 600))
        guard.start()
        for flush in (
            "flush set inet f2b-table addr-set-web",
            "flush chain inet f2b-table f2b-chain",
            "flush ruleset",
        ):
            subprocess.run(["nft", *flush.split()], check=True, timeout=60)
            (check,) = guard.doubt.checks(tuple(ledger))
            assert not check.held
            assert "somebody took them out" in check.remarks[0].cause
            assert [check.held for check in guard.doubt.checks(tuple(ledger))] == [True]
    loop.close()
    native.kernel.link.close()
