"""Every stock ban action of Fail2Ban's own configuration, in the real server, with real packets."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.daemon.running import PATIENCE_S, Server, fail, running, wait_for
from tests.live.net import BYSTANDER, GUARDED, SILENCE_S, Host, two_hosts

STOCK = (
    "nftables",
    "nftables-multiport",
    "nftables-allports",
    "iptables",
    "iptables-multiport",
    "iptables-allports",
    "iptables-new",
    "iptables-multiport-log",
    "iptables-xt_recent-echo",
    "iptables-ipset",
    "iptables-ipset-proto4",
    "iptables-ipset-proto6",
    "iptables-ipset-proto6-allports",
)
BY_COMMANDS = ("iptables-xt_recent-echo",)
"""What it does is not known natively."""
ONLY_V4 = ("iptables-ipset-proto4",)
ONLY_TCP = ("iptables-ipset-proto4",)
"""Their commands know one protocol only."""
BRIEF = {"nftables-multiport": "brief-nft", "iptables-multiport": "brief-ipt", "iptables-ipset": "brief-set"}
"""Jails whose bans soon end, by their actions."""
BRIEF_S = 2
PORT = 4000
"""The first jail's; others follow."""


def port(action: str) -> int:
    return PORT + STOCK.index(action)


def attackers(action: str) -> list[str]:
    """Return the addresses that attack a jail: each has its own, for some actions shut every port."""
    number = 100 + STOCK.index(action)
    return [f"192.0.2.{number}", f"2001:db8::{number}"][: 1 if action in ONLY_V4 else 2]


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """The guarded host, and one with all the attackers."""
    with two_hosts() as (guarded, peer):
        for action in STOCK:
            for address in attackers(action):
                length, more = ("/64", ["nodad"]) if ":" in address else ("/24", [])
                peer.run("ip", "address", "add", address + length, "dev", "cable", *more)
        yield guarded, peer


@pytest.fixture(scope="module")
def server(hosts: tuple[Host, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a jail for each action, and a listener on each jail's port."""
    folder = tmp_path_factory.mktemp("stock")
    shutil.copytree("/etc/fail2ban/action.d", folder / "action.d")
    with running(folder, ["ip", "netns", "exec", hosts[0].name], dry=False) as made:
        for action in STOCK:
            protocol = "tcp" if action in ONLY_TCP else "tcp,udp"
            given = f'name={action[-20:]}, port={port(action)}, protocol="{protocol}"'
            made.jail(action, action=f"{action}[{given}]", maxretry=1)
        for action, name in BRIEF.items():
            made.jail(name, action=f"{action}[name={name}, port={port(action)}]", maxretry=1, bantime=BRIEF_S)
        listeners = [hosts[0].listen(port(action)) for action in STOCK]
        made.start()
        yield made
        for listener in listeners:
            listener.close()


def shut(peer: Host, source: str, action: str) -> bool:
    return peer.connects(source, GUARDED[":" in source], port(action), SILENCE_S) != "open"


def is_open(peer: Host, source: str, action: str) -> bool:
    return peer.connects(source, GUARDED[":" in source], port(action)) == "open"


def hears(peer: Host, source: str, inbox: socket.socket) -> bool:
    """Whether a datagram arrives."""
    return peer.asks_udp(source, inbox, SILENCE_S) == "open"


def wait_until_shut(peer: Host, action: str) -> None:
    for attacker in attackers(action):
        wait_for(partial(shut, peer, attacker, action))


def wait_until_open(peer: Host, action: str) -> None:
    for attacker in attackers(action):
        wait_for(partial(lambda who: not shut(peer, who, action), attacker))


@pytest.mark.parametrize("action", STOCK)
def test_attackers_when_a_stock_action_bans_then_they_alone_are_shut_until_unbanned(
    action: str, server: Server, hosts: tuple[Host, Host]
) -> None:
    guarded, peer = hosts
    with ExitStack() as stack:
        inboxes = [stack.enter_context(guarded.listen_udp(port(action), target)) for target in GUARDED]
        for attacker in attackers(action):
            assert is_open(peer, attacker, action)
            assert peer.asks_udp(attacker, inboxes[":" in attacker]) == "open"
            fail(server.folder / f"{action}.log", attacker, 1)
        wait_until_shut(peer, action)
        for attacker in attackers(action):
            if action in ONLY_TCP:
                assert peer.asks_udp(attacker, inboxes[":" in attacker]) == "open"
            else:
                assert not hears(peer, attacker, inboxes[":" in attacker])
        for bystander in BYSTANDER:
            assert is_open(peer, bystander, action)
            assert peer.asks_udp(bystander, inboxes[":" in bystander]) == "open"
        assert server.ask("unban", *attackers(action)).returncode == 0
        wait_until_open(peer, action)
        for attacker in attackers(action):
            wait_for(partial(hears, peer, attacker, inboxes[":" in attacker]))
    assert "own commands" not in server.said()
    assert "ERROR" not in server.said()


@pytest.mark.parametrize("action", BRIEF)
def test_attackers_when_their_ban_ends_then_they_are_let_in(
    action: str, server: Server, hosts: tuple[Host, Host]
) -> None:
    _, peer = hosts
    for attacker in attackers(action):
        fail(server.folder / f"{BRIEF[action]}.log", attacker, 1)
    for attacker in attackers(action):
        wait_for(partial(lambda who: f"[{BRIEF[action]}] Ban {who}" in server.said(), attacker))
    wait_until_open(peer, action)


def test_everybody_banned_when_the_server_restarts_then_nobody_slips_through_and_stop_leaves_nothing(
    server: Server, hosts: tuple[Host, Host]
) -> None:
    guarded, peer = hosts
    native = [action for action in STOCK if action not in BY_COMMANDS]
    answers: dict[str, set[bool]] = {action: set() for action in native}
    done = threading.Event()

    def flood(action: str) -> None:
        while not done.is_set():
            for attacker in attackers(action):
                answers[action].add(shut(peer, attacker, action))

    for action in native:
        for attacker in attackers(action):
            fail(server.folder / f"{action}.log", attacker, 1)
    for action in native:
        wait_until_shut(peer, action)
    guarded.run("nft", "flush", "ruleset")
    for action in native:
        wait_until_shut(peer, action)
    assert server.said().count("changed by somebody else") == 1
    flooding = [threading.Thread(target=flood, args=[action]) for action in native]
    for thread in flooding:
        thread.start()
    assert server.end() == 0
    server.start()
    wait_for(lambda: server.said().count("Restore Ban") >= 2 * len(native) - len(ONLY_V4))
    done.set()
    for thread in flooding:
        thread.join(PATIENCE_S)
    assert answers == {action: {True} for action in native}

    assert server.ask("stop").returncode == 0
    assert server.process
    server.process.wait(PATIENCE_S)
    assert "f2b" not in guarded.run("nft", "list", "ruleset")
    assert "f2b" not in guarded.run("ipset", "save")


def test_iptables_when_it_is_not_installed_then_nftables_takes_over_and_says_so(tmp_path: Path) -> None:
    shutil.copytree("/etc/fail2ban/action.d", tmp_path / "action.d")
    with running(tmp_path, ["unshare", "-n", "env", "PATH=/nowhere"], dry=False) as server:
        for action in ("iptables-multiport", "iptables-ipset", "iptables-new"):
            server.jail(action, action=f"{action}[name={action}]")
        server.start()
        for action in ("iptables-multiport", "iptables-ipset", "iptables-new"):
            assert f"[{action}] {action}: iptables is not installed, nftables takes over" in server.said()
        assert server.ask("ban", "198.51.100.1").returncode == 0
        assert "ERROR" not in server.said()
