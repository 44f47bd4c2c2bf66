"""Filter types in the running server: a jail waits for its files, jails hear each other, a reload forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.geoip import country, write
from tests.daemon.running import Server, fail, running, wait_for

A, B = "192.0.2.1", "198.51.100.2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def state(server: Server, name: str) -> Any:
    return next(jail for jail in server.status()["jails"] if jail["name"] == name)


def test_types_when_served_then_each_does_its_work(server: Server) -> None:
    database = server.folder / "c.mmdb"
    server.write(
        "filter.d/abroad.conf", f"[Definition]\nfiltertype = geo\nbase = app\ndeny = BR\ndatabase = {database}\n"
    )
    server.write("filter.d/slow.conf", "[Definition]\nfiltertype = slow\nbase = app\nslot = 10000d\n")
    server.write(
        "filter.d/both.conf", "[Definition]\nfiltertype = correlate\nscores = app:1 other:2\nthreshold = 4\n"
    )
    log = server.jail("app", maxretry=50)
    other = server.jail("other", maxretry=50)
    server.jail("abroad", filter="abroad", logpath=log, maxretry=2)
    server.jail("slow", filter="slow", logpath=log, maxretry=2)
    path = server.jail("both", filter="both", maxretry=1)
    jail = server.folder / "jail.d/both.conf"
    jail.write_text(jail.read_text().replace(f"logpath = {path}\n", ""))
    log.touch()
    other.touch()
    server.start()

    # The jail without its database waits and says why; the others work.
    assert state(server, "abroad")["state"] == "waiting"
    assert "geoipupdate" in state(server, "abroad")["reason"]
    assert "filter.d/abroad.conf:5: jail abroad: there is no" in server.said()
    fail(log, A, 2)
    fail(other, A, 1)
    wait_for(lambda: "[both] Ban 192.0.2.1" in server.said())
    assert server.said().count("[slow] Found 192.0.2.1") == 1

    # It reads what was written meanwhile once the database is there.
    write(database, {"192.0.2.0/24": country("BR", "SA"), "198.51.100.0/24": country("DE", "EU")})
    fail(log, B, 2)
    wait_for(lambda: "[abroad] Ban 192.0.2.1" in server.said())
    assert state(server, "abroad")["state"] == "up"
    assert "[abroad] Found 198.51.100.2" not in server.said()

    # What was learnt survives a reload of other options: the slot is still filled.
    with (server.folder / "jail.d/slow.conf").open("a") as out:
        out.write("findtime = 20d\n")
    with (server.folder / "filter.d/app.conf").open("a") as out:
        out.write("            ^ app: worse than failure from <HOST>$\n")
    assert server.ask("reload").returncode == 0
    fail(log, A, 3)
    wait_for(lambda: server.said().count("[app] Found 192.0.2.1") == 5)
    assert server.said().count("[slow] Found 192.0.2.1") == 1


def test_reload_when_a_new_jail_lacks_its_file_then_nothing_changes(server: Server) -> None:
    log = server.jail("app")
    log.touch()
    server.start()
    server.write("filter.d/tor.conf", "[Definition]\nfiltertype = blocklist\nbase = app\nlists = /nowhere/tor\n")
    server.jail("tor", filter="tor", logpath=log)
    answer = server.ask("reload")
    assert answer.returncode == 2
    assert "there is no /nowhere/tor" in answer.stderr
    assert server.ask("check", "-c", str(server.folder)).returncode == 2
