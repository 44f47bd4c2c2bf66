"""What may be wrong around a server: one clear line each, cause and cure, and the healthy jails go on."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.running import UNPRIVILEGED, Server, fail, running, wait_for

EVIL = "203.0.113.5"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def goes_on(server: Server, log: Path) -> None:
    """The healthy jail, whose log this is, still bans."""
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])


def refused(server: Server, *more: str, code: int) -> str:
    """Start a server that is not to start; return what it says about it: one line."""
    done = subprocess.run(server.command(*more), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done
    (line,) = done.stderr.splitlines()
    return line


class TestOneJailIsWrong:
    def test_unknown_filter_is_named_with_its_place(self, server: Server) -> None:
        log = server.jail("good")
        wrong = server.jail("bad", filter="ap")
        server.start()
        (problem,) = server.status()["problems"]
        assert str(wrong.with_name("jail.d") / "bad.conf") in problem
        assert "ap" in problem
        assert "app" in problem  # did you mean
        goes_on(server, log)

    def test_broken_regex_is_named_with_file_line_and_position(self, server: Server) -> None:
        log = server.jail("good")
        broken = server.write(
            "filter.d/broken.conf", "[Definition]\nfailregex = ^ a <HOST>$\n            ^ (b <HOST>$\n"
        )
        server.jail("bad", filter="broken")
        server.start()
        (problem,) = server.status()["problems"]
        assert f"{broken}:3" in problem
        assert "position 2" in problem
        goes_on(server, log)

    def test_bad_time_is_named_with_its_line(self, server: Server) -> None:
        log = server.jail("good")
        server.jail("bad", bantime="1 fortnight")
        server.start()
        (problem,) = server.status()["problems"]
        assert "jail.d/bad.conf:" in problem
        assert "fortnight" in problem
        goes_on(server, log)

    def test_bad_date_pattern_is_a_problem_of_its_jail(self, server: Server) -> None:
        log = server.jail("good")
        server.jail("bad", datepattern="%%Q")
        server.start()
        (problem,) = server.status()["problems"]
        assert "bad" in problem
        goes_on(server, log)

    def test_syntax_error_in_a_jail_file_spares_the_other_files(self, server: Server) -> None:
        log = server.jail("good")
        server.write("jail.d/bad.conf", "[bad]\nenabled = true\nnonsense\n")
        server.start()
        assert any("jail.d/bad.conf:3" in problem for problem in server.status()["problems"])
        goes_on(server, log)

    def test_directory_as_log_is_told_and_waited_for(self, server: Server) -> None:
        log = server.jail("good")
        server.jail("bad").mkdir()
        server.start()
        bad = next(jail for jail in server.status()["jails"] if jail["name"] == "bad")
        assert bad["state"] == "waiting"
        assert "bad.log" in bad["reason"]
        goes_on(server, log)

    def test_unreadable_log_is_told_and_read_once_it_may_be(self, tmp_path: Path) -> None:
        with running(tmp_path, UNPRIVILEGED) as server:
            log, secret = server.jail("good"), server.jail("secret")
            secret.touch()
            secret.chmod(0)
            server.start()
            jail = next(jail for jail in server.status()["jails"] if jail["name"] == "secret")
            assert jail["state"] == "waiting"
            assert "Permission denied" in jail["reason"]
            goes_on(server, log)
            secret.chmod(0o644)
            fail(secret, "198.51.100.1")
            wait_for(lambda: "198.51.100.1" in server.banned())


class TestTheServerStartsAllTheSame:
    def test_log_that_cannot_be_written(self, server: Server) -> None:
        log = server.jail()
        server.start("--logtarget", "/nowhere/f2b.log")
        assert any("/nowhere/f2b.log" in problem for problem in server.status()["problems"])
        goes_on(server, log)

    def test_database_of_a_newer_version(self, server: Server) -> None:
        log = server.jail()
        with closing(sqlite3.connect(server.folder / "db")) as database, database:
            database.execute("CREATE TABLE fail2banDb(version INTEGER)")
            database.execute("INSERT INTO fail2banDb VALUES (99)")
        server.start()
        assert any("99" in problem for problem in server.status()["problems"])
        goes_on(server, log)


class TestTheServerCannotStart:
    def test_missing_folder(self, server: Server, tmp_path: Path) -> None:
        line = refused(server, "-c", str(tmp_path / "nowhere"), code=2)
        assert str(tmp_path / "nowhere") in line

    def test_second_server_on_the_same_socket(self, server: Server) -> None:
        log = server.jail()
        server.start()
        line = refused(server, code=1)
        assert server.socket in line
        assert "-s" in line
        goes_on(server, log)

    def test_unknown_loglevel(self, server: Server) -> None:
        server.jail()
        assert "NOTICE" in refused(server, "--loglevel", "LOUD", code=2)

    def test_no_root_but_a_configuration_that_bans(self, tmp_path: Path) -> None:
        with running(tmp_path, UNPRIVILEGED, dry=False) as server:
            server.jail(action='nftables[name=app, port="80"]').touch()
            line = refused(server, code=1)
            assert "root" in line
            assert "--dry-run" in line
            assert not os.path.exists(server.socket)


def test_stale_socket_is_replaced(server: Server) -> None:
    log = server.jail()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(server.socket)
    server.start()
    goes_on(server, log)


def test_server_that_was_killed_leaves_nothing_that_hinders_the_next(server: Server) -> None:
    log = server.jail()
    server.start()
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])
    server.end(signal.SIGKILL)
    server.start()
    assert server.banned() == [EVIL]


def test_corrupt_database_is_set_aside(server: Server) -> None:
    log = server.jail()
    (server.folder / "db").write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
    server.start()
    assert len(list(server.folder.glob("db.2*"))) == 1
    assert "db" in server.said()
    goes_on(server, log)


def test_garbage_in_a_log_disturbs_no_line_after_it(server: Server) -> None:
    log = server.jail()
    log.write_bytes(os.urandom(100_000) + b"\n" + b"\0" * 1000 + b"\xff\xfe\n" + b"x" * 3_000_000 + b"\n")
    server.start()
    goes_on(server, log)
