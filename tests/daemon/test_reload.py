"""Reloading: what would break something is refused as a whole, and what did not change is not touched."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.control import client
from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE = "203.0.113.5", "203.0.113.6"
CLIENT = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def refused(server: Server, *words: str) -> str:
    """Return what `f2b reload` says when it refuses."""
    run = server.ask("reload", *words)
    assert run.returncode == 2, run.stdout
    assert "nothing was changed" in run.stderr
    return run.stderr


def jails(server: Server) -> list[str]:
    """Return the jails that run."""
    return [jail["name"] for jail in server.status()["jails"]]


def test_whatever_breaks_a_jail_is_refused_with_its_place_and_all_goes_on(server: Server) -> None:
    log = server.jail("good", maxretry=2)
    log.touch()
    server.start()
    breaks = {
        "filter.d/app.conf": "[Definition]\nfailregex = ^ (unclosed <HOST>$\n",
        "jail.d/good.conf": "[good]\nenabled = true\nfilter = app\nlogpath = x\nfindtime = duck\naction = dry\n",
        "jail.conf": "[DEFAULT]\nbackend = auto\n[bro\n",
        "jail.d/new.conf": "[new]\nenabled = true\nlogpath = x\nfilter = nowhere\naction = dry\n",
        "action.d/strange.conf": "[Definition]\nactiontype = strange\n",
    }
    server.jail("acting", action="strange", enabled="false")
    assert server.ask("reload").returncode == 0
    for name, text in breaks.items():
        path = server.folder / name
        before = path.read_text() if path.exists() else None
        server.write(name, text)
        if "action" in name:
            server.jail("acting", action="strange")
        line = text.count(
            "\n", 0, max(text.find(word) for word in ("(unclosed", "duck", "[bro", "nowhere", "strange"))
        )
        assert f"{path}:{line + 1}" in refused(server)
        assert jails(server) == ["good"]
        path.unlink() if before is None else path.write_text(before)
    server.jail("acting", enabled="false")
    assert server.ask("reload").returncode == 0
    fail(log, EVIL, times=2)
    wait_for(lambda: server.banned() == [EVIL])


def test_one_jail_is_reloaded_only_if_the_files_can_be_read(server: Server) -> None:
    server.jail("one")
    server.jail("two")
    server.start()
    server.write("jail.conf", "[DEFAULT]\nbackend = auto\n[bro\n")
    refused(server, "one")
    assert jails(server) == ["one", "two"]
    server.write("jail.conf", "[DEFAULT]\nbackend = auto\n")
    server.jail("two", filter="nowhere")
    server.jail("one", maxretry=7)
    assert server.ask("reload", "one").returncode == 0
    assert client.words(server.socket, ["get", "one", "maxretry"]) == 7
    assert jails(server) == ["one", "two"]
    refused(server)


def test_jail_with_a_warning_is_no_broken_one(server: Server) -> None:
    server.jail("app", maxrety=3)
    server.start()
    assert server.ask("reload").returncode == 0
    server.jail("app", maxrety=3, filter="nowhere")
    refused(server)


def test_fault_that_was_told_before_blocks_nothing_wherever_it_moves(tmp_path: Path) -> None:
    with running(tmp_path, dry=False) as server:
        server.jail("good")
        server.jail("bad", filter="nowhere")
        server.write("action.d/strange.conf", "[Definition]\nactiontype = strange\n")
        server.jail("half", action="strange")
        server.start()
        bad = server.folder / "jail.d/bad.conf"
        bad.write_text(f"# moved\n{bad.read_text()}findtime = duck\n")
        server.jail("half", action="strange", maxretry=7)
        server.jail("good", maxretry=8)
        assert server.ask("reload").returncode == 0
        assert client.words(server.socket, ["get", "good", "maxretry"]) == 8
        server.jail("half", action="strange", filter="nowhere")
        assert "nowhere" in refused(server)


def test_jail_that_did_not_change_keeps_its_counters_and_runs_no_command(tmp_path: Path) -> None:
    with running(tmp_path, dry=False) as server:
        calls = tmp_path / "calls"
        verbs = "".join(
            f"action{verb} = echo {verb} <name> >> {calls}\n" for verb in ("start", "stop", "ban", "unban")
        )
        server.write("action.d/mine.conf", f"[Definition]\n{verbs}")
        log = server.jail("kept", action="mine")
        log.touch()
        server.jail("other", action="mine")
        server.start()
        fail(log, EVIL)
        wait_for(lambda: calls.exists() and "ban kept" in calls.read_text())
        fail(log, WORSE, times=2)
        wait_for(lambda: server.status()["jails"][0]["failed"] == 1)
        (server.folder / "jail.d/other.conf").unlink()
        assert server.ask("reload").returncode == 0
        wait_for(lambda: "stop other" in calls.read_text())
        fail(log, WORSE, times=1)
        wait_for(lambda: server.banned() == [EVIL, WORSE])
        told = [line for line in calls.read_text().splitlines() if line.endswith("kept")]
        assert [line for line in told if "ban" not in line] in (["start kept"], [])


def test_restart_makes_a_jail_anew_and_its_bans_come_back(server: Server) -> None:
    log = server.jail("app", bantime="1h")
    log.touch()
    server.start()
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])
    run = subprocess.run(
        [*CLIENT, "-s", server.socket, "reload", "--restart", "app"], check=True, capture_output=True
    )
    assert run.stdout == b"OK\n"
    wait_for(lambda: server.banned() == [EVIL])
    assert f"Restore Ban {EVIL}" in server.said()
    assert server.status()["jails"][0]["failed_total"] == 0


def test_client_of_fail2ban_hears_why_it_is_refused(server: Server) -> None:
    server.jail("app")
    server.start()
    server.jail("app", filter="nowhere")
    run = subprocess.run([*CLIENT, "-s", server.socket, "reload"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (255, "")
    assert f"{server.folder}/jail.d/app.conf:" in run.stderr


def test_signal_that_asks_for_too_much_is_answered_in_the_log(server: Server) -> None:
    server.jail("app")
    server.start()
    server.jail("app", filter="nowhere")
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "Not reloaded: the new configuration has errors" in server.said())
    assert jails(server) == ["app"]


def test_settings_of_the_whole_server_change_but_for_what_the_command_line_said(server: Server) -> None:
    server.jail("app")
    server.start()
    server.write("fail2ban.local", "[Definition]\nloglevel = ERROR\nlogtarget = STDERR\ndbpurgeage = 2d\n")
    assert server.ask("reload").returncode == 0
    said = {name: client.words(server.socket, ["get", name]) for name in ("loglevel", "logtarget", "dbpurgeage")}
    assert said == {"loglevel": "ERROR", "logtarget": str(server.log), "dbpurgeage": 172800}
