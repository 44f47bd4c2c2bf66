"""`banlist`: files whose addresses are kept out without any log line, by the real server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from f2b.control import client
from tests.daemon.running import Server, fail, running, wait_for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def listed(server: Server, name: str = "bad", **options: object) -> Path:
    """Give the server a jail that is nothing but a list; return the list's path."""
    path = server.folder / f"{name}.list"
    server.jail(name, filter="", logpath="", banlist=path, **options)
    return path


def kept_out(server: Server, jail: str) -> list[str]:
    bans: Any = client.request(server.socket, "banned")["bans"]
    return sorted(ban["id"] for ban in bans if ban["jail"] == jail)


def test_lists_when_they_change_or_vanish_then_who_stands_there_is_kept_out(tmp_path: Path) -> None:
    crowd = [f"10.{n >> 8}.{n & 255}.1" for n in range(5000)]
    with running(tmp_path, ("unshare", "-n"), dry=False) as server:
        bad = listed(server, "bad", ignoreip="198.51.100.9")
        bad.write_text(
            "# spammers\n192.0.2.128/25, 2001:db8::/32 ; more\n203.0.113.101\n198.51.100.0/24\nnonsense 300.1.1.1\n"
        )
        gone = listed(server, "gone")
        gone.write_text("203.0.113.102\n203.0.113.103\n")
        many = listed(server, "many", action="nftables-allports")
        many.write_text("\n".join(crowd))
        server.start()
        assert kept_out(server, "bad") == ["192.0.2.128/25", "2001:db8::/32", "203.0.113.101"]
        assert {jail["state"] for jail in server.status()["jails"]} == {"up"}
        said = server.said()
        assert "[bad] banlist: 3 kept out, 3 of them new, 0 let go; 1 of the list are spared by ignoreip" in said
        assert f"banlist {bad}: 2 entries are no address or network and are left out: 'nonsense' '300.1.1.1'" in said
        assert members(server).count(" timeout ") == len(crowd)

        # All at once: lists are looked at every few seconds.
        bad.write_text("203.0.113.101\n203.0.113.102\n")
        gone.unlink()
        many.write_text("\n".join([*crowd[:100], "172.16.0.0/12"]))
        wait_for(lambda: kept_out(server, "bad") == ["203.0.113.101", "203.0.113.102"])
        wait_for(lambda: "2 stay out, until it can be read again" in server.said())
        assert kept_out(server, "gone") == ["203.0.113.102", "203.0.113.103"]
        wait_for(lambda: members(server).count(" timeout ") == 101)
        assert "172.16.0.0" in members(server)


def test_list_when_the_server_comes_back_or_the_option_goes_then_only_the_file_counts(server: Server) -> None:
    path = listed(server)
    path.write_text("203.0.113.101\n203.0.113.102\n")
    server.start()
    assert server.end() == 0
    path.write_text("203.0.113.102\n")
    server.start()
    assert server.banned() == ["203.0.113.102"]  # the database knows nothing of them
    server.jail("bad", logpath=server.folder / "other.log")
    assert server.ask("reload").returncode == 0
    assert server.banned() == []


def test_list_beside_a_log_then_both_ban(server: Server) -> None:
    path = server.folder / "bad.list"
    path.write_text("203.0.113.101\n")
    log = server.jail(banlist=path)
    log.touch()
    server.start()
    fail(log, "203.0.113.5")
    wait_for(lambda: server.banned() == ["203.0.113.101", "203.0.113.5"])
    fail(log, "203.0.113.101", when=time.time())
    wait_for(lambda: server.status()["jails"][0]["failed_total"] == 6)
    assert server.banned() == ["203.0.113.101", "203.0.113.5"]


def members(server: Server) -> str:
    assert server.process
    command = ["nsenter", "-t", str(server.process.pid), "-n", "nft", "list", "ruleset"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
