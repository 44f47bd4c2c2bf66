"""`f2b replay` of what a live server has read: the same bans, of the same hosts, at the same times."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from f2b.control import client
from tests.daemon.running import Server, running, wait_for

STEPS = 30
HOSTS = ["192.0.2.1", "198.51.100.3", "203.0.113.4", "2001:db8:5::6"]
SCAN = "[Definition]\nfiltertype = http\ndistinct = 1h\nstatus = 404\n"
BOTH = "[Definition]\nfiltertype = correlate\nscores = sshd:1 scan:2\nthreshold = 9\nminjails = 2\n"
Ban = tuple[str, str, float, int, float]
"""Jail, id, time, failures, length."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def session(dice: random.Random, host: str, stamp: str) -> list[str]:
    """Return what sshd says of one connection: wrong passwords, a wrong name, a login, or only its end."""
    pid, port = dice.randrange(1000, 99_999), dice.randrange(1024, 65_536)
    said = dice.choice(
        (
            [f"Failed password for root from {host} port {port} ssh2"] * dice.randrange(1, 4),
            [
                f"Invalid user oracle from {host} port {port}",
                f"Failed password for invalid user oracle from {host} port {port} ssh2",
                f"Connection closed by invalid user oracle {host} port {port} [preauth]",
            ],
            [
                f"Failed password for ann from {host} port {port} ssh2",
                f"Accepted password for ann from {host} port {port} ssh2",
            ],
            [f"Connection closed by {host} port {port} [preauth]"],
        )
    )
    return [f"{stamp} web-1 sshd[{pid}]: {text}" for text in said]


def lines(dice: random.Random, name: str, when: int) -> list[str]:
    """Return some lines of a log, all written at `when`."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(when))
    host = dice.choice(HOSTS)
    if name == "sshd":
        return session(dice, host, stamp)
    if name == "app":
        return [f"{stamp} app: failure of ann from {host}"] * dice.randrange(1, 3)
    date = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(when))
    paths = [f"/{dice.randrange(9)}" for _ in range(dice.randrange(2, 6))]
    return [f'{host} - - [{date}] "GET {path} HTTP/1.1" {dice.choice((404, 200))} 9 "-" "M"' for path in paths]


def read(server: Server) -> dict[str, int]:
    """Return how many lines each jail has read."""
    jails: Any = client.request(server.socket, "metrics")["jails"]
    return {jail["name"]: jail["lines_total"] for jail in jails}


def feed(server: Server, logs: dict[str, Path]) -> None:
    """Write lines as they come, the next log's when these were read; no date is in the future or far in the past.

    So that the order of lines is one that their dates tell, each step has a second of its own.
    """
    dice, when = random.Random(10), 0
    count = dict.fromkeys(logs, 0)
    for _ in range(STEPS):
        when = max(when + 1, int(time.time()) - STEPS)
        name = dice.choice(list(logs))
        new = lines(dice, name, when)
        with logs[name].open("a") as out:
            out.writelines(f"{line}\n" for line in new)
        count[name] += len(new)
        count["patient"] = count["sshd"]
        wait_for(lambda: count.items() <= read(server).items())


def plain(event: dict[str, Any]) -> Ban:
    return event["jail"], event["id"], event["time"], event["failures"], event["bantime"]


def bans(text: str) -> list[Ban]:
    return sorted(plain(event) for line in text.splitlines() if (event := json.loads(line))["event"] == "ban")


def test_replay_when_a_live_server_read_the_same_lines_then_its_bans_are_the_same(server: Server) -> None:
    server.write("filter.d/scan.conf", SCAN)
    server.write("filter.d/both.conf", BOTH)
    limits = {"maxretry": 3, "findtime": "10m", "bantime": "1h"}
    logs = {
        "sshd": server.jail("sshd", filter="sshd", **limits | {"maxretry": 2}),
        "scan": server.jail("scan", filter="scan", **limits),
        "app": server.jail("app", **limits | {"bantime": "-1"}),
    }
    server.jail("patient", filter="sshd", logpath=logs["sshd"], **limits)
    none = server.jail("both", filter="both", maxretry=1)
    both = server.folder / "jail.d/both.conf"
    both.write_text(both.read_text().replace(f"logpath = {none}\n", ""))
    for log in logs.values():
        log.touch()
    server.start()
    feed(server, logs)
    live = server.ask("events", "--json", "--since", "1h")
    assert live.returncode == 0, live.stderr
    command = [sys.executable, "-m", "f2b", "replay", "--json", "-c", str(server.folder)]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert {jail for jail, *_ in bans(live.stdout)} == {"sshd", "scan", "app", "patient", "both"}
    assert bans(again.stdout) == bans(live.stdout)
