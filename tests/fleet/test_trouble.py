"""What becomes of a fleet when Redis fails over, is full, or stands still; other set-ups; and kernels. Needs root.

Runs only if F2B_FLEET is set, as `.ci/full` does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import RedisError
from redis.sentinel import Sentinel

from tests.daemon.running import fail, wait_for
from tests.fleet.hosts import Host, Store, agree, configure, hosts

COUNT = 3
HERE = "127.0.0.1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def fleet(tmp_path: Path, store: Store) -> Iterator[list[Host]]:
    with hosts(tmp_path, store, COUNT) as found:
        yield found


def crowd(net: int, size: int) -> list[str]:
    return [f"198.18.{net}.{number}" for number in range(size)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def assert_banned_once(fleet: list[Host]) -> None:
    """See that no server has banned anybody twice."""
    for host in fleet:
        told = re.findall(r"\[\w+\] Ban (\S+)", host.server.said())
        assert told
        assert len(told) == len(set(told))


def told(fleet: list[Host], what: str) -> bool:
    return all(what in host.said.read_text() for host in fleet)


def resident(host: Host) -> int:
    """Return the bytes of its satellite."""
    return int(Path(f"/proc/{host.pid()}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ---- what becomes of Redis --------------------------------------------------------------------------------


def write_allowed(watch: Any) -> bool:
    try:
        return bool(watch.master_for("fleet").set("probe", "x"))
    except (RedisError, OSError):
        return False


def test_redis_when_the_primary_is_killed_then_the_hosts_go_on_with_the_replica(tmp_path: Path) -> None:
    ports = [free_port() for _ in range(3)]
    folders = [tmp_path / name for name in ("primary", "replica", "sentinel")]
    for folder in folders:
        folder.mkdir()
    primary = Store(folders[0], "--port", str(ports[0]), "--bind", HERE)
    replica = Store(folders[1], "--port", str(ports[1]), "--bind", HERE, "--replicaof", HERE, str(ports[0]))
    conf = folders[2] / "sentinel.conf"
    conf.write_text(
        f"port {ports[2]}\nbind {HERE}\ndir {folders[2]}\nsentinel monitor fleet {HERE} {ports[0]} 1\n"
        "sentinel down-after-milliseconds fleet 1000\nsentinel failover-timeout fleet 5000\n"
    )
    primary.start()
    replica.start()
    sentinel = subprocess.Popen(["redis-server", conf, "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        watch: Any = Sentinel([(HERE, ports[2])])  # type: ignore[no-untyped-call]  # redis-py's
        wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up")
        wait_for(lambda: write_allowed(watch) and watch.discover_slaves("fleet"))
        primary.url = f"sentinel://{HERE}:{ports[2]}/fleet/0"
        with hosts(tmp_path, primary, COUNT) as fleet:
            everybody = crowd(1, 90)
            for at, key in enumerate(everybody):
                fleet[at % COUNT].ban([key])
                if at == 30:
                    primary.kill()
                if at == 50:
                    fleet[1].unban([everybody[0]])
            wait_for(agree(fleet, set(everybody[1:])))
            assert replica.client.info("replication")["role"] == "master"
            fleet[0].leave()
            fleet[0].begin()
            fleet[2].ban(crowd(2, 1))
            wait_for(agree(fleet, {*everybody[1:], *crowd(2, 1)}))
            wait_for(lambda: len(json.loads(fleet[0].ask("bans", "--json").stdout)) == len(everybody))
            assert_banned_once(fleet)
    finally:
        sentinel.kill()
        sentinel.wait()
        primary.kill()
        replica.kill()


def test_redis_when_it_is_full_then_it_is_told_and_all_is_caught_up(fleet: list[Host], store: Store) -> None:
    first, second, third = crowd(1, 10), crowd(2, 240), crowd(3, 5)
    fleet[0].ban(first)
    fleet[0].ban(third, 3)
    wait_for(agree(fleet, {*first, *third}))
    store.client.config_set("maxmemory-policy", "noeviction")
    store.client.config_set("maxmemory", 1)
    before = [resident(host) for host in fleet]
    for at, key in enumerate(second):
        fleet[at % COUNT].ban([key])
    fleet[1].unban([first[0]])
    assert set(second[::COUNT]) <= fleet[0].banned()
    wait_for(lambda: told(fleet, "used memory"))
    # What is over is cleared away all the same, or it would be full for ever.
    wait_for(lambda: store.client.hlen("f2b:bans") == len(first))
    # Who comes while it is full learns what holds.
    fleet[2].leave()
    fleet[2].unban([first[1]])  # nobody hears of it now, but later
    fleet[2].begin()
    time.sleep(8)  # several attempts
    assert all(resident(host) < size + 10_000_000 for host, size in zip(fleet, before, strict=True))
    store.client.config_set("maxmemory", 0)
    wait_for(agree(fleet, {*first[2:], *second}))
    assert_banned_once(fleet)


def test_redis_when_it_stands_still_then_hosts_ban_alone_and_catch_up(fleet: list[Host], store: Store) -> None:
    for net, seconds in ((1, 3), (2, 14)):  # shorter, and longer, than Redis may take
        fleet[0].ban([f"198.18.9.{net}"])
        wait_for(lambda net=net: all(f"198.18.9.{net}" in host.banned() for host in fleet))  # type: ignore[misc]
        os.kill(store.pid(), signal.SIGSTOP)
        try:
            everybody = crowd(net, 30)
            for at, key in enumerate(everybody):
                fleet[at % COUNT].ban([key])
            fail(fleet[0].log, f"198.19.0.{net}")
            wait_for(lambda net=net: f"198.19.0.{net}" in fleet[0].banned())  # type: ignore[misc]
            fleet[1].unban([f"198.18.9.{net}"])
            time.sleep(seconds)
        finally:
            os.kill(store.pid(), signal.SIGCONT)
        expected = {key for each in range(1, net + 1) for key in (*crowd(each, 30), f"198.19.0.{each}")}
        wait_for(agree(fleet, expected))
    assert "tried again" in fleet[0].said.read_text()
    assert_banned_once(fleet)


# ---- other set-ups ----------------------------------------------------------------------------------------


def test_quorum_when_two_hosts_have_banned_then_the_third_does(tmp_path: Path, store: Store) -> None:
    with hosts(tmp_path, store, COUNT, quorum=2) as fleet:
        fleet[0].ban(["198.18.1.1", "198.18.1.2"])
        fleet[1].ban(["198.18.1.1"])
        wait_for(lambda: fleet[2].banned() == {"198.18.1.1"})
        # Who begins anew, with Redis empty or not, comes to the same.
        fleet[2].leave()
        store.client.flushall()
        fleet[2].begin()
        fleet[0].ban(["198.18.1.3"])
        fleet[1].ban(["198.18.1.3"])
        wait_for(lambda: fleet[2].banned() == {"198.18.1.1", "198.18.1.3"})
        assert fleet[1].banned() == {"198.18.1.1", "198.18.1.3"}
        assert fleet[0].banned() == {"198.18.1.1", "198.18.1.2", "198.18.1.3"}
        fleet[2].unban(["198.18.1.1"])
        wait_for(lambda: all("198.18.1.1" not in host.banned() for host in fleet))


def test_jail_when_a_host_lacks_it_then_bans_go_where_it_says_and_unbans_come_back(
    tmp_path: Path, store: Store
) -> None:
    with hosts(tmp_path, store, COUNT, share="app web") as fleet:
        # The second puts them into `manual`, the third leaves them out.
        fleet[1].leave()
        configure(fleet[1].server, store, "web1", share="app web", jail="manual")
        fleet[1].begin()
        fleet[0].server.jail("web", bantime=3600).touch()
        assert fleet[0].server.ask("reload").returncode == 0
        wait_for(lambda: "web" in [jail["name"] for jail in fleet[0].server.status()["jails"]])
        fail(fleet[0].server.folder / "web.log", "198.18.1.1")
        wait_for(lambda: fleet[0].banned() == {"198.18.1.1"})
        fleet[0].ban(["198.18.1.2"])
        wait_for(lambda: fleet[1].banned() == {"198.18.1.1", "198.18.1.2"})
        wait_for(lambda: fleet[2].banned() == {"198.18.1.2"})
        listed = {jail["name"]: [ban["id"] for ban in jail["bans"]] for jail in fleet[1].server.status()["jails"]}
        assert listed["manual"] == ["198.18.1.1"]
        fleet[1].unban(["198.18.1.1"])
        wait_for(agree(fleet, {"198.18.1.2"}))


def test_accept_when_a_jail_is_not_in_it_then_its_bans_are_left_out(tmp_path: Path, store: Store) -> None:
    with hosts(tmp_path, store, 2) as fleet:
        fleet[1].leave()
        configure(fleet[1].server, store, "web1", accept="web")
        fleet[1].begin()
        fleet[1].ban(["198.18.1.1"])
        wait_for(agree(fleet[:1], {"198.18.1.1"}))
        fleet[0].ban(["198.18.1.2"])
        wait_for(lambda: store.client.hlen("f2b:bans") == 2)
        time.sleep(2)
        assert fleet[1].banned() == {"198.18.1.1"}


def certificates(folder: Path) -> None:
    """Make a certificate authority, and by it a certificate for localhost."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", "/CN=our own", "-keyout", "ca.key", "-out", "ca.pem")
    about = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    openssl(
        "req", "-x509", *new, *about, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem"
    )


def test_tls_when_the_authority_is_our_own_then_only_it_is_believed(tmp_path: Path) -> None:
    certificates(tmp_path)
    port = free_port()
    named = [("cert", "cert"), ("key", "key"), ("ca-cert", "ca")]
    files = [word for option, name in named for word in (f"--tls-{option}-file", f"{tmp_path}/{name}.pem")]
    store = Store(tmp_path, "--bind", HERE, "--tls-port", str(port), "--tls-auth-clients", "no", *files)
    store.start()
    try:
        store.url = f"rediss://localhost:{port}/0"
        with hosts(tmp_path, store, 2, ca=tmp_path / "ca.pem") as fleet:
            fleet[0].ban(["198.18.1.1"])
            wait_for(agree(fleet, {"198.18.1.1"}))
            configure(fleet[0].server, store, "web0")
            refused = fleet[0].ask("status")
            assert refused.returncode != 0
            assert "certificate" in refused.stderr.lower()
    finally:
        store.kill()


# ---- kernels ----------------------------------------------------------------------------------------------


def members(host: Host) -> set[str]:
    """Return who is in the sets of a host's kernel, as nft says."""
    assert host.server.process
    listed = ["nsenter", "-t", str(host.server.process.pid), "-n", "nft", "-j", "list", "sets"]
    found = json.loads(subprocess.run(listed, check=True, capture_output=True, timeout=60).stdout)["nftables"]
    held = [it for each in found if "set" in each for it in each["set"].get("elem", ())]
    return {it["elem"]["val"] if isinstance(it, dict) else it for it in held}


def test_kernels_when_redis_is_killed_and_flushed_and_a_host_away_then_all_are_equal(
    tmp_path: Path, store: Store
) -> None:
    with hosts(tmp_path, store, COUNT, ("unshare", "-n")) as fleet:
        everybody = crowd(1, 200)
        for at, key in enumerate(everybody):
            fleet[at % COUNT].ban([key])
            match at:
                case 30:
                    store.kill()
                case 60:
                    fleet[1].unban(everybody[:2])
                    store.start()
                case 90:
                    fleet[2].leave()
                case 120:
                    store.client.flushall()
                    fleet[0].unban(everybody[2:4])
                case 150:
                    fleet[2].begin()
                case 170:
                    store.client.flushall()
        wait_for(agree(fleet, set(everybody[4:])))
        wait_for(lambda: all(members(host) == set(everybody[4:]) for host in fleet))
        assert_banned_once(fleet)
