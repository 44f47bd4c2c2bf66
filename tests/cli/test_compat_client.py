"""Debian's unmodified fail2ban-client is the oracle: driving our server, and printing what ours must print.

What it prints is compared to the byte with our client's output against the same server, and with what it prints
against Fail2Ban's own server in the same state.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.control.server import environment, stand_in

THEIRS = ["/usr/bin/fail2ban-client"]
OURS = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()"]
THEIR_SERVER = "/usr/bin/fail2ban-server"
VOLATILE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?|(?<=\[)\d+(?=\]: )")

CONFIG = {
    "fail2ban.conf": """[Definition]
loglevel = INFO
logtarget = {folder}/theirs.log
syslogsocket = auto
socket = {folder}/theirs.sock
pidfile = {folder}/theirs.pid
dbfile = None
dbpurgeage = 1d
dbmaxmatches = 10
allowipv6 = auto
""",
    "jail.conf": """[DEFAULT]
backend = polling
usedns = no
ignorecommand =
maxretry = 5
findtime = 600
bantime = 600
filter = nothing
action = dummy
enabled = true
[sshtest]
logpath = {folder}/ssh.log
[web]
logpath = {folder}/web.log
          {folder}/web2.log
""",
    "filter.d/nothing.conf": "[Definition]\nfailregex = ^nothing from <HOST>$\n",
    "action.d/dummy.conf": "[Definition]\nactionban = true\nactionunban = true\n",
}

# One session, in this order: later commands see what earlier ones did.
SESSION = [
    "ping",
    "ping 5",
    "ping x",
    "version",
    "echo a b c",
    "echo",
    "status",
    "status web",
    "set web banip 192.0.2.1",
    "set web banip 192.0.2.5 2001:DB8:0::1 Badger",
    "set web banip 192.0.2.1 10.1.0.0/16 10.2.0.1/32 ::ffff:192.0.2.77",
    "set web banip",
    "set sshtest banip 192.0.2.1",
    "status web",
    "status web short",
    "status web bogus",
    "status nosuch",
    "status web basic x",
    "status -v",
    "banned",
    "banned 192.0.2.1 198.51.100.1",
    "banned 10.1.0.0/16",
    "get web banned",
    "get web banned 192.0.2.1",
    "get web banned 192.0.2.1 198.51.100.1",
    "get sshtest banip",
    "get sshtest banip ,",
    "get sshtest banip --with-time",
    "get sshtest bantime",
    "set sshtest bantime 10m",
    "set sshtest bantime -1",
    "get sshtest banip --with-time",
    "set web bantime",
    "get web findtime",
    "get web maxretry",
    "get web maxmatches",
    "get web maxlines",
    "get web usedns",
    "get web logpath",
    "get sshtest logpath",
    "get web ignoreself",
    "get web ignoreip",
    "get web ignorecommand",
    "get web logtimezone",
    "get web actions",
    "get web bantime.increment",
    "get web bantime.nosuch",
    "get web nosuch",
    "get web",
    "get",
    "get nosuch bantime",
    "set",
    "set web",
    "set web nosuch",
    "set nosuch banip 192.0.2.1",
    "nosuch",
    "ban",
    "set web unbanip 198.51.100.1",
    "set web unbanip 10.1.0.0/16",
    "set web unbanip --report-absent 198.51.100.1 192.0.2.5 198.51.100.2",
    "set web unbanip",
    "set web unbanip --report-absent",
    "unban",
    "unban 192.0.2.1",
    "unban 192.0.2.1",
    "unban --all",
    "unban --all",
    "status web",
    "reload a b",
    "stop nosuch",
    "-q status nosuch",
    "stop",
]


class Said(NamedTuple):
    """What a program printed, without what differs from run to run."""

    status: int
    out: str
    err: str


def said(program: Sequence[str], *args: str) -> Said:
    """Run a program and return what it printed; times and process numbers are left out."""
    run = subprocess.run(
        [*program, *args], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    errors = "\n".join(line for line in run.stderr.splitlines() if "allowipv6" not in line)
    return Said(run.returncode, VOLATILE.sub("", run.stdout), VOLATILE.sub("", errors))


def session(program: Sequence[str], sock: Path) -> dict[str, Said]:
    """Return what each command of the session printed."""
    return {f"{at}: {line}": said(program, "-s", str(sock), *line.split()) for at, line in enumerate(SESSION)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Fail2Ban's configuration, logs and socket lie."""
    folder = tmp_path_factory.mktemp("oracle")
    for name, text in CONFIG.items():
        file = folder / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(folder=folder))
    for log in ("ssh.log", "web.log", "web2.log"):
        (folder / log).touch()
    return folder


def served(folder: Path) -> Sequence[str]:
    """The jails of CONFIG, for the stand-in."""
    return f"sshtest={folder}/ssh.log", f"web={folder}/web.log,{folder}/web2.log"


@pytest.fixture(scope="module")
def oracle(folder: Path) -> dict[str, Said]:
    """What Debian's client prints against Debian's server."""
    command = ["unshare", "-n", THEIR_SERVER, "-c", str(folder / "conf"), "-b", "start"]
    subprocess.run(command, env=environment(), timeout=60, check=True, capture_output=True)
    return session(THEIRS, folder / "theirs.sock")


@pytest.fixture(scope="module")
def theirs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Said]]:
    """What Debian's client prints against our server."""
    with stand_in(tmp_path_factory.mktemp("theirs"), *served(folder)) as sock:
        yield session(THEIRS, sock)


@pytest.fixture(scope="module")
def ours(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Said]]:
    """What our client prints against our server."""
    with stand_in(tmp_path_factory.mktemp("ours"), *served(folder)) as sock:
        yield session(OURS, sock)


def test_debians_client_when_it_drives_our_server_then_it_prints_what_it_prints_with_its_own(
    theirs: dict[str, Said], oracle: dict[str, Said]
) -> None:
    assert theirs == oracle


def test_our_client_when_it_drives_our_server_then_it_prints_what_debians_does(
    ours: dict[str, Said], oracle: dict[str, Said]
) -> None:
    assert ours == oracle


def test_debians_client_when_it_reloads_our_server_then_bans_stay(folder: Path, tmp_path: Path) -> None:
    """It sends the whole configuration along, as commands that our server must not choke on."""
    with stand_in(tmp_path, *served(folder)) as sock:
        options = ["-c", str(folder / "conf"), "-s", str(sock)]
        said(THEIRS, *options, "set", "web", "banip", "192.0.2.1")
        assert said(THEIRS, *options, "reload") == Said(0, "OK\n", "")
        assert said(THEIRS, *options, "reload", "web") == Said(0, "OK\n", "")
        assert said(THEIRS, *options, "get", "web", "banned") == Said(0, "['192.0.2.1']\n", "")
        assert said(THEIRS, *options, "reload", "--unban", "web") == Said(0, "OK\n", "")
        assert said(THEIRS, *options, "get", "web", "banned") == Said(0, "[]\n", "")


def test_our_client_when_it_reloads_then_it_prints_what_debians_does(folder: Path, tmp_path: Path) -> None:
    with stand_in(tmp_path, *served(folder)) as sock:
        assert said(OURS, "-s", str(sock), "reload", "--unban") == Said(0, "OK\n", "")


@pytest.mark.parametrize(
    "line",
    [
        "-V",
        "--str2sec 1d12h30m",
        "--str2sec 600",
        "-c /nonexistent ping",
        "-s /nonexistent/sock ping",
        "-s /nonexistent/sock status",
        "-s /nonexistent/sock stop",
        "-s /nonexistent/sock reload",
        "-c {folder}/conf -s {folder}/stale ping",
        "-c {folder}/conf -s {folder}/stale status",
        "-c {folder}/conf -s {folder}/stale reload",
        "-c {folder}/conf -s {folder}/stale -t",
        "-c{folder}/conf ping",
        "--con={folder}/conf -q ping",
        "-- -V",
    ],
)
def test_our_client_when_no_server_answers_then_it_prints_what_debians_does(
    folder: Path, tmp_path: Path, line: str
) -> None:
    stale = folder / "stale"
    stale.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    args = line.format(folder=folder).split()
    assert said(OURS, *args) == said(THEIRS, *args)


@pytest.mark.parametrize("line", ["", "--bogus", "-c", "--lo x ping", "-h", "--help"])
def test_our_client_when_the_command_line_is_wrong_then_usage_is_told_as_debians_does(line: str) -> None:
    mine, other = said(OURS, *line.split()), said(THEIRS, *line.split())
    assert (mine.status, mine.err) == (other.status, other.err)
    assert mine.out.startswith("Usage: fail2ban-client [OPTIONS] <COMMAND>\n")


def test_our_client_when_commands_come_from_stdin_then_each_is_carried_out(tmp_path: Path) -> None:
    with stand_in(tmp_path, "web=/srv/web.log") as sock:
        run = subprocess.run(
            [*OURS, "-s", str(sock), "-i"],
            input='ping\nset web banip "192.0.2.1"\nstatus nosuch\nexit\n',
            capture_output=True,
            text=True,
            env=environment(),
            timeout=60,
            check=False,
        )
    assert run.returncode == 0
    assert "fail2ban> Server replied: pong\nfail2ban> 1\nfail2ban> Sorry but the jail 'nosuch'" in run.stdout
