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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.session import SESSION
from tests.control.server import environment, serving

THEIRS = ["/usr/bin/fail2ban-client"]
OURS = [sys.executable, "-c", "from f2b.cli.compat_ping import main; main()"]
OUR_SERVER = [sys.executable, "-c", "from f2b.cli.compat_server import main; main()"]
SERVERS = {"theirs": ["/usr/bin/fail2ban-server"], "ours": OUR_SERVER, "again": OUR_SERVER}
SPEAKERS = {"theirs": THEIRS, "ours": THEIRS, "again": OURS}
"""Who drives which server."""
VOLATILE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?|(?<=\[)\d{2,}(?=\]: )")
IP6 = re.compile(r"\(\?P<ip6>.*?\(\?<=:\):\)+")

CONFIG = {
    "fail2ban.conf": """[Definition]
loglevel = INFO
logtarget = {folder}/{name}.log
syslogsocket = auto
socket = {folder}/{name}.sock
pidfile = {folder}/{name}.pid
dbfile = {folder}/{name}.db
dbpurgeage = 1d
dbmaxmatches = 10
allowipv6 = auto
""",
    "f2b.conf": "[Definition]\nallowactions = yes\n",
    "jail.conf": """[DEFAULT]
backend = polling
usedns = no
maxretry = 5
findtime = 600
bantime = 600
filter = nothing
action = dummy[port=22]
[sshtest]
enabled = true
logpath = {folder}/ssh.log
[web]
enabled = true
logpath = {folder}/web.log
          {folder}/web2.log
[off]
enabled = false
logpath = {folder}/web.log
""",
    "filter.d/nothing.conf": "[Definition]\nfailregex = ^nothing from <HOST>$\n",
    "action.d/dummy.conf": "[Definition]\nactionban = true\nactionunban = true\n[Init]\nport = 1\n",
}

# Said with a process each, for the exit codes and what goes to which stream.
SINGLE = [
    "ping",
    "ping x",
    "status nosuch",
    "-q status nosuch",
    "set web addfailregex ((",
    "set web banip 192.0.2.1",
    "banned",
    "reload",
    "reload nosuch",
    "reload a b",
    "start",
    "start nosuch",
    "nosuch",
    "-t",
    "-t status",
    "stop",
]

PROMPT = "fail2ban> "


class Said(NamedTuple):
    """What a program printed, without what differs from run to run."""

    status: int
    out: str
    err: str


def plain(text: str) -> str:
    """Leave out times, process numbers, the server's name in paths, and how an address looks in a shown regex."""
    same = IP6.sub("<ip6>", VOLATILE.sub("", text)).replace("^_]", "^]")
    return "\n".join(line for line in same.splitlines() if "allowipv6" not in line)


def said(program: Sequence[str], *args: str) -> Said:
    """Run a program and return what it printed."""
    run = subprocess.run(
        [*program, *args], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    return Said(run.returncode, plain(run.stdout), plain(run.stderr))


def conversation(program: Sequence[str], folder: Path, name: str) -> list[str]:
    """Return what each command of the session printed, and last all that went to stderr."""
    lines = [line.format(folder=folder) for line in SESSION]
    run = subprocess.run(
        [*program, "-c", str(folder / name), "-i"],
        input="\n".join([*lines, "exit", ""]),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    printed = run.stdout.replace(f"{folder}/{name}", str(folder)).split(PROMPT)[1:-1]
    told = [f"$ {line}\n{plain(text)}" for line, text in zip(lines, printed, strict=True)]
    return [*told, plain(run.stderr)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where configurations, logs and sockets lie: one server, one name."""
    folder = tmp_path_factory.mktemp("oracle")
    for name in SERVERS:
        for file, text in CONFIG.items():
            path = folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(folder=folder, name=name))
    for log in ("ssh.log", "web.log", "web2.log", "other.log"):
        (folder / log).touch()
    return folder


@contextmanager
def served(folder: Path, name: str) -> Iterator[None]:
    """Run one of SERVERS, in a network namespace of its own, with a fresh database."""
    for file in folder.glob(f"{name}.db*"):
        file.unlink()
    command = ["unshare", "-n", *SERVERS[name], "-c", str(folder / name), "-b", "start"]
    subprocess.run(command, env=environment(), timeout=60, check=True, capture_output=True)
    try:
        yield
    finally:
        said(THEIRS, "-c", str(folder / name), "stop")


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, list[str]]:
    """What the clients print that drive these servers, all at once."""

    def speak(name: str) -> list[str]:
        with served(folder, name):
            return conversation(SPEAKERS[name], folder, name)

    with ThreadPoolExecutor(len(SPEAKERS)) as pool:
        return dict(zip(SPEAKERS, pool.map(speak, SPEAKERS), strict=True))


def test_debians_client_when_it_drives_our_server_then_it_prints_what_it_prints_with_its_own(
    printed: dict[str, list[str]],
) -> None:
    assert printed["ours"] == printed["theirs"]


def test_our_client_when_it_drives_our_server_then_it_prints_what_debians_does(
    printed: dict[str, list[str]],
) -> None:
    assert printed["again"] == printed["theirs"]


def test_our_client_when_commands_come_one_by_one_then_streams_and_exit_codes_are_debians(folder: Path) -> None:
    def speak(program: Sequence[str], name: str) -> list[tuple[str, Said]]:
        with served(folder, name):
            return [(line, said(program, "-c", str(folder / name), *line.split())) for line in SINGLE]

    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(speak, (THEIRS, OURS), ("theirs", "ours"))
    assert ours == theirs


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
        "-c {folder}/ours -s {folder}/stale ping",
        "-c {folder}/ours -s {folder}/stale status",
        "-c {folder}/ours -s {folder}/stale reload",
        "-c {folder}/ours -s {folder}/stale -t",
        "-c{folder}/ours ping",
        "--con={folder}/ours -q ping",
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
    with serving(tmp_path, "web=web.log") as sock:
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
