"""`fail2ban-server` and `fail2ban-client start`: the real server, in a network namespace of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.control.server import environment

CLIENT = "from f2b.cli.compat_client import main; main()"
SERVER = "from f2b.cli.compat_server import main; main()"


def said(program: str, conf: Path, *args: str) -> tuple[int, str]:
    """Run a program in a namespace of its own and return its exit code and output."""
    command = ["unshare", "-n", sys.executable, "-c", program, "-c", str(conf), *args]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False)
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
