"""`fail2ban-server` and `fail2ban-client start`: the real server, in a network namespace of its own."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from f2b.control import client
from f2b.control.protocol import END
from tests.control.server import command, environment, until_ready, write

CLIENT = "from f2b.cli.compat_client import main; main()"
SERVER = "from f2b.cli.compat_server import main; main()"


def said(program: str, conf: Path, *args: str) -> tuple[int, str]:
    """Run a program in a namespace of its own and return its exit code and output."""
    line = ["unshare", "-n", sys.executable, "-c", program, "-c", str(conf), *args]
    run = subprocess.run(line, stdout=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False)
    return run.returncode, run.stdout


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration with one jail that runs `true`."""
    files = {
        "fail2ban.conf": "[Definition]\nlogtarget = {0}/log\nsocket = {0}/sock\npidfile = {0}/pid\ndbfile = {0}/db\n",
        "jail.conf": "[web]\nenabled = true\nbackend = polling\nlogpath = {0}/web.log\nfilter = f\naction = a\n",
        "filter.d/f.conf": "[Definition]\nfailregex = ^nothing from <HOST>$\n",
        "action.d/a.conf": "[Definition]\nactionban = true\nactionunban = true\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(tmp_path))
    (tmp_path / "web.log").touch()
    return tmp_path


@pytest.mark.parametrize("program", [CLIENT, SERVER])
def test_start_when_it_returns_then_the_server_answers_and_stop_ends_it(program: str, conf: Path) -> None:
    assert said(program, conf, "start") == (0, "Server ready\n")
    try:
        assert said(program, conf, "start") == (255, "")
        assert said(program, conf, "status") == (0, "Status\n|- Number of jail:\t1\n`- Jail list:\tweb\n")
        assert said(program, conf, "restart") == (0, "Shutdown successful\nServer ready\n")
        assert said(program, conf, "ping") == (0, "Server replied: pong\n")
    finally:
        assert said(program, conf, "stop") == (0, "Shutdown successful\n")
    assert not (conf / "sock").exists()
    assert said(program, conf, "ping")[0] == 255


def test_start_when_the_server_dies_then_it_is_told_without_waiting(conf: Path) -> None:
    (conf / "sock").mkdir()
    status, out = said(SERVER, conf, "-b", "start")
    assert (status, out) == (255, "")


def test_start_when_jails_are_broken_then_they_are_told_and_all_of_them_are_too_many(conf: Path) -> None:
    (conf / "jail.local").write_text("[bad]\nenabled = true\nfilter = nowhere\nlogpath = x\n")
    line = ["unshare", "-n", sys.executable, "-c", SERVER, "-c", str(conf), "start"]
    run = subprocess.run(line, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    assert (run.returncode, run.stdout) == (0, "Server ready\n")
    assert f"{conf}/jail.local:3" in run.stderr
    assert run.stderr.endswith("Errors in jail 'bad'. Skipping...\n")
    assert said(SERVER, conf, "status")[1].endswith("Jail list:\tweb\n")
    assert said(CLIENT, conf, "stop")[0] == 0
    with (conf / "jail.local").open("a") as more:
        more.write("[web]\nenabled = false\n")
    assert said(SERVER, conf, "start") == (255, "")


def test_start_when_it_has_options_then_each_is_honoured(conf: Path) -> None:
    options = ["--pname", "watchman", "--loglevel", "DEBUG", "--logtarget", f"{conf}/other.log"]
    options += ["--syslogsocket", f"{conf}/syslog", "-s", f"{conf}/s2", "-p", f"{conf}/p2", "-x", "-b"]
    assert said(SERVER, conf, *options, "start") == (0, "Server ready\n")
    where = ["-s", f"{conf}/s2"]
    try:
        pid = (conf / "p2").read_text().strip()
        assert Path(f"/proc/{pid}/comm").read_text() == "watchman\n"
        for _ in range(2):  # they hold over a reload
            assert said(CLIENT, conf, *where, "get", "loglevel")[1] == "Current logging level is 'DEBUG'\n"
            assert said(CLIENT, conf, *where, "get", "logtarget")[1].endswith(f"`- {conf}/other.log\n")
            assert said(CLIENT, conf, *where, "get", "syslogsocket")[1].endswith(f"`- {conf}/syslog\n")
            assert said(CLIENT, conf, *where, "reload") == (0, "OK\n")
    finally:
        assert said(CLIENT, conf, *where, "stop") == (0, "Shutdown successful\n")
    assert not (conf / "p2").exists()


def test_async_start_when_a_client_streams_its_configuration_then_the_server_reads_its_own(conf: Path) -> None:
    assert said(SERVER, conf, "--async", "-b") == (0, "")
    try:
        assert said(CLIENT, conf, "status")[1] == "Status\n|- Number of jail:\t0\n`- Jail list:\t\n"
        stream = [["add", "other", "polling"], ["set", "thread", {"stacksize": 1}], ["start", "other"]]
        with socket.socket(socket.AF_UNIX) as streamer:
            streamer.settimeout(60)
            streamer.connect(str(conf / "sock"))
            streamer.sendall(pickle.dumps(["server-stream", stream]) + END)
            assert pickle.loads(streamer.recv(1000).removesuffix(END)) == (0, None)
        assert said(CLIENT, conf, "server-status") == (0, "Server ready\n")
        assert said(CLIENT, conf, "status")[1].endswith("Jail list:\tweb\n")
    finally:
        assert said(CLIENT, conf, "stop") == (0, "Shutdown successful\n")


def test_start_in_the_foreground_when_stopped_then_it_ends_with_zero(conf: Path) -> None:
    line = ["unshare", "-n", sys.executable, "-c", SERVER, "-c", str(conf), "-xf", "start"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "Server ready\n"
        assert said(CLIENT, conf, "stop") == (0, "Shutdown successful\n")
        assert server.wait(60) == 0


def test_first_versions_options_when_given_to_serve_then_every_jail_obeys(tmp_path: Path) -> None:
    write(tmp_path, "web=web.log", "ssh=ssh.log")
    sock = tmp_path / "sock"
    options = ["-i", "192.0.2.0/24,198.51.100.1", "--maxretry", "9"]
    with subprocess.Popen([*command(tmp_path, sock), *options], env=environment()) as server:
        until_ready(server, sock)
        for _ in range(2):
            for jail in ("web", "ssh"):
                assert client.words(str(sock), ["get", jail, "maxretry"]) == 9
                assert client.words(str(sock), ["get", jail, "ignoreip"]) == ["192.0.2.0/24", "198.51.100.1"]
            client.request(str(sock), "reload")
        client.request(str(sock), "stop")
        assert server.wait(60) == 0
