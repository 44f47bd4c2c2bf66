"""What a jail's options do in the running server: sources, times, names, and who is spared."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE, WORST = "203.0.113.5", "2001:db8::5", "198.51.100.9"
HOUR_S = 3600


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def banned(server: Server) -> dict[str, set[str]]:
    """Return who is banned, by jail."""
    found: dict[str, set[str]] = {}
    for ban in json.loads(server.ask("banned", "--json").stdout)["bans"]:
        found.setdefault(ban["jail"], set()).add(ban["id"])
    return found


def views(server: Server) -> dict[str, Any]:
    """Return each jail of `status --json` by its name."""
    return {view["name"]: view for view in server.status()["jails"]}


def line(who: str, when: float | None = None, user: str = "root") -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when or time.time()))
    return f"{stamp} app: failure of {user} from {who}\n"


def append(log: Path, data: bytes) -> None:
    with log.open("ab") as out:
        out.write(data)


class TestSources:
    def test_every_backend_name_reads_files_in_its_way(self, server: Server) -> None:
        backends = {"auto": "inotify", "pyinotify": "inotify", "gamin": "inotify", "polling": "polling"}
        for name in backends:
            server.jail(name, backend=name).touch()
        server.start()
        for name in backends:
            fail(server.folder / f"{name}.log", EVIL)
        wait_for(lambda: banned(server) == {name: {EVIL} for name in backends})
        assert {name: view["backend"] for name, view in views(server).items()} == backends

    def test_list_of_logs_and_globs_is_read_from_where_each_says(self, server: Server) -> None:
        here = server.folder
        server.jail(logpath=f"{here}/a.log head\n  {here}/b.log tail\n  {here}/c-?.log TAIL\n  {here}/d-*.log")
        for name, who in (("a", EVIL), ("b", WORSE), ("c-1", WORSE), ("d-x", WORST)):
            fail(here / f"{name}.log", who)
        server.start()
        wait_for(lambda: banned(server) == {"app": {EVIL, WORST}})
        fail(here / "b.log", "192.0.2.91")
        fail(here / "c-1.log", "192.0.2.92")
        wait_for(lambda: banned(server) == {"app": {EVIL, WORST, "192.0.2.91", "192.0.2.92"}})
        assert len(views(server)["app"]["files"]) == 4

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "latin-1", "cp1251", "utf-8", "auto"])
    def test_encoding_of_a_log_is_heeded_before_and_after_the_start(self, server: Server, encoding: str) -> None:
        user = "д" if encoding == "cp1251" else "é"
        server.write("filter.d/app.conf", f"[Definition]\nfailregex = ^ app: failure of {user} from <HOST>$\n")
        log = server.jail(logencoding=encoding)
        used = "utf-8" if encoding == "auto" else encoding
        append(log, (line(EVIL, user=user) * 3).encode(used))
        server.start()
        wait_for(lambda: banned(server) == {"app": {EVIL}})
        append(log, (line(WORST, user=user) * 3).encode("utf-16-le" if used == "utf-16" else used))
        wait_for(lambda: banned(server) == {"app": {EVIL, WORST}})

    def test_jail_without_logs_is_left_out_if_it_says_so(self, server: Server) -> None:
        server.jail("here").touch()
        server.jail("gone", skip_if_nologs="true")
        server.jail("awaited", skip_if_nologs="false")
        server.start()
        assert {name: view["state"] for name, view in views(server).items() if name != "gone"} == {
            "here": "up",
            "awaited": "waiting",
        }
        assert "skip_if_nologs" in server.said()
        assert server.ask("ban", EVIL, "--jail", "gone").returncode != 0

    def test_journalmatch_of_the_jail_goes_before_the_filters(self, server: Server) -> None:
        server.write("filter.d/app.conf", "[Definition]\nfailregex = ^ f <HOST>$\njournalmatch = _COMM=filter\n")
        server.jail("filters", backend="systemd", logpath="")
        server.jail("own", backend="systemd", logpath="", journalmatch="_COMM=a + _COMM=b")
        server.start()
        assert views(server)["filters"]["journalmatch"] == ["_COMM=filter"]
        assert views(server)["own"]["journalmatch"] == ["_COMM=a + _COMM=b"]


class TestTimes:
    def test_zone_of_the_log_decides_what_is_old(self, server: Server) -> None:
        there = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 5 * HOUR_S))
        for name, zone in (("right", "UTC+0500"), ("wrong", "UTC+0900")):
            log = server.jail(name, logtimezone=zone)
            log.write_text(f"{there} app: failure of root from {EVIL}\n" * 3)
        server.start()
        wait_for(lambda: banned(server) == {"right": {EVIL}})
        assert "[wrong] Found" not in server.said()

    def test_date_pattern_of_the_jail_goes_before_the_filters(self, server: Server) -> None:
        text = "[Definition]\nfailregex = ^ app: <HOST>$\ndatepattern = ^%%Y\n"
        server.write("filter.d/app.conf", text)
        log = server.jail(datepattern="^\\[%%d~%%m~%%Y %%H.%%M.%%S\\]")
        stamp = time.strftime("[%d~%m~%Y %H.%M.%S]")
        log.write_text(f"{stamp} app: {EVIL}\n" * 3 + f"{time.strftime('%Y')} app: {WORST}\n" * 3)
        server.start()
        wait_for(lambda: banned(server) == {"app": {EVIL}})

    def test_regex_over_several_lines_finds_what_comes_in_pieces(self, server: Server) -> None:
        text = "failregex = ^ app: begin (\\d+)$<SKIPLINES>^ app: end \\1 of <HOST>$\nmaxlines = 4"
        server.write("filter.d/app.conf", f"[Definition]\n{text}\n")
        log = server.jail(maxretry=1)
        log.touch()
        server.start()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        append(log, f"{stamp} app: begin 1\n{stamp} app: other\n".encode())
        wait_for(lambda: views(server)["app"]["state"] == "up")
        append(log, f"{stamp} app: end 2 of {WORST}\n{stamp} app: end 1 of {EVIL}\n".encode())
        wait_for(lambda: banned(server) == {"app": {EVIL}})

    def test_no_more_lines_than_maxmatches_are_kept(self, server: Server) -> None:
        log = server.jail(maxmatches=2, maxretry=4)
        server.jail("none", maxmatches=0, maxretry=4, logpath=log)
        log.touch()
        server.start()
        append(log, "".join(line(EVIL, user=f"u{number}") for number in range(4)).encode())
        wait_for(lambda: banned(server) == {"app": {EVIL}, "none": {EVIL}})
        server.end()
        with closing(sqlite3.connect(server.folder / "db")) as db, db:
            rows = dict(db.execute("select jail, data from bips").fetchall())
        kept = [text.split(" of ")[1].split()[0] for text in json.loads(rows["app"]).get("matches", [])]
        assert kept == ["u2", "u3"]
        assert not json.loads(rows["none"]).get("matches")


class TestNames:
    def test_usedns_decides_what_a_host_name_counts_for(self, server: Server) -> None:
        for mode in ("yes", "warn", "no", "raw"):
            log = server.jail(mode, usedns=mode, ignoreself="false")
            log.touch()
        server.start()
        for mode in ("yes", "warn", "no", "raw"):
            fail(server.folder / f"{mode}.log", "localhost")
            fail(server.folder / f"{mode}.log", EVIL)
        wait_for(lambda: banned(server).keys() >= {"yes", "warn", "no", "raw"})
        wait_for(lambda: all("127.0.0.1" in banned(server)[mode] for mode in ("yes", "warn")))
        assert banned(server)["no"] == {EVIL}
        assert banned(server)["raw"] == {"localhost", EVIL}
        assert server.said().count("Determined IP using DNS Lookup: localhost") >= 1

    def test_every_kind_of_ignoreip_spares(self, server: Server) -> None:
        spared = {"192.0.2.1", "198.51.100.77", "2001:db8::1", "2001:db8:7::9", "192.0.2.200", "127.0.0.1"}
        file = server.write("spared", "# office\n192.0.2.200\n")
        listed = f"192.0.2.1/32, 198.51.100.0/24 2001:DB8:0::1\n  2001:db8:7::/48 file:{file} localhost"
        log = server.jail(ignoreip=listed, ignoreself="false")
        log.touch()
        server.start()
        for who in (*spared, EVIL):
            fail(log, who)
        wait_for(lambda: banned(server) == {"app": {EVIL}})
        wait_for(lambda: all(f"Ignore {who}" in server.said() for who in spared))


class TestServerFiles:
    def test_fail2ban_conf_and_its_local_say_where_everything_lies(self, tmp_path: Path) -> None:
        with running(tmp_path) as server:
            server.jail().touch()
            conf = ["loglevel = ERROR", "logtarget = STDOUT", f"socket = {tmp_path}/wrong", "dbmaxmatches = 10"]
            server.write("fail2ban.conf", "\n".join(["[Definition]", *conf, f"pidfile = {tmp_path}/the.pid", ""]))
            local = ["loglevel = debug", f"logtarget = {tmp_path}/the.log", f"socket = {tmp_path}/sock"]
            local += [f"dbfile = {tmp_path}/the.db", "dbmaxmatches = 1", "dbpurgeage = 2d"]
            server.write("fail2ban.local", "\n".join(["[Definition]", *local, ""]))
            command = [sys.executable, "-m", "f2b", "serve", "--dry-run", "-c", str(tmp_path)]
            server.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: server.ask("ping").returncode == 0)
            assert (tmp_path / "the.pid").read_text().strip() == str(server.process.pid)
            fail(tmp_path / "app.log", EVIL)
            wait_for(lambda: server.banned() == [EVIL])
            assert "INFO" in (tmp_path / "the.log").read_text()
            assert not os.path.exists(tmp_path / "wrong")
            assert server.end() == 0
            with closing(sqlite3.connect(tmp_path / "the.db")) as db, db:
                (data,) = db.execute("select data from bans").fetchone()
            assert len(json.loads(data)["matches"]) == 1

    @pytest.mark.parametrize("option", ["loglevel = HEAVYDEBUG", "loglevel = 7", "dbfile = None", "dbpurgeage = 1mo"])
    def test_what_fail2ban_conf_may_say_starts_the_server(self, server: Server, option: str) -> None:
        server.jail().touch()
        server.write("fail2ban.conf", f"[Definition]\n{option}\n")
        server.start()
        fail(server.folder / "app.log", EVIL)
        wait_for(lambda: server.banned() == [EVIL])

    def test_syslog_socket_of_the_configuration_is_written_to(self, server: Server) -> None:
        server.jail().touch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
            syslog.bind(f"{server.folder}/syslog")
            syslog.settimeout(15)
            server.write("fail2ban.conf", f"[Definition]\nsyslogsocket = {server.folder}/syslog\n")
            server.start("--logtarget", "syslog")
            assert b"fail2ban.server" in syslog.recv(4096)
