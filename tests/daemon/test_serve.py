"""The whole server: lines in, bans out, over restarts, reloads and rotations."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.control import client
from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE = "203.0.113.5", "2001:db8::5"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def test_failures_in_a_log_become_a_ban_and_end_with_bantime(server: Server) -> None:
    log = server.jail(bantime=4)
    log.touch()
    server.start()
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])
    wait_for(lambda: server.banned() == [])
    said = server.said()
    assert said.index(f"[app] Found {EVIL}") < said.index(f"NOTICE  [app] Ban {EVIL}")
    assert f"NOTICE  [app] Unban {EVIL}" in said


def test_failures_from_before_the_start_count_within_findtime(server: Server) -> None:
    log = server.jail(findtime=600)
    fail(log, WORSE, when=time.time() - 1000)
    fail(log, EVIL, when=time.time() - 100)
    server.start()
    wait_for(lambda: server.banned() == [EVIL])


def test_restart_brings_bans_back_and_counts_no_line_twice(server: Server) -> None:
    log = server.jail(bantime=600)
    log.touch()
    server.start()
    fail(log, EVIL)
    fail(log, WORSE, times=1)
    wait_for(lambda: server.banned() == [EVIL])
    assert server.end() == 0
    assert not os.path.exists(server.socket)
    assert not (server.folder / "pid").exists()
    server.start()
    assert server.banned() == [EVIL]
    assert f"Restore Ban {EVIL}" in server.said()
    assert server.status()["jails"][0]["failed_total"] == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_failures_before_and_after_a_restart_add_up(server: Server, end: signal.Signals) -> None:
    log = server.jail(maxretry=3)
    log.touch()
    server.start()
    fail(log, EVIL, times=2)
    wait_for(lambda: server.said().count("Found") == 2)
    server.end(end)
    fail(log, EVIL, times=1)
    server.start()
    wait_for(lambda: server.banned() == [EVIL])
    assert server.said().count("Found") == 3


def test_lines_written_while_it_was_down_count(server: Server) -> None:
    log = server.jail()
    log.touch()
    server.start()
    server.end()
    fail(log, EVIL)
    server.start()
    wait_for(lambda: server.banned() == [EVIL])


def test_log_that_appears_later_is_waited_for(server: Server) -> None:
    log = server.jail()
    server.start()
    (jail,) = server.status()["jails"]
    assert jail["state"] == "waiting"
    assert str(log) in jail["reason"]
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])
    assert server.status()["jails"][0]["state"] == "up"


def test_rotation_by_rename_loses_and_doubles_nothing(server: Server) -> None:
    log = server.jail(maxretry=4)
    log.touch()
    server.start()
    fail(log, EVIL, times=2)
    wait_for(lambda: server.status()["jails"][0]["failed_total"] == 2)
    log.rename(log.with_suffix(".1"))
    fail(log.with_suffix(".1"), EVIL, times=1)
    fail(log, EVIL, times=1)
    wait_for(lambda: server.banned() == [EVIL])
    assert server.status()["jails"][0]["failed_total"] == 4


def test_rotation_by_copytruncate_loses_and_doubles_nothing(server: Server) -> None:
    log = server.jail(maxretry=4)
    log.touch()
    server.start()
    fail(log, EVIL, times=2)
    wait_for(lambda: server.status()["jails"][0]["failed_total"] == 2)
    os.truncate(log, 0)
    fail(log, WORSE, times=1)
    fail(log, EVIL, times=2)
    wait_for(lambda: server.banned() == [EVIL])
    assert server.status()["jails"][0]["failed_total"] == 5


def test_jails_that_share_a_log_both_count(server: Server) -> None:
    log = server.jail("one", maxretry=2)
    server.jail("two", maxretry=3, logpath=log)
    log.touch()
    server.start()
    fail(log, EVIL, times=3)
    wait_for(lambda: server.banned() == [EVIL, EVIL])


@pytest.mark.parametrize("more", [{"backend": "polling"}, {"logpath": "{log}\n  {log}.1"}], ids=["backend", "logs"])
def test_log_that_jails_follow_in_different_ways_counts_once_for_each(server: Server, more: dict[str, str]) -> None:
    log = server.jail("one", maxretry=5)
    other = {key: value.format(log=log) for key, value in more.items()}
    server.jail("two", **{"maxretry": 5, "logpath": log} | other)
    fail(log, EVIL, times=1)
    server.start()
    fail(log, EVIL, times=1)
    wait_for(lambda: server.said().count(f"Found {EVIL}") >= 4)
    fail(log, WORSE, times=1)
    wait_for(lambda: server.said().count(f"Found {WORSE}") >= 2)
    assert [view["failed_total"] for view in server.status()["jails"]] == [3, 3]


def test_glob_follows_files_that_come_later(server: Server) -> None:
    server.jail(logpath=f"{server.folder}/app-*.log")
    fail(server.folder / "app-1.log", WORSE)
    server.start()
    wait_for(lambda: server.banned() == [WORSE])
    fail(server.folder / "app-2.log", EVIL)
    wait_for(lambda: server.banned() == [WORSE, EVIL])


class TestReload:
    def test_new_and_gone_jails_come_and_go_and_others_keep_all(self, server: Server) -> None:
        log = server.jail("kept", maxretry=2)
        gone = server.jail("gone")
        server.start()
        fail(log, EVIL, times=2)
        fail(log, WORSE, times=1)
        wait_for(lambda: server.banned() == [EVIL])
        (server.folder / "jail.d/gone.conf").unlink()
        new = server.jail("new")
        assert server.ask("reload").returncode == 0
        assert [jail["name"] for jail in server.status()["jails"]] == ["kept", "new"]
        assert server.banned() == [EVIL]
        fail(log, WORSE, times=1)
        fail(new, "192.0.2.9")
        wait_for(lambda: server.banned() == [EVIL, WORSE, "192.0.2.9"])
        assert not gone.exists()

    def test_changed_jail_keeps_bans_and_counters(self, server: Server) -> None:
        log = server.jail(maxretry=5)
        log.touch()
        server.start()
        fail(log, EVIL, times=2)
        wait_for(lambda: server.status()["jails"][0]["failed"] == 1)
        server.jail(maxretry=3)
        assert server.ask("reload").returncode == 0
        fail(log, EVIL, times=1)
        wait_for(lambda: server.banned() == [EVIL])

    def test_broken_configuration_is_refused_and_changes_nothing(self, server: Server) -> None:
        log = server.jail()
        log.touch()
        server.start()
        server.write("filter.d/app.conf", "[Definition]\nfailregex = ^ (unclosed <HOST>$\n")
        refused = server.ask("reload")
        assert refused.returncode == 2
        assert f"{server.folder}/filter.d/app.conf:2" in refused.stderr
        fail(log, EVIL)
        wait_for(lambda: server.banned() == [EVIL])

    def test_jail_that_was_broken_before_blocks_no_reload(self, server: Server) -> None:
        log = server.jail("good", maxretry=5)
        log.touch()
        server.jail("bad", filter="nowhere")
        server.write("filter.d/worse.conf", "[Definition]\nfailregex = ^ (unclosed <HOST>$\n")
        server.jail("worse", filter="worse")
        server.start()
        server.jail("good", maxretry=2)
        assert server.ask("reload").returncode == 0
        fail(log, EVIL, times=2)
        wait_for(lambda: server.banned() == [EVIL])
        server.jail("worse")
        assert server.ask("reload").returncode == 0
        fail(server.folder / "worse.log", WORSE)
        wait_for(lambda: server.banned() == [EVIL, WORSE])

    def test_sighup_reloads(self, server: Server) -> None:
        server.jail("one")
        server.start()
        server.jail("two")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(server.status()["jails"]) == 2)


class TestByHand:
    def test_ban_and_unban_of_addresses_and_networks(self, server: Server) -> None:
        server.jail()
        server.start()
        assert server.ask("ban", EVIL, "--jail", "app", "--time", "1h").returncode == 0
        assert server.ask("ban", "2001:DB8:0::5", "198.51.100.0/24").returncode == 0
        assert server.banned() == [EVIL, "2001:db8::5", "198.51.100.0/24"]
        assert server.ask("unban", "203.0.113.0/24").returncode == 0
        assert server.banned() == ["2001:db8::5", "198.51.100.0/24"]
        assert server.ask("unban", "--all").returncode == 0
        assert server.banned() == []

    def test_bans_of_no_jail_survive_a_restart_with_their_time(self, server: Server) -> None:
        server.jail()
        server.start()
        server.ask("ban", EVIL, "--time", "1d")
        server.ask("ban", WORSE, "--time", "-1")
        server.end()
        server.start()
        ends = {ban["id"]: ban["duration"] for ban in json.loads(server.ask("banned", "--json").stdout)["bans"]}
        assert ends == {EVIL: 86400, WORSE: -1}

    def test_ban_of_no_address_is_refused(self, server: Server) -> None:
        server.jail()
        server.start()
        refused = server.ask("ban", EVIL, "evil")
        assert refused.returncode == 2
        assert "'evil' is no address" in refused.stderr
        assert server.banned() == []

    def test_stop_ends_it(self, server: Server) -> None:
        server.jail()
        server.start()
        assert server.ask("stop").returncode == 0
        assert server.process is not None
        assert server.process.wait(timeout=60) == 0
        assert server.ask("ping").returncode == 3


def test_log_that_was_moved_is_written_anew_after_flushlogs(server: Server) -> None:
    server.jail()
    server.start()
    moved = server.log.rename(server.log.with_suffix(".1"))
    words = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()", "-c", str(server.folder)]
    done = subprocess.run([*words, "-s", server.socket, "flushlogs"], capture_output=True, text=True, check=True)
    assert done.stdout == "logs: rolled over\n"
    assert "rollover performed on" in server.said()
    assert "Starting" in moved.read_text()


class TestAllowList:
    def test_host_name_in_ignoreip_spares_from_the_first_line_on(self, server: Server) -> None:
        log = server.jail(ignoreip="localhost", ignoreself="false")
        fail(log, "127.0.0.1")
        fail(log, EVIL)
        server.start()
        wait_for(lambda: server.banned() == [EVIL])
        assert "Ignore 127.0.0.1 by dns" in server.said()

    def test_list_file_spares_and_is_read_again_when_it_changes(self, server: Server) -> None:
        spared = server.write("spared", "203.0.113.0/24  # office\n")
        log = server.jail(ignoreip=f"file:{spared}")
        log.touch()
        server.start()
        fail(log, EVIL)
        fail(log, WORSE)
        wait_for(lambda: server.banned() == [WORSE])
        spared.write_text("198.51.100.0/24\n")

        def banned_by_now() -> bool:
            fail(log, EVIL)
            return server.banned() == [WORSE, EVIL]

        wait_for(banned_by_now)

    def test_own_addresses_are_spared(self, server: Server) -> None:
        log = server.jail()
        log.touch()
        server.start()
        fail(log, "127.0.0.1")
        fail(log, EVIL)
        wait_for(lambda: server.banned() == [EVIL])
        assert "Ignore 127.0.0.1 by ignoreself rule" in server.said()


_NOBODY = """
import os, sys
from f2b.cli.serve import Options, Service
from f2b.config import search

search.FOLDERS = ("/nowhere",)  # a host without any configuration
settings = search.load(None)
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
os.environ |= {"HOME": sys.argv[1], "XDG_STATE_HOME": sys.argv[1], "XDG_RUNTIME_DIR": sys.argv[1]}
sys.exit(Service(Options(), settings).run())
"""


def test_without_root_and_configuration_it_runs_dry_and_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for folder in (home, *list(home.parents)[:4]):
        folder.chmod(folder.stat().st_mode | 0o711)
    home.chmod(0o777)
    said = tmp_path / "said"
    with said.open("w") as out:
        server = subprocess.Popen([sys.executable, "-c", _NOBODY, str(home)], stdout=out, stderr=out)
    try:
        wait_for(lambda: "Jail 'sshd' started" in said.read_text() or server.poll() is not None)
        first, *_ = said.read_text().splitlines()
        assert "enforcing: no (dry run: not root, so nothing is banned; run as root to protect this host)" in first
        answer = client.request(str(home / "f2b" / "f2b.sock"), "status")
        assert answer["enforcing"] is False
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0
