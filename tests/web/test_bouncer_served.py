"""`f2b web` beside a real server, asked by a client written to CrowdSec's published interface."""

from __future__ import annotations

from pathlib import Path

import pytest

from f2b.client import Client
from tests.daemon.running import Server, running, wait_for
from tests.web.asking import KEY, Enforcer
from tests.web.browsing import served


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def settle(server: Server, enforcer: Enforcer, url: str) -> None:
    """Pull until the client holds whom the ledger holds."""

    def agrees() -> bool:
        enforcer.pull_from(port(url))
        return enforcer.held.keys() == set(server.banned())

    wait_for(agrees)


def test_bouncer_when_it_follows_a_real_server_then_it_holds_the_ledger_through_a_restart_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    enforcer = Enforcer()
    with running(tmp_path) as server:
        server.jail().touch()
        server.jail("other").touch()
        key = server.write("bouncer.key", f"{KEY}\n")
        key.chmod(0o600)
        server.write("f2b.conf", f"[web]\nbouncer_key_file = {key}\n")
        server.start()
        with Client(server.socket) as client:
            client.ban(["192.0.2.1", "192.0.2.0/28", "2001:db8::1"], jail="app", seconds=3600)
            client.ban(["192.0.2.1"], jail="other", seconds=7200)
            with served(server) as url:
                wait_for(lambda: enforcer.started(port(url)))
                assert enforcer.held.keys() == set(server.banned())
                assert enforcer.held["192.0.2.1"]["scenario"] == "f2b/other"
                assert enforcer.held["192.0.2.1"]["duration"].startswith("1h59m")
                crowd = [f"198.51.100.{number}" for number in range(200)]
                client.ban(crowd, jail="app")
                client.unban(["192.0.2.1"], jail="other")
                client.unban(["2001:db8::1", *crowd[:100]])
                settle(server, enforcer, url)
                assert "192.0.2.1" in enforcer.held
            client.unban(["192.0.2.0/28", *crowd[100:150]])
            client.ban(["192.0.2.77"], jail="app")
            with served(server) as url:
                wait_for(lambda: enforcer.answered(port(url)))
                settle(server, enforcer, url)


def test_web_when_the_key_may_be_read_by_others_then_it_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.jail().touch()
    key = server.write("bouncer.key", f"{KEY}\n")
    key.chmod(0o644)
    server.write("f2b.conf", f"[web]\nbouncer_key_file = {key}\n")
    done = server.ask("web", "-c", str(tmp_path), "--listen", "127.0.0.1:0")
    assert done.returncode == 2
    assert "others may read the secret" in done.stderr
