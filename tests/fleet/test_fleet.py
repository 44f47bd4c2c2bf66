"""Three servers and a real Redis: what one bans all ban, whatever becomes of Redis."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.fleet.entry import BAN, Entry, opened, seal
from tests.daemon.running import fail, wait_for
from tests.fleet.hosts import KEY, Host, Store, agree, hosts

COUNT = 3
PASSWORD = "a password, as long"
GUIDE = Path(__file__).parent.parent.parent / "docs/fleet.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A Redis where the hosts' user may do what the guide says, and no more."""
    rights = re.search(r"`ACL SETUSER f2b on >PASSWORD ([^`]+)`", GUIDE.read_text())
    assert rights
    user = (
        f"user f2b on #{hashlib.sha256(PASSWORD.encode()).hexdigest()} {rights[1]}\nuser default on nopass ~* +@all\n"
    )
    folder = tmp_path_factory.mktemp("redis")
    (folder / "acl").write_text(user)
    found = Store(folder, "--aclfile", str(folder / "acl"))
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[list[Host]]:
    folder = tmp_path_factory.mktemp("fleet")
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    with hosts(folder, store, COUNT, count="fleet", user="f2b", password_file=password) as found:
        yield found


@pytest.fixture(autouse=True)
def _clean(fleet: list[Host]) -> Iterator[None]:
    yield
    for host in fleet:
        everybody = host.banned()
        if everybody:
            host.unban(sorted(everybody))
    wait_for(agree(fleet, set()))


def test_ban_when_one_host_makes_it_then_all_do_and_an_unban_anywhere_ends_it(fleet: list[Host]) -> None:
    fail(fleet[0].log, "198.18.0.1")
    wait_for(agree(fleet, {"198.18.0.1"}))
    fleet[1].ban(["198.18.0.2"], -1)
    wait_for(agree(fleet, {"198.18.0.1", "198.18.0.2"}))
    fleet[2].unban(["198.18.0.1"])
    wait_for(agree(fleet, {"198.18.0.2"}))
    fail(fleet[0].log, "198.18.0.1")
    wait_for(agree(fleet, {"198.18.0.1", "198.18.0.2"}))


def test_attacker_when_he_tries_each_host_once_then_all_ban_him(fleet: list[Host]) -> None:
    for host in fleet:
        fail(host.log, "198.18.1.1", times=1)
    wait_for(agree(fleet, {"198.18.1.1"}))


def test_entry_when_forged_or_replayed_then_nobody_is_banned(fleet: list[Host], store: Store) -> None:
    fleet[0].ban(["198.18.2.1"])
    wait_for(agree(fleet, {"198.18.2.1"}))
    (text,) = [fields[b"e"] for _, fields in store.client.xrange("f2b:stream") if b"198.18.2.1" in fields[b"e"]]
    fleet[0].unban(["198.18.2.1"])
    wait_for(agree(fleet, set()))
    now = time.time()
    forged = Entry(BAN, "app", "198.18.2.2", now, now + 600, "web0", 5, "web0", now, "x")
    old = forged._replace(id="198.18.2.3", made=now - 1000, sent=now - 1000)
    wide = forged._replace(id="198.0.0.0/8", nonce="y")
    store.client.xadd("f2b:stream", {"e": text})
    store.client.xadd("f2b:stream", {"e": seal(forged, b"another key, as long")})
    store.client.xadd("f2b:stream", {"e": seal(old, KEY.encode())})
    store.client.xadd("f2b:stream", {"e": seal(wide, KEY.encode())})
    store.client.xadd("f2b:stream", {"other": "field"})
    fleet[1].ban(["198.18.2.9"])  # behind them: when it is banned they were read
    wait_for(agree(fleet, {"198.18.2.9"}))
    for host in fleet:
        for word in ("not of our key", "second time", "another time", "too wide"):
            assert word in host.said.read_text()


def test_redis_when_killed_in_a_burst_and_started_again_then_all_agree(fleet: list[Host], store: Store) -> None:
    crowd = [f"198.18.3.{number}" for number in range(60)]
    for at, key in enumerate(crowd):
        fleet[at % COUNT].ban([key])
        if at == 20:
            store.kill()
        if at == 40:
            fleet[0].unban([crowd[0]])
            store.start()
    wait_for(agree(fleet, set(crowd[1:])))


def test_redis_when_flushed_then_all_is_put_back_and_goes_on(fleet: list[Host], store: Store) -> None:
    crowd = [f"198.18.4.{number}" for number in range(10)]
    fleet[0].ban(crowd[:5])
    wait_for(agree(fleet, set(crowd[:5])))
    fleet[1].unban([crowd[0]])
    wait_for(agree(fleet, set(crowd[1:5])))
    fleet[2].leave()
    store.client.flushall()
    fleet[1].ban(crowd[5:])
    fleet[2].begin()
    wait_for(agree(fleet, set(crowd[1:])))
    listed = json.loads(fleet[0].ask("bans", "--json").stdout)
    assert {ban["id"] for ban in listed} <= set(crowd[1:])
    wait_for(lambda: store.client.hlen("f2b:bans") >= 10)  # the unban, too


def test_host_when_away_for_a_while_then_it_catches_up(fleet: list[Host]) -> None:
    fleet[0].ban(["198.18.5.1", "198.18.5.2"])
    wait_for(agree(fleet, {"198.18.5.1", "198.18.5.2"}))
    fleet[2].leave()
    fleet[0].ban(["198.18.5.3"])
    fleet[1].unban(["198.18.5.1"])
    fleet[2].ban(["198.18.5.4"])
    wait_for(agree(fleet[:2], {"198.18.5.2", "198.18.5.3"}))
    fleet[2].begin()
    wait_for(agree(fleet, {"198.18.5.2", "198.18.5.3", "198.18.5.4"}))


def test_server_when_killed_then_its_bans_stay_and_it_catches_up(fleet: list[Host]) -> None:
    fleet[1].ban(["198.18.6.1"])
    wait_for(agree(fleet, {"198.18.6.1"}))
    process = fleet[1].server.process
    assert process
    process.kill()
    process.wait()
    fleet[0].ban(["198.18.6.2"])
    fleet[1].server.start()
    wait_for(agree(fleet, {"198.18.6.1", "198.18.6.2"}))
    fleet[1].ban(["198.18.6.3"])
    wait_for(agree(fleet, {"198.18.6.1", "198.18.6.2", "198.18.6.3"}))


def test_fleet_command_when_asked_then_it_tells_bans_hosts_and_how_it_does(fleet: list[Host], store: Store) -> None:
    fleet[0].ban(["198.18.7.1"], 600)
    wait_for(agree(fleet, {"198.18.7.1"}))
    (ban,) = json.loads(fleet[1].ask("bans", "--json").stdout)
    assert (ban["id"], ban["jail"], ban["origin"]) == ("198.18.7.1", "app", "web0")
    # After a flush, or a start, each host says at its next beat that it is there.
    wait_for(lambda: store.client.hlen("f2b:hosts") == COUNT)
    assert [each["host"] for each in json.loads(fleet[0].ask("hosts", "--json").stdout)] == ["web0", "web1", "web2"]
    said = json.loads(fleet[0].ask("status", "--json").stdout)
    assert (said["hosts"], said["this"]["name"]) == (3, "web0")
    wait_for(lambda: "fleet: 3 hosts" in fleet[0].server.ask("status").stdout)


def test_entry_when_it_stands_in_redis_then_it_is_signed(fleet: list[Host], store: Store) -> None:
    fleet[0].ban(["198.18.8.1"])
    wait_for(agree(fleet, {"198.18.8.1"}))
    text = store.client.hget("f2b:bans", "app\n198.18.8.1\nweb0")
    assert opened(text, KEY.encode()).origin == "web0"
