"""Every native back end through the same scenarios, with real packets: what one does, all do."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from f2b.ban.ledger import Ledger
from f2b.daemon.guard import Guard
from f2b.daemon.healer import Healer
from f2b.errors import ActionError, Place
from f2b.events import PERMANENT, Ban
from f2b.firewall import Firewall, is_watched, sets
from f2b.firewall.ipset import Ipset
from f2b.firewall.ipset_wire import LONGEST_S
from f2b.firewall.native import Native
from f2b.firewall.nftables import LEASE_S
from f2b.firewall.plan import plan
from f2b.firewall.xtables import xtables
from f2b.log import Log
from f2b.loop import Loop
from tests.live.net import ATTACKER, BYSTANDER, GUARDED, SILENCE_S, Host, patience

PORT = 2222
HERE = Place("jail.conf")
FAMILIES = pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])
NETWORKS = [("192.0.2.64/29", "192.0.2.72/29"), ("2001:db8::60/124", "2001:db8:77::70/124")]
"""The first holds the attacker only, the second the bystander."""
LEGACY = {"iptables": "iptables-legacy", "ip6tables": "ip6tables-legacy"}
BACKENDS = {
    "nftables": ("nftables", {}),
    "iptables-nft": ("iptables", {"iptables": "iptables-nft", "ip6tables": "ip6tables-nft"}),
    "iptables-legacy": ("iptables", LEGACY),
    "ipset-nft": ("ipset", {"iptables": "iptables-nft", "ip6tables": "ip6tables-nft"}),
    "ipset-legacy": ("ipset", LEGACY),
    "iptc": ("iptc", {}),
}
EACH = pytest.mark.parametrize("backend", BACKENDS)


class Setup(NamedTuple):
    """What a test has to do with."""

    native: Native
    make: Callable[..., Firewall]
    """Makes the firewall of a jail, as `make(backend, jail, option=value, ...)`."""
    told: list[str]


@pytest.fixture
def setup(guarded: Host) -> Iterator[Setup]:
    """On the guarded host, as a server is."""
    native = Native(time.time, (4, 6))
    told: list[str] = []

    def make(backend: str, jail: str = "sshd", **options: str) -> Firewall:
        kind, more = BACKENDS[backend]
        given = {"name": jail, "port": str(PORT), **more, **options}
        if kind == "nftables":
            return native.make(backend, plan(given, HERE, nobody), lambda _, text: told.append(text))
        return native.make(backend, xtables(given, kind, HERE, nobody), lambda _, text: told.append(text))

    with guarded:
        yield Setup(native, make, told)
    close(native)


def nobody(_: str) -> None:
    """The services of a host without /etc/services."""


def late(backend: str, family: int) -> bool:
    return backend != "nftables" and family == 1


def ban(who: str, seconds: float = 600) -> Ban:
    return Ban("sshd", who, time.time(), seconds)


def left_behind() -> str:
    """Return all that any firewall on this host says, but for what is there on any host."""
    commands = ["nft list ruleset", "iptables-legacy-save", "ip6tables-legacy-save", "ipset save"]
    said = [
        subprocess.run(command.split(), check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
        for command in commands
    ]
    return "\n".join(line for lines in said for line in lines if "f2b" in line or "addr" in line)


# ---- packets -----------------------------------------------------------------------------------------------


@EACH
@FAMILIES
def test_attacker_when_banned_then_tcp_and_udp_are_shut_for_it_alone_until_unbanned(
    backend: str, family: int, guarded: Host, peer: Host, setup: Setup
) -> None:
    firewall = setup.make(backend, protocol="tcp,udp")
    attacker, bystander, target = ATTACKER[family], BYSTANDER[family], GUARDED[family]
    with guarded.listen(PORT), guarded.listen(3333), guarded.listen_udp(PORT, target) as udp:
        firewall.start([])
        assert peer.connects(attacker, target, PORT) == "open"
        firewall.ban([ban(attacker)])
        # A peer without any delay notices an ICMPv6 refusal of TCP only after a second.
        answer = "timeout" if late(backend, family) else "refused"
        assert peer.connects(attacker, target, PORT, patience(answer)) == answer
        assert peer.asks_udp(attacker, udp) == "refused"
        assert peer.connects(attacker, target, 3333) == "open"
        assert peer.connects(bystander, target, PORT) == "open"
        assert peer.asks_udp(bystander, udp) == "open"
        firewall.unban([ban(attacker)])
        assert peer.connects(attacker, target, PORT) == "open"
    assert setup.told == []


@pytest.mark.parametrize("backend", ["iptables-nft", "ipset-legacy", "iptc"])
@FAMILIES
def test_networks_when_banned_then_they_overlap_and_are_lifted_one_by_one(
    backend: str, family: int, guarded: Host, peer: Host, setup: Setup
) -> None:
    firewall = setup.make(backend, blocktype="DROP")
    firewall.start([])
    attacker, bystander, target = ATTACKER[family], BYSTANDER[family], GUARDED[family]
    around, beside = NETWORKS[family]
    with guarded.listen(PORT):
        firewall.ban([ban(around), ban(attacker)])
        assert peer.connects(attacker, target, PORT, SILENCE_S) == "timeout"
        assert peer.connects(bystander, target, PORT) == "open"
        firewall.ban([ban(beside)])
        firewall.unban([ban(around)])
        assert peer.connects(attacker, target, PORT, SILENCE_S) == "timeout"
        assert peer.connects(bystander, target, PORT, SILENCE_S) == "timeout"
        firewall.unban([ban(attacker), ban(beside)])
        assert peer.connects(attacker, target, PORT) == "open"
        firewall.ban([ban(["0.0.0.0/0", "::/0"][family])])
        assert peer.connects(bystander, target, PORT, SILENCE_S) == "timeout"
        assert peer.connects(BYSTANDER[1 - family], GUARDED[1 - family], PORT) == "open"
        firewall.flush([])
        assert peer.connects(bystander, target, PORT) == "open"


@pytest.mark.parametrize("backend", ["iptables-legacy", "ipset-nft"])
@pytest.mark.parametrize(
    ("options", "tcp", "other_port", "udp"),
    [
        ({"protocol": "udp"}, "open", "open", "refused"),
        ({"protocol": "all"}, "refused", "open", "refused"),
        ({"port": "ssh,1:2000,2200:2300"}, "refused", "open", "open"),
        ({"port": "0:65535"}, "refused", "refused", "open"),
        ({"port": ",".join(map(str, range(2210, 2250)))}, "refused", "open", "open"),
        ({"type": "allports"}, "refused", "refused", "open"),
        ({"type": "allports", "protocol": "all"}, "refused", "refused", "refused"),
    ],
    ids=str,
)
def test_options_when_given_then_packets_meet_them(
    backend: str,
    options: dict[str, str],
    tcp: str,
    other_port: str,
    udp: str,
    guarded: Host,
    peer: Host,
    setup: Setup,
) -> None:
    setup.make(backend, **options).start([ban(ATTACKER[0])])
    with guarded.listen(PORT), guarded.listen(3333), guarded.listen_udp(PORT, GUARDED[0]) as udp_server:
        assert peer.connects(ATTACKER[0], GUARDED[0], PORT) == tcp
        assert peer.connects(ATTACKER[0], GUARDED[0], 3333) == other_port
        assert peer.asks_udp(ATTACKER[0], udp_server, patience(udp)) == udp
        assert peer.connects(BYSTANDER[0], GUARDED[0], PORT) == "open"


@pytest.mark.parametrize("backend", ["ipset-nft"])
@FAMILIES
def test_ban_when_it_ends_then_the_kernel_opens_by_itself(
    backend: str, family: int, guarded: Host, peer: Host, setup: Setup
) -> None:
    firewall = setup.make(backend, blocktype="DROP")
    firewall.start([])
    with guarded.listen(PORT):
        begun = time.monotonic()
        firewall.ban([ban(ATTACKER[family], 1.0)])
        answer = peer.connects(ATTACKER[family], GUARDED[family], PORT, SILENCE_S)
        assert answer == "timeout" or time.monotonic() - begun > 0.9
        while peer.connects(ATTACKER[family], GUARDED[family], PORT) != "open":
            assert time.monotonic() - begun < 60
        assert time.monotonic() - begun > 0.9


@EACH
def test_restart_when_bans_are_kept_then_no_connection_slips_through(
    backend: str, guarded: Host, peer: Host, setup: Setup
) -> None:
    present = setup.make(backend, protocol="tcp,udp")
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
        while time.monotonic() - begun < 0.5 or restarts < 3:
            present.stop(keep=True)
            present = setup.make(backend, port=f"{PORT},{restarts % 100 + 1}")
            # Another who is banned, and another end: rules, sets and members all change.
            present.start([ban(ATTACKER[0], 600 + 2 * restarts), ban(f"198.51.100.{restarts % 100}")])
            restarts += 1
        done.set()
        knocking.join()
    assert set(answers) == {"refused"}


# ---- what is in the kernel ---------------------------------------------------------------------------------


@EACH
def test_verbs_when_repeated_then_nothing_goes_wrong_and_stop_leaves_nothing(backend: str, setup: Setup) -> None:
    firewall = setup.make(backend)
    other = setup.make(backend, "web")
    other.start([ban("198.51.100.9")])
    alone = left_behind()
    who = [ban("198.51.100.2"), ban("198.51.100.0/24"), ban("2001:db8:1::/48"), ban("2001:db8::5")]
    firewall.unban(who)
    firewall.flush(who)
    firewall.stop(keep=False)
    firewall.start([])
    for _ in range(2):
        firewall.ban([*who, *who])
    assert elements(firewall) == {"198.51.100.2", "198.51.100.0/24", "2001:db8:1::/48", "2001:db8::5"}
    for _ in range(2):
        firewall.unban([*who[:3], ban("198.51.100.77"), ban("192.168.0.0/16")])
    assert elements(firewall) == {"2001:db8::5"}
    firewall.ban(who)
    for _ in range(2):
        firewall.flush(who)
    assert elements(firewall) == set()
    for _ in range(2):
        firewall.stop(keep=False)
    assert left_behind() == alone
    other.stop(keep=False)
    assert left_behind() == ""
    assert setup.told == []


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_stop_when_a_rule_lets_go_of_the_set_later_then_it_goes_all_the_same(
    program: str, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    firewall = setup.make(f"ipset-{program[9:]}")
    firewall.start([])
    rule = ["INPUT", "-t", "mangle", "-m", "set", "--match-set", "f2b-sshd", "src", "-j", "ACCEPT"]
    subprocess.run([program, "-w", "-A", *rule], check=True, timeout=60)
    with pytest.raises(ActionError, match="f2b-sshd: a rule uses it"):
        firewall.stop(keep=False)
    monkeypatch.setattr(sets, "LETS_GO_S", 60.0)
    later = threading.Timer(0.1, lambda: subprocess.run([program, "-w", "-D", *rule], check=True, timeout=60))
    later.start()
    firewall.stop(keep=False)
    later.join()
    assert left_behind() == ""


def elements(firewall: Firewall) -> set[str]:
    found: dict[str, float | None] = firewall.elements()  # type: ignore[attr-defined]  # all of these have it
    return set(found)


@EACH
def test_start_when_others_are_banned_then_exactly_the_bans_are_afterwards(backend: str, setup: Setup) -> None:
    before = setup.make(backend, port="1000")
    before.start([ban("198.51.100.1"), ban("198.51.100.2"), ban("203.0.113.0/24")])
    before.stop(keep=True)
    after = setup.make(backend)
    after.start([ban("198.51.100.2"), ban("198.51.100.3"), Ban("sshd", "198.51.100.4", time.time() - 60, 60)])
    assert elements(after) == {"198.51.100.2", "198.51.100.3"}
    assert "1000" not in left_behind()
    after.stop(keep=False)
    assert left_behind() == ""


@EACH
def test_crowd_when_restored_then_all_are_there(backend: str, setup: Setup) -> None:
    firewall = setup.make(backend)
    many = 500 if backend == "iptc" else 5000
    crowd = [ban(f"10.0.{number >> 8}.{number & 255}") for number in range(many)]
    firewall.start(crowd)
    assert len(elements(firewall)) == many
    firewall.unban(crowd[1:])
    assert elements(firewall) == {"10.0.0.0"}
    firewall.ban(crowd)
    assert len(elements(firewall)) == many


def test_set_when_it_is_larger_than_usual_then_it_takes_them_all(setup: Setup) -> None:
    firewall = setup.make("ipset-nft")
    crowd = [ban(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}") for number in range(70_000)]
    firewall.start(crowd[:10])
    firewall.ban(crowd)
    assert len(elements(firewall)) == 70_000


def test_set_when_fail2ban_left_one_of_another_kind_then_it_is_replaced(setup: Setup) -> None:
    subprocess.run(["ipset", "create", "f2b-sshd", "hash:net", "family", "inet6"], check=True, timeout=60)
    rule = ["-m", "set", "--match-set", "f2b-sshd", "src", "-j", "DROP"]
    subprocess.run(["ip6tables-nft", "-I", "INPUT", *rule], check=True, timeout=60)
    subprocess.run(["ipset", "create", "f2b-sshd6", "hash:ip", "family", "inet6"], check=True, timeout=60)
    subprocess.run(["ip6tables-nft", "-I", "INPUT", *rule[:3], "f2b-sshd6", *rule[4:]], check=True, timeout=60)
    firewall = setup.make("ipset-nft")
    subprocess.run(["ip6tables-nft", "-F"], check=True, timeout=60)
    firewall.start([ban("198.51.100.1"), ban("2001:db8::1", 60)])
    assert elements(firewall) == {"198.51.100.1", "2001:db8::1"}


@pytest.mark.parametrize(("seconds", "held_s"), [(PERMANENT, LEASE_S), (3e6, LONGEST_S), (0.2, 1)])
def test_member_when_its_time_is_none_that_ipset_knows_then_it_has_the_next_best(
    seconds: float, held_s: float, setup: Setup
) -> None:
    firewall = setup.make("ipset-nft")
    assert isinstance(firewall, Ipset)
    firewall.start([])
    firewall.ban([ban("198.51.100.1", seconds)])
    assert firewall.elements().get("198.51.100.1", held_s) == pytest.approx(held_s, abs=5)


@pytest.mark.parametrize("backend", ["iptables-nft", "ipset-nft"])
def test_id_that_is_no_address_when_banned_then_it_is_told(backend: str, setup: Setup) -> None:
    firewall = setup.make(backend)
    firewall.start([])
    firewall.ban([Ban("sshd", "alice", time.time(), 60), Ban("sshd", "bob", time.time(), 60, host="198.51.100.5")])
    assert elements(firewall) == {"198.51.100.5"}
    assert [text.startswith(f"{backend} cannot ban alice: ") for text in setup.told] == [True]


def test_jails_when_they_are_gone_or_moved_then_their_chains_and_sets_are_swept(setup: Setup) -> None:
    for backend, jail in [
        ("iptables-nft", "old"),
        ("ipset-nft", "older"),
        ("iptables-nft", "web"),
        ("ipset-nft", "sshd"),
    ]:
        setup.make(backend, jail).start([ban("198.51.100.1"), ban("198.51.100.0/24")])
    restarted = setup._replace(native=Native(time.time, (4, 6)))
    wanted = setup.make("ipset-nft").plan  # type: ignore[attr-defined]  # all of these have it
    restarted.native.make("ipset", wanted, print).start([])
    restarted.native.sweep(["old", "older", "sshd"], ["web"])
    close(restarted.native)
    left = left_behind()
    assert not re.search("f2b-(old|older|web)", left)
    assert "f2b-sshd" in left


def close(native: Native) -> None:
    native.kernel.link.close()
    native.sets.close()


@pytest.mark.parametrize("backend", ["iptables-nft", "ipset-nft"])
def test_family_when_the_host_does_not_speak_it_then_the_other_goes_on(backend: str, setup: Setup) -> None:
    made = setup.make(backend, ip6tables="/nowhere/ip6tables").plan  # type: ignore[attr-defined]
    native = Native(time.time, [4])
    firewall = native.make(backend, made, lambda _, text: setup.told.append(text))
    firewall.start([ban("2001:db8::1")])
    firewall.ban([ban("2001:db8::2"), ban("198.51.100.1")])
    assert elements(firewall) == {"198.51.100.1"}
    firewall.stop(keep=False)
    close(native)
    assert [re.sub(": No such.*", "", text) for text in setup.told] == [
        f"{backend} cannot ban 2001:db8::{number}: /nowhere/ip6tables-save" for number in (1, 2)
    ]


def test_programs_when_they_are_missing_then_it_is_said(setup: Setup) -> None:
    firewall = setup.make("iptables-nft", iptables="/nowhere/iptables")
    with pytest.raises(ActionError, match="/nowhere/iptables-save: No such file"):
        firewall.start([])


# ---- healing -----------------------------------------------------------------------------------------------


FLUSHES = {
    "nftables": [
        "nft flush ruleset",
        "nft delete table inet f2b-table",
        "nft flush set inet f2b-table addr-set-sshd",
    ],
    "iptables-nft": [
        "nft flush ruleset",
        "iptables-nft -F f2b-sshd",
        "iptables-nft -D f2b-sshd 1",
        "ip6tables-nft -F",
    ],
    "iptables-legacy": ["iptables-legacy -F", "iptables-legacy -F f2b-sshd"],
    "ipset-nft": ["iptables-nft -F", "ipset flush f2b-sshd6"],
    "ipset-legacy": ["ipset flush", "iptables-legacy -F; ipset destroy f2b-sshd"],
    "iptc": ["iptables-legacy -F"],
}
RELOADED = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
"""What a firewall that loads its own rules, and nobody else's, says to iptables-restore."""


@EACH
def test_bans_when_somebody_takes_them_out_then_all_are_back_and_it_is_told_once(
    backend: str, guarded: Host, peer: Host, setup: Setup, tmp_path: Path
) -> None:
    loop, log = Loop(), Log(str(tmp_path / "log"))
    ledger = Ledger()
    for who in (ATTACKER[0], ATTACKER[1]):
        ledger.put(ban(who))
    quick = {} if backend == "nftables" else {"blocktype": "REJECT --reject-with tcp-reset"}
    guard = Guard("sshd", [setup.make(backend, **quick)], ledger, loop, log)
    guard.start()
    told_at_once = "legacy" not in backend and backend != "iptc"
    # What the kernel tells of must not need a look; a flush of ipset's sets does in any case.
    period_s = 0.3 if not told_at_once or "ipset" in backend else 1000.0
    healer = Healer(loop, log, setup.native, {"sshd": guard}, period_s)
    healer.watch()
    with guarded.listen(PORT):
        for number, flush in enumerate([*FLUSHES[backend], *reload_of(backend)], 1):
            settle(loop)
            subprocess.run(["sh", "-c", flush], check=True, input=RELOADED, text=True, timeout=60)
            begun = time.monotonic()
            while (tmp_path / "log").read_text().count("changed by somebody else") < number:
                assert time.monotonic() - begun < 60, flush
                loop.turn(0.05)
            for family in (0, 1):
                assert peer.connects(ATTACKER[family], GUARDED[family], PORT) == "refused", flush
                assert peer.connects(BYSTANDER[family], GUARDED[family], PORT) == "open"
        settle(loop)
        assert (tmp_path / "log").read_text().count("changed by somebody else") == number
    healer.close()
    loop.close()


def reload_of(backend: str) -> list[str]:
    """Return what a program does that puts its own rules in place of all."""
    variant = backend.rpartition("-")[2]
    return [f"iptables-{variant}-restore"] if backend.startswith("ip") and backend != "iptc" else []


def settle(loop: Loop) -> None:
    """Let what is under way come to an end."""
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        loop.turn(0.05)


@pytest.mark.parametrize("backend", ["iptables-nft", "ipset-nft"])
def test_others_when_they_change_their_own_rules_then_nothing_is_put_back(
    backend: str, setup: Setup, tmp_path: Path
) -> None:
    loop, log = Loop(), Log(str(tmp_path / "log"))
    ledger = Ledger()
    ledger.put(ban("198.51.100.1"))
    guard = Guard("sshd", [setup.make(backend)], ledger, loop, log)
    guard.start()
    healer = Healer(loop, log, setup.native, {"sshd": guard}, 0.2)
    healer.watch()
    guard.ban([ban("198.51.100.1")])
    for _ in range(2):
        subprocess.run(["iptables-nft", "-A", "INPUT", "-p", "icmp", "-j", "ACCEPT"], check=True, timeout=60)
        settle(loop)
    assert "somebody else" not in (tmp_path / "log").read_text()
    healer.close()
    loop.close()


@EACH
def test_ban_when_everything_is_gone_then_it_bites_all_the_same(
    backend: str, guarded: Host, peer: Host, setup: Setup
) -> None:
    firewall = setup.make(backend)
    firewall.start([ban("198.51.100.1")])
    for command in ("nft flush ruleset", "iptables-legacy -F", "iptables-legacy -X", "ipset flush"):
        subprocess.run(command.split(), check=True, timeout=60)
    subprocess.run(["ipset", "destroy"], check=False, capture_output=True, timeout=60)
    firewall.ban([ban(ATTACKER[0])])
    with guarded.listen(PORT):
        assert is_watched(firewall)
        firewall.start([ban(ATTACKER[0])]) if not firewall.intact([ban(ATTACKER[0])]) else None
        assert peer.connects(ATTACKER[0], GUARDED[0], PORT) == "refused"
