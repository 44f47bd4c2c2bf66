"""Every jail of Debian's jail.conf at once, each with a log of its own, on Fail2Ban's sample lines."""

from __future__ import annotations

import configparser
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.config.search import load
from tests.daemon.running import Server, running, wait_for
from tests.filter.sample import runs

STOCK = Path("/etc/fail2ban")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on Debian's own files, with every jail enabled; it looks no names up, and spares nobody."""
    shutil.copytree(STOCK, tmp_path, dirs_exist_ok=True)
    with running(tmp_path) as made:
        lines = [
            "[DEFAULT]",
            "enabled = true",
            "usedns = no",
            "ignoreself = false",
            "maxretry = 1",
            "ignorecommand =",
        ]
        for name in stock_jails():
            (tmp_path / f"{name}.log").write_text("begun\n")  # in operation: old lines count as new
            lines += [f"[{name}]", "backend = auto", f"logpath = {tmp_path}/{name}.log", "maxretry = 1"]
        made.write("jail.local", "\n".join([*lines, ""]))
        yield made


def stock_jails() -> list[str]:
    """Return the names of the jails in Debian's jail.conf."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(STOCK / "jail.conf")
    return [section for section in parser.sections() if section != "INCLUDES"]


def sample(filter_: str) -> tuple[str, set[str]]:
    """Return the sample lines of a filter, and who may be banned for them."""
    samples = [one for run in runs(filter_) if not run.journal for one in run.samples]
    hosts = {str(one.expected[key]) for one in samples for key in ("host", "fid") if key in one.expected}
    return "".join(f"{one.text}\n" for one in samples), hosts


def test_every_stock_jail_when_all_are_enabled_then_each_bans_from_its_own_log(server: Server) -> None:
    server.start()
    views = {view["name"]: view for view in server.status()["jails"]}
    assert list(views) == stock_jails()
    assert {name: view["reason"] for name, view in views.items() if view["state"] != "up"} == {}
    expected: dict[str, set[str]] = {}
    for jail in load(server.folder).jails:
        text, expected[jail.name] = sample(jail.filter.name)
        with (server.folder / f"{jail.name}.log").open("a") as log:
            log.write(text)
    wait_for(lambda: banned(server).keys() >= expected.keys())
    for name, hosts in banned(server).items():
        assert hosts <= expected[name], name
    assert len(expected) == len(views)


def banned(server: Server) -> dict[str, set[str]]:
    """Return who is banned, by jail."""
    found: dict[str, set[str]] = {}
    for ban in json.loads(server.ask("banned", "--json").stdout)["bans"]:
        found.setdefault(ban["jail"], set()).add(ban["id"])
    return found
