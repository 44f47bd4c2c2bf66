"""The native firewall, proved with packets, and with nft(8) as a second opinion."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.errors import ActionError, Place
from f2b.events import PERMANENT, Ban
from f2b.firewall.kernel import Kernel
from f2b.firewall.monitor import Monitor
from f2b.firewall.nftables import LEASE_S, Nftables
from f2b.firewall.owner import fail2ban
from f2b.firewall.plan import plan
from f2b.net import network
from tests.live.net import ATTACKER, BYSTANDER, GUARDED, Host, patience, two_hosts

PORT = 2222
NOBODY = 65534
TABLE = ("inet", "f2b-table")
FAMILIES = pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])

Make = Callable[..., Nftables]


@pytest.fixture
def kernel(guarded: Host) -> Iterator[Kernel]:
    """The guarded host's, as a server sees it; the test is on that host."""
    made = Kernel()
    with guarded:
        yield made
    made.link.close()


@pytest.fixture
def told() -> list[str]:
    """What firewalls complained of."""
    return []


@pytest.fixture
def make(kernel: Kernel, told: list[str]) -> Make:
    """Makes the firewall of a jail, as `make(jail, option=value, ...)`."""

    def firewall(jail: str = "sshd", **options: str) -> Nftables:
        wanted = plan({"name": jail, "port": str(PORT), **options}, Place("jail.conf"), lambda _: None)
        return Nftables("nftables", wanted, time.time, kernel, lambda _, text: told.append(text))

    return firewall


def ban(who: str, seconds: float = 600) -> Ban:
    return Ban("sshd", who, time.time(), seconds)


def ruleset() -> str:
    return subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True, timeout=60).stdout


def nft(*words: str) -> list[dict[str, Any]]:
    """Return what `nft -j` says."""
    done = subprocess.run(["nft", "-j", *words], check=True, capture_output=True, text=True, timeout=60)
    listed: list[dict[str, Any]] = json.loads(done.stdout)["nftables"] if done.stdout else []
    return listed


def members(name: str) -> set[str]:
    """Return who is in a set, as nft says."""
    (kept,) = (item["set"] for item in nft("list", "set", *TABLE, name) if "set" in item)
    return {member["elem"]["val"] for member in kept.get("elem", [])}


# ---- packets -----------------------------------------------------------------------------------------------


@FAMILIES
def test_connection_when_banned_then_it_is_refused_at_once_until_unbanned(
    family: int, guarded: Host, peer: Host, make: Make
) -> None:
    firewall = make()
    attacker, target = ATTACKER[family], GUARDED[family]
    with guarded.listen(PORT):
        firewall.start([])
        assert peer.connects(attacker, target, PORT) == "open"

        firewall.ban([ban(attacker)])
        assert peer.connects(attacker, target, PORT) == "refused"
        assert peer.connects(BYSTANDER[family], target, PORT) == "open"

        firewall.unban([ban(attacker)])
        assert peer.connects(attacker, target, PORT) == "open"


@FAMILIES
def test_running_connection_when_banned_then_it_is_cut(family: int, guarded: Host, peer: Host, make: Make) -> None:
    firewall = make()
    firewall.start([])
    with (
        guarded.listen(PORT) as server,
        peer.connected(ATTACKER[family], GUARDED[family], PORT) as attacker,
        peer.connected(BYSTANDER[family], GUARDED[family], PORT) as bystander,
    ):
        firewall.ban([ban(ATTACKER[family])])
        attacker.send(b"more")
        with pytest.raises(ConnectionResetError):
            attacker.recv(1)
        bystander.send(b"more")
        server.accept()[0].close()
        other = server.accept()[0]
        assert other.recv(4) == b"more"
        other.close()


@FAMILIES
def test_ban_when_it_ends_then_the_kernel_opens_by_itself(family: int, guarded: Host, peer: Host, make: Make) -> None:
    firewall = make()
    firewall.start([])
    with guarded.listen(PORT):
        begun = time.monotonic()
        firewall.ban([ban(ATTACKER[family], 1.0)])
        while peer.connects(ATTACKER[family], GUARDED[family], PORT) != "open":
            assert time.monotonic() - begun < 20
        assert time.monotonic() - begun > 0.9


@FAMILIES
def test_network_when_banned_then_all_of_it_and_nobody_else_is_out(
    family: int, guarded: Host, peer: Host, make: Make
) -> None:
    firewall = make()
    firewall.start([])
    around, beside = [("192.0.2.64/29", "192.0.2.72/29"), ("2001:db8::60/124", "2001:db8:77::70/124")][family]
    attacker, target = ATTACKER[family], GUARDED[family]
    with guarded.listen(PORT):
        firewall.ban([ban(around)])
        assert peer.connects(attacker, target, PORT) == "refused"
        assert peer.connects(BYSTANDER[family], target, PORT) == "open"

        # Overlapping bans are as many bans: lifting one leaves the others.
        firewall.ban([ban(attacker), ban(beside)])
        firewall.unban([ban(around)])
        assert peer.connects(attacker, target, PORT) == "refused"
        assert peer.connects(BYSTANDER[family], target, PORT) == "refused"
        firewall.unban([ban(attacker), ban(beside)])
        assert peer.connects(attacker, target, PORT) == "open"
        assert peer.connects(BYSTANDER[family], target, PORT) == "open"


@FAMILIES
def test_everybody_when_banned_as_a_network_of_length_0_then_nobody_gets_in(
    family: int, guarded: Host, peer: Host, make: Make
) -> None:
    firewall = make()
    firewall.start([ban(["0.0.0.0/0", "::/0"][family])])
    with guarded.listen(PORT):
        assert peer.connects(BYSTANDER[family], GUARDED[family], PORT) == "refused"
        assert peer.connects(BYSTANDER[1 - family], GUARDED[1 - family], PORT) == "open"


@FAMILIES
@pytest.mark.parametrize(
    ("options", "tcp", "other_port", "udp"),
    [
        ({}, "refused", "open", "open"),
        ({"blocktype": "drop"}, "timeout", "open", "open"),
        ({"blocktype": "reject with icmpx type port-unreachable"}, "refused", "open", "open"),
        ({"protocol": "udp"}, "open", "open", "refused"),
        ({"protocol": "tcp,udp"}, "refused", "open", "refused"),
        ({"protocol": "udp", "blocktype": "drop"}, "open", "open", "timeout"),
        ({"protocol": "all"}, "refused", "open", "refused"),
        ({"port": "1:2000,2200:2300"}, "refused", "open", "open"),
        ({"port": "0:65535"}, "refused", "refused", "open"),
        ({"type": "allports"}, "refused", "refused", "open"),
        ({"type": "allports", "protocol": "all"}, "refused", "refused", "refused"),
        ({"type": "allports", "protocol": "all", "blocktype": "drop"}, "timeout", "timeout", "timeout"),
        ({"chain_hook": "prerouting", "chain_priority": "raw"}, "refused", "open", "open"),
    ],
    ids=str,
)
def test_options_when_given_then_packets_meet_them(
    options: dict[str, str], tcp: str, other_port: str, udp: str, family: int, guarded: Host, peer: Host, make: Make
) -> None:
    make(**options).start([ban(ATTACKER[family])])
    attacker, target = ATTACKER[family], GUARDED[family]
    with guarded.listen(PORT), guarded.listen(3333), guarded.listen_udp(PORT, target) as udp_server:
        assert peer.connects(attacker, target, PORT, patience(tcp)) == tcp
        assert peer.connects(attacker, target, 3333, patience(other_port)) == other_port
        assert peer.asks_udp(attacker, udp_server, patience(udp)) == udp
        assert peer.connects(BYSTANDER[family], target, PORT) == "open"
        assert peer.asks_udp(BYSTANDER[family], udp_server) == "open"


@pytest.mark.parametrize(("table", "family"), [("ip", 0), ("ip6", 1)])
def test_table_when_it_is_of_one_family_then_the_other_is_told_of_and_open(
    table: str, family: int, guarded: Host, peer: Host, make: Make, told: list[str]
) -> None:
    firewall = make(table_family=table, protocol="tcp,udp")
    firewall.start([ban(ATTACKER[0]), ban(ATTACKER[1])])
    assert told == [f"nftables cannot ban {ATTACKER[1 - family]}: no address for table f2b-table"]
    with guarded.listen(PORT), guarded.listen_udp(PORT, GUARDED[family]) as udp:
        assert peer.connects(ATTACKER[family], GUARDED[family], PORT) == "refused"
        assert peer.asks_udp(ATTACKER[family], udp) == "refused"
        assert peer.connects(ATTACKER[1 - family], GUARDED[1 - family], PORT) == "open"


def test_restart_when_bans_are_kept_then_no_connection_slips_through(guarded: Host, peer: Host, make: Make) -> None:
    present = make()
    present.start([ban(ATTACKER[0]), ban("198.51.100.1")])
    done = threading.Event()
    answers: list[str] = []

    def knock() -> None:
        while not done.is_set():
            answers.append(peer.connects(ATTACKER[0], GUARDED[0], PORT))

    with guarded.listen(PORT):
        knocking = threading.Thread(target=knock)
        knocking.start()
        begun = time.monotonic()
        restarts = 0
        while time.monotonic() - begun < 1.5:
            present.stop(keep=True)
            present = make(port=f"{PORT},{restarts % 100 + 1}")
            # Another who is banned, and another end: sets, members and rules all change.
            present.start([ban(ATTACKER[0], 600 + 2 * restarts), ban(f"198.51.100.{restarts % 100}")])
            restarts += 1
        done.set()
        knocking.join()
    assert set(answers) == {"refused"}
    assert len(answers) > 100
    assert restarts > 20


# ---- the kernel's sets -------------------------------------------------------------------------------------


def test_start_when_nothing_stands_then_it_is_what_fail2ban_users_know(make: Make) -> None:
    make(port="ssh,http,6000:6010").start([ban(ATTACKER[0]), ban(ATTACKER[1])])
    assert members("addr-set-sshd") == {ATTACKER[0]}
    assert members("addr6-set-sshd") == {ATTACKER[1]}
    listed = ruleset()
    assert "type filter hook input priority filter - 1; policy accept;" in listed
    assert "tcp dport { 22, 80, 6000-6010 } ip saddr @addr-set-sshd reject with tcp reset" in listed
    assert "tcp dport { 22, 80, 6000-6010 } ip6 saddr @addr6-set-sshd reject with tcp reset" in listed


def test_ruleset_when_listed_by_nft_then_nft_takes_it_back(make: Make) -> None:
    make(port="22,80:90").start([ban(ATTACKER[0]), ban("198.51.100.0/24")])
    make("all", type="allports", protocol="all").start([])
    make("inside", chain_hook="prerouting", chain="inside", protocol="tcp,udp").start([ban(ATTACKER[1])])
    make("icmp", blocktype="reject with icmp type host-prohibited", protocol="udp").start([])
    listed = ruleset()
    subprocess.run(["nft", "-c", "-f", "-"], check=True, input=f"flush ruleset\n{listed}", text=True, timeout=60)


def test_start_when_called_twice_then_the_second_changes_nothing(make: Make) -> None:
    bans = [ban(ATTACKER[0]), ban("198.51.100.0/24"), ban(ATTACKER[1], PERMANENT)]
    firewall = make()
    firewall.start(bans)
    first = timeless(ruleset())
    firewall.start(bans)
    firewall.stop(keep=True)
    make().start(bans)
    assert timeless(ruleset()) == first


def timeless(listed: str) -> str:
    return re.sub(r"(timeout|expires) \w+", "", listed)


def test_start_when_others_are_in_the_sets_then_exactly_the_bans_are_afterwards(make: Make) -> None:
    firewall = make()
    firewall.start([ban("198.51.100.1"), ban("198.51.100.2"), ban("203.0.113.0/24")])
    nft("add", "element", *TABLE, "addr-set-sshd", "{ 198.51.100.3 }")
    firewall.start([ban("198.51.100.2"), ban("198.51.100.3")])
    assert firewall.elements().keys() == {"198.51.100.2", "198.51.100.3"}
    assert "/24" not in ruleset()


def test_survivor_when_started_again_then_its_end_is_the_same(make: Make) -> None:
    kept = ban("198.51.100.2", 60)
    firewall = make()
    firewall.start([kept])
    time.sleep(1.1)  # what is looked for is that the kernel's clock was not set back
    firewall.start([kept])
    assert (firewall.elements()["198.51.100.2"] or 0) < 59


@pytest.mark.parametrize("seconds", [3e6, 1e9, 9e11])
def test_ban_when_it_is_longer_than_any_kernel_knows_then_it_is_made_all_the_same(seconds: float, make: Make) -> None:
    firewall = make()
    firewall.start([])
    firewall.ban([ban("198.51.100.2", seconds)])
    assert firewall.elements()["198.51.100.2"] == pytest.approx(min(seconds, 1e10), abs=60)
    firewall.unban([ban("198.51.100.2", seconds)])
    assert firewall.elements() == {}


@pytest.mark.parametrize("seconds", [1200, 30], ids=["longer", "shorter"])
def test_ban_when_it_ends_at_another_time_then_the_kernel_knows(seconds: int, make: Make) -> None:
    firewall = make()
    firewall.start([ban("198.51.100.2", 600)])
    firewall.ban([ban("198.51.100.2", seconds)])
    assert firewall.elements()["198.51.100.2"] == pytest.approx(seconds, abs=20)


def test_permanent_ban_when_renewed_then_it_has_its_whole_lease_again(make: Make) -> None:
    firewall = make()
    firewall.start([])
    nft("add", "element", *TABLE, "addr-set-sshd", "{ 198.51.100.2 timeout 5s }")
    firewall.ban([ban("198.51.100.2", PERMANENT)])
    assert firewall.elements()["198.51.100.2"] == pytest.approx(LEASE_S, abs=60)


def test_crowd_when_some_are_there_and_some_are_not_then_all_comes_out_right(make: Make) -> None:
    firewall = make()
    crowd = [f"10.0.{number >> 8}.{number & 255}" for number in range(3000)]
    firewall.start([ban(who, 60) for who in crowd[::7]])
    firewall.ban([ban(who) for who in crowd])
    held = firewall.elements()
    assert held.keys() == set(crowd)
    assert min(held.values(), key=lambda left: left or 0) == pytest.approx(600, abs=5)
    firewall.unban([ban(who) for who in crowd[::3]])
    firewall.unban([ban(who) for who in crowd[:2999]])
    assert firewall.elements().keys() == {crowd[-1]}


def test_ban_when_it_is_over_already_then_it_is_not_made(make: Make) -> None:
    firewall = make()
    firewall.start([Ban("sshd", "198.51.100.1", time.time() - 60, 60)])
    firewall.ban([Ban("sshd", "198.51.100.2", time.time() - 100, 50)])
    assert firewall.elements() == {}


def test_verbs_when_repeated_then_nothing_goes_wrong(make: Make, told: list[str]) -> None:
    firewall = make()
    who = [ban("198.51.100.2"), ban("198.51.100.0/24"), ban("2001:db8:1::/48")]
    firewall.unban(who)
    firewall.flush(who)
    firewall.stop(keep=False)
    firewall.start([])
    for _ in range(2):
        firewall.ban([*who, *who])
    assert firewall.elements().keys() == {"198.51.100.2", "198.51.100.0/24", "2001:db8:1::/48"}
    for _ in range(2):
        firewall.unban([*who, *who, ban("198.51.100.77"), ban("192.168.0.0/16")])
    assert firewall.elements() == {}
    firewall.ban(who)
    for _ in range(2):
        firewall.flush(who)
    assert firewall.elements() == {}
    for _ in range(2):
        firewall.stop(keep=False)
    assert ruleset() == ""
    assert told == []


def test_id_that_is_no_address_when_banned_then_its_host_is_or_it_is_told(make: Make, told: list[str]) -> None:
    firewall = make()
    firewall.start([])
    firewall.ban([Ban("sshd", "alice", time.time(), 60), Ban("sshd", "bob", time.time(), 60, host="198.51.100.5")])
    assert firewall.elements().keys() == {"198.51.100.5"}
    assert told == ["nftables cannot ban alice: no address for table f2b-table"]


def test_stop_when_bans_are_kept_then_all_stays(make: Make) -> None:
    firewall = make()
    firewall.start([ban("198.51.100.1")])
    before = timeless(ruleset())
    firewall.stop(keep=True)
    assert timeless(ruleset()) == before


def test_stop_when_another_jail_uses_the_chain_then_it_is_untouched(make: Make) -> None:
    sshd, web = make("sshd"), make("web", port="80")
    web.start([ban("198.51.100.9")])
    alone = timeless(ruleset())
    sshd.start([ban("198.51.100.1"), ban("198.51.100.0/24")])
    sshd.flush([])
    sshd.stop(keep=False)
    assert timeless(ruleset()) == alone
    web.stop(keep=False)
    assert ruleset() == ""


def test_stop_when_there_is_anything_foreign_in_the_table_then_it_stays(make: Make) -> None:
    firewall = make()
    firewall.start([])
    nft("add", "rule", *TABLE, "f2b-chain", "tcp", "dport", "9", "drop")
    firewall.stop(keep=False)
    assert "tcp dport 9 drop" in ruleset()
    assert "sshd" not in ruleset()


def test_50000_bans_when_made_at_once_then_it_is_quick(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    firewall = make()
    firewall.start([])
    crowd = [ban(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}") for number in range(50_000)]
    taken_s = {}
    for verb, act in [("ban", firewall.ban), ("start", firewall.start), ("unban", firewall.unban)]:
        begun = time.monotonic()
        act(crowd)
        taken_s[verb] = time.monotonic() - begun
        assert len(firewall.elements()) == (0 if verb == "unban" else 50_000)
    with capsys.disabled():
        sys.stdout.write(f"50,000: {', '.join(f'{verb} {seconds:.2f} s' for verb, seconds in taken_s.items())}\n")
    assert max(taken_s.values()) < 10


@given(
    st.dictionaries(
        st.one_of(
            st.ip_addresses(v=4).map(str),
            st.ip_addresses(v=6).map(str),
            st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda it: network(f"{it[0]}/{it[1]}") or ""),
            st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(lambda it: network(f"{it[0]}/{it[1]}") or ""),
        ).map(lambda who: network(who) or ""),
        st.integers(10, 10**9),
        max_size=8,
    ),
    st.booleans(),
)
@settings(max_examples=40)
def test_bans_when_made_at_start_or_later_then_the_kernel_holds_them(bans: dict[str, int], later: bool) -> None:
    # hypothesis and fixtures of a function do not go together: a namespace of its own for each example.
    with two_hosts() as (guarded, _), guarded:
        wanted = plan({"name": "any"}, Place("jail.conf"), lambda _: None)
        kernel = Kernel()
        firewall = Nftables("any", wanted, time.time, kernel, lambda *_: None)
        chosen = [ban(who, seconds) for who, seconds in bans.items()]
        firewall.start([] if later else chosen)
        firewall.ban(chosen if later else [])
        held = firewall.elements()
        assert held.keys() == bans.keys()
        for who, seconds in bans.items():
            assert held[who] == pytest.approx(seconds, abs=20)
        kernel.link.close()


# ---- others in the same kernel -----------------------------------------------------------------------------


def test_ban_when_somebody_flushed_everything_then_it_bites_all_the_same(make: Make) -> None:
    firewall = make()
    firewall.start([ban("198.51.100.1")])
    for wiped in (["flush", "ruleset"], ["delete", "table", *TABLE], ["flush", "set", *TABLE, "addr-set-sshd"]):
        nft(*wiped)
        firewall.ban([ban("198.51.100.2")])
        assert firewall.elements().keys() == {"198.51.100.2"}
        assert "dport" in ruleset()


def test_leftovers_of_fail2ban_when_it_is_gone_then_they_are_replaced(make: Make) -> None:
    nft("add", "table", *TABLE)
    nft("add", "chain", *TABLE, "f2b-chain", "{ type filter hook input priority -1 ; }")
    nft("add", "set", *TABLE, "addr-set-sshd", "{ type ipv4_addr ; }")
    nft("add", "rule", *TABLE, "f2b-chain", "tcp dport { 22 } ip saddr @addr-set-sshd reject")
    nft("add", "element", *TABLE, "addr-set-sshd", "{ 198.51.100.7 }")
    firewall = make()
    firewall.start([ban("198.51.100.1")])
    assert members("addr-set-sshd") == {"198.51.100.1"}
    assert ruleset().count("@addr-set-sshd") == 1
    firewall.stop(keep=False)
    assert ruleset() == ""


def test_chain_when_it_stands_with_another_priority_then_only_ours_is_replaced(make: Make) -> None:
    before = make()
    before.start([ban("198.51.100.1")])
    before.stop(keep=True)
    make(chain_priority="filter - 10").start([ban("198.51.100.1")])
    assert "priority filter - 10" in ruleset()
    with pytest.raises(ActionError, match=r"chain inet f2b-table f2b-chain is there .* set chain = another name"):
        make("web", chain_priority="5").start([])
    make("web", chain_priority="5", chain="web").start([])
    assert "priority filter + 5" in ruleset()


def test_chain_when_a_former_server_left_it_with_another_priority_then_it_is_replaced(
    make: Make, guarded: Host
) -> None:
    for jail in ("sshd", "web"):
        make(jail).start([ban("198.51.100.1")])
    restarted = Kernel()
    for jail in ("sshd", "web"):
        wanted = plan({"name": jail, "chain_priority": "5"}, Place("jail.conf"), lambda _: None)
        Nftables("nftables", wanted, time.time, restarted, print).start([ban("198.51.100.1")])
    restarted.link.close()
    assert ruleset().count("priority filter + 5") == 1
    assert ruleset().count("ip saddr @") == 2


def test_set_when_another_action_has_it_then_start_says_so(make: Make) -> None:
    tcp, udp = make(), make(protocol="udp")
    tcp.start([ban("198.51.100.1")])
    with pytest.raises(ActionError, match="set addr-set-sshd is another action's already; give one of them its own"):
        udp.start([ban("198.51.100.1")])
    tcp.start([ban("198.51.100.1")])
    tcp.stop(keep=False)
    udp.start([ban("198.51.100.1")])
    assert "udp dport" in ruleset()


def test_leftovers_when_swept_then_only_those_of_the_named_jails_go(make: Make, kernel: Kernel) -> None:
    for jail in ("sshd", "web", "old"):
        make(jail).start([ban("198.51.100.1"), ban("198.51.100.0/24")])
    nft("add", "set", *TABLE, "addr-set-mine", "{ type ipv4_addr ; }")
    restarted = Kernel()
    wanted = plan({"name": "sshd"}, Place("jail.conf"), lambda _: None)
    Nftables("nftables", wanted, time.time, restarted, print).start([ban("198.51.100.1")])
    restarted.sweep(["old", "sshd"])
    restarted.link.close()
    listed = ruleset()
    assert "addr-set-mine" in listed
    assert "addr-set-web" in listed
    assert "addr-set-sshd" in listed
    assert "set-old" not in listed


def test_table_when_another_program_reserved_it_then_start_says_so(make: Make) -> None:
    with subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, text=True) as owner:
        assert owner.stdin
        owner.stdin.write("add table inet f2b-table { flags owner; }\n")
        owner.stdin.flush()
        deadline = time.monotonic() + 60
        while "f2b-table" not in ruleset():
            assert time.monotonic() < deadline
        with pytest.raises(ActionError, match="reserved by another program; set table = another name"):
            make().start([])
        owner.stdin.close()


def test_monitor_when_others_change_our_tables_then_it_says_so(make: Make, kernel: Kernel) -> None:
    ours = {(1, "f2b-table")}
    firewall = make()
    monitor = Monitor(kernel.link, set())
    assert monitor.foreign_changes() == set()
    firewall.start([ban("198.51.100.1")])
    firewall.ban([ban("198.51.100.2"), ban("198.51.100.3", 0.1)])
    firewall.unban([ban("198.51.100.2")])
    nft("add", "table", "inet", "other")
    while "198.51.100.3" in firewall.elements():
        pass  # nor is a ban that ends news
    assert select.select([monitor], [], [], 0)[0]
    assert monitor.foreign_changes() == {(1, "other")}

    for change in (
        ["delete", "element", *TABLE, "addr-set-sshd", "{ 198.51.100.1 }"],
        ["flush", "chain", *TABLE, "f2b-chain"],
        ["flush", "ruleset"],
    ):
        assert firewall.intact([ban("198.51.100.1")])
        nft(*change)
        assert not firewall.intact([ban("198.51.100.1")])
        assert ours <= (monitor.foreign_changes() or set())
        assert monitor.foreign_changes() == set()
        firewall.start([ban("198.51.100.1")])
        assert monitor.foreign_changes() == set()
    monitor.close()


def test_monitor_when_it_missed_news_then_it_says_so(make: Make, kernel: Kernel) -> None:
    firewall = make()
    firewall.start([])
    monitor = Monitor(kernel.link, set())
    with socket.socket(fileno=os.dup(monitor.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    firewall.ban([ban(f"10.0.{number >> 8}.{number & 255}") for number in range(1000)])
    assert monitor.foreign_changes() is None
    assert monitor.foreign_changes() == set()
    monitor.close()


def test_fail2ban_when_it_runs_on_the_same_table_then_start_refuses(
    tmp_path: Path, guarded: Host, make: Make
) -> None:
    with running_fail2ban(tmp_path) as client:
        client("set", "sshd", "banip", "198.51.100.1")
        with pytest.raises(
            ActionError, match=r"used by Fail2Ban \(pid \d+\); stop it first .* set table = another name"
        ):
            make().start([])
        make(table="f2b-own").start([])  # its own table is no trouble
        with two_hosts_elsewhere() as elsewhere, elsewhere:
            assert fail2ban() is None  # nor is one in another network
    make().start([])


@contextmanager
def two_hosts_elsewhere() -> Iterator[Host]:
    name = f"f2b-{os.getpid()}-elsewhere"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=60)
    try:
        yield Host(name)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True, timeout=60)


@contextmanager
def running_fail2ban(folder: Path) -> Iterator[Callable[..., str]]:
    """Run the real one with the stock nftables action, on this host; yield its client."""
    (folder / "auth.log").touch()
    config = folder / "fail2ban"
    shutil.copytree("/etc/fail2ban", config)
    shutil.rmtree(config / "jail.d")
    (config / "fail2ban.local").write_text("[DEFAULT]\nallowipv6 = yes\n[Definition]\ndbfile = None\n")
    log = f"logpath = {folder}/auth.log\n"
    (config / "jail.local").write_text(f"[sshd]\nenabled = true\nbackend = polling\nbanaction = nftables\n{log}")
    files = ["-c", str(config), "-s", str(folder / "s"), "-p", str(folder / "p"), "--logtarget", str(folder / "log")]

    def client(*words: str) -> str:
        told = subprocess.run(
            ["/usr/bin/fail2ban-client", *files, *words], capture_output=True, text=True, timeout=60
        )
        return told.stdout

    with subprocess.Popen(["/usr/bin/fail2ban-server", *files, "-f", "start"], stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 30
            while "sshd" not in client("status"):
                assert time.monotonic() < deadline
            yield client
        finally:
            server.terminate()


def test_rights_when_they_are_missing_then_the_cure_is_named() -> None:
    script = f"""
import os, time
from f2b.errors import ActionError, Place
from f2b.firewall.kernel import Kernel
from f2b.firewall.nftables import Nftables
from f2b.firewall.plan import plan
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
firewall = Nftables("x", plan({{"name": "x"}}, Place(""), lambda _: None), time.time, Kernel(), print)
try:
    firewall.start([])
except ActionError as error:
    print(error)
"""
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == (
        "no right to change the firewall (CAP_NET_ADMIN is missing); run as root, or with --dry-run\n"
    )
