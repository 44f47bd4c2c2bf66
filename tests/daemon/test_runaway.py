"""A user's regex that runs away, in the real server: other jails ban, commands are answered, and it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import Server, fail, running, wait_for

EVIL = "(a+)+b"
BAIT = "a" * 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def write(log: Path, text: str, times: int = 1) -> None:
    with log.open("a") as out:
        out.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n" * times)


def test_regex_when_it_runs_away_then_others_ban_and_its_jail_goes_on_without_it(server: Server) -> None:
    good = server.jail("good")
    failregex = f"^ {EVIL} <HOST>$\n            ^ fail <HOST>$"
    file = server.write("filter.d/evil.conf", f"[Definition]\nfailregex = {failregex}\n")
    bad = server.jail("bad", filter="evil", maxretry=1)
    server.start()
    write(bad, BAIT, times=8)
    fail(good, "203.0.113.5")
    wait_for(lambda: server.banned() == ["203.0.113.5"])
    wait_for(lambda: "set aside" in server.said())
    assert server.said().count(f"[bad] Lost a line, for the regex '^ {EVIL} <HOST>$' ({file}:2) ran away") == 5
    jail = next(one for one in server.status()["jails"] if one["name"] == "bad")
    assert jail["state"] == "up"
    assert f"{file}:2" in jail["reason"]
    assert "set aside" in server.ask("status", "bad").stdout
    write(bad, "fail 203.0.113.6")
    wait_for(lambda: "203.0.113.6" in server.banned())
    assert server.end() == 0


def test_date_pattern_when_it_runs_away_then_others_ban(server: Server) -> None:
    good = server.jail("good")
    bad = server.jail("bad", datepattern=f"^{EVIL} %%Y", maxretry=1)
    server.start()
    bad.write_text(f"{BAIT}\n" * 8)
    fail(good, "203.0.113.5")
    wait_for(lambda: "set aside" in server.said())

    def banned() -> bool:
        # Undated lines count once the log's end was seen, and nothing tells when that was: so there is always a next.
        with bad.open("a") as out:
            out.write(" app: failure of root from 203.0.113.6\n")
        return set(server.banned()) == {"203.0.113.5", "203.0.113.6"}

    wait_for(banned)
    assert f"the date pattern '^{EVIL} %Y'" in server.said()
