"""The `f2b` commands, run as programs against a server on a real socket."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from f2b.cli.commands import COMMANDS
from f2b.control import client
from tests.control.server import environment

F2B = [sys.executable, "-m", "f2b"]


def f2b(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command line."""
    where = environment() | more
    return subprocess.run([*F2B, *args], capture_output=True, text=True, env=where, timeout=60, check=False)


def answer(sock: Path, *args: str) -> Any:
    """Return what a command prints with --json."""
    run = f2b(*args, "-s", str(sock), "--json")
    assert run.stderr == ""
    return json.loads(run.stdout)


def test_status_when_asked_then_the_server_and_its_jails_are_shown_aligned(sock: Path) -> None:
    logs = sock.parent
    f2b("-s", str(sock), "ban", "--jail", "web", "192.0.2.1", "192.0.2.2")
    run = f2b("-s", str(sock), "status")
    assert run.returncode == 0
    assert "enforcing: no (dry run: --dry-run was given" in run.stdout
    assert run.stdout.splitlines()[3:] == [
        "JAIL     STATE  FAILED  TOTAL  BANNED  TOTAL  WATCHES",
        f"sshtest  up          0      0       0      0  {logs}/ssh.log",
        f"web      up          0      0       2      2  {logs}/web.log and 1 more",
    ]


def test_status_when_json_then_it_has_what_scripts_read(sock: Path) -> None:
    view = answer(sock, "status")
    assert view.keys() == {"version", "pid", "enforcing", "reason", "started", "jails", "problems", "fleet"}
    expected = "name state reason failed failed_total banned banned_total files journalmatch bans"
    assert set(expected.split()) <= view["jails"][0].keys()
    assert view["jails"][1]["files"] == [str(sock.parent / "web.log"), str(sock.parent / "web2.log")]


def test_status_when_of_one_jail_then_its_bans_are_shown(sock: Path) -> None:
    f2b("-s", str(sock), "ban", "-j", "web", "-t", "-1", "192.0.2.1")
    run = f2b("status", "web", "-s", str(sock))
    assert "banned  1 now, 1 in all" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("192.0.2.1  ")
    assert "for ever" in run.stdout


def test_ban_when_no_jail_is_named_then_it_is_manual_and_unban_lifts_it_everywhere(sock: Path) -> None:
    assert f2b("-s", str(sock), "ban", "192.0.2.1", "2001:DB8:0::1").stdout == "banned 2\n"
    assert f2b("-s", str(sock), "ban", "192.0.2.1", "192.0.2.9").stdout == "banned 1, 1 banned already\n"
    f2b("-s", str(sock), "ban", "--jail", "web", "192.0.2.1")
    bans = answer(sock, "banned")["bans"]
    assert [(ban["jail"], ban["id"]) for ban in bans] == [
        ("web", "192.0.2.1"),
        ("manual", "192.0.2.1"),
        ("manual", "2001:db8::1"),
        ("manual", "192.0.2.9"),
    ]
    assert f2b("-s", str(sock), "unban", "192.0.2.1").stdout == "lifted 2 bans\n"
    assert len(answer(sock, "banned")["bans"]) == 2


def test_ban_when_a_time_is_given_then_it_lasts_that_long(sock: Path) -> None:
    f2b("-s", str(sock), "ban", "--time", "1d 12h", "192.0.2.1")
    (ban,) = answer(sock, "banned", "192.0.2.1")["bans"]
    assert ban["duration"] == 129600
    assert ban["end"] == ban["time"] + 129600


def test_banned_when_a_banned_network_holds_the_address_then_it_is_found(sock: Path) -> None:
    f2b("-s", str(sock), "ban", "192.0.2.0/24")
    assert f2b("-s", str(sock), "banned", "192.0.2.77").returncode == 0
    absent = f2b("-s", str(sock), "banned", "198.51.100.1")
    assert (absent.returncode, absent.stdout) == (1, "not banned: 198.51.100.1\n")


def test_unban_when_nobody_was_banned_then_the_answer_is_no(sock: Path) -> None:
    assert f2b("-s", str(sock), "unban", "192.0.2.1").returncode == 1
    assert f2b("-s", str(sock), "unban", "--all").returncode == 0


def test_reload_when_there_are_warnings_then_they_are_told(sock: Path) -> None:
    conf = sock.parent / "jail.conf"
    conf.write_text(conf.read_text() + "logpaht = x\n")
    said = f2b("-s", str(sock), "reload").stdout
    assert f"warning: {conf}:" in said
    assert said.endswith("\nreloaded\n")
    assert f2b("-s", str(sock), "reload", "nosuch").returncode == 1


def test_stop_when_it_returns_then_the_server_is_gone(sock: Path) -> None:
    assert f2b("-s", str(sock), "stop").stdout == "stopped, bans are lifted\n"
    assert not sock.exists()
    gone = f2b("-s", str(sock), "ping")
    assert gone.returncode == 3


def test_ping_when_the_server_answers_then_it_says_whether_it_enforces(sock: Path) -> None:
    assert "enforcing: no (dry run: --dry-run was given" in f2b("ping", "-s", str(sock)).stdout
    assert answer(sock, "ping")["enforcing"] is False


@pytest.mark.parametrize(
    ("line", "status", "what"),
    [
        ("-s /nonexistent/sock status", 3, "f2b: no server: /nonexistent/sock does not exist; start one with"),
        ("-c /nonexistent status", 2, "f2b: /nonexistent: there is no such folder"),
        ("nosuch", 2, "f2b: No such command 'nosuch'; see 'f2b --help'"),
        ("--nosuch", 2, "f2b: No such option"),
        ("status --nosuch", 2, "f2b: No such option"),
        ("ban", 2, "f2b: Missing argument"),
        ("ban 192.0.2.1 --time duck", 2, "f2b: Invalid value for '-t' / '--time': 'duck' is no duration"),
        ("unban", 2, "f2b: Give either addresses or --all; see 'f2b unban --help'"),
    ],
)
def test_command_when_it_fails_then_one_line_on_stderr_says_why(line: str, status: int, what: str) -> None:
    run = f2b(*line.split())
    assert run.returncode == status
    assert run.stdout == ""
    assert run.stderr.startswith(what)
    assert run.stderr.count("\n") == 1


def test_command_when_the_configuration_names_the_socket_then_the_server_is_found(sock: Path, tmp_path: Path) -> None:
    (tmp_path / "fail2ban.conf").write_text("[Definition]\nsocket = /nonexistent\n")
    (tmp_path / "f2b.local").write_text(f"[Definition]\nsocket = {sock}\n")
    assert f2b("-c", str(tmp_path), "ping").returncode == 0
    assert f2b("ping", "-c", str(tmp_path)).returncode == 0


def test_help_when_asked_then_every_command_is_listed() -> None:
    run = f2b("--help")
    assert run.returncode == 0
    assert all(f"  {name} " in run.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", ["status", "banned", "ping", "ban", "unban", "reload", "stop"])
def test_help_when_asked_of_a_command_then_it_has_examples(name: str) -> None:
    run = f2b(name, "--help")
    assert run.returncode == 0
    assert f"Examples:\n    f2b {name}" in run.stdout


def test_version_when_asked_then_it_is_told() -> None:
    assert f2b("--version").stdout.startswith("f2b ")


def on_terminal(*args: str, **more: str) -> str:
    """Return what a command prints on a terminal."""
    ours, theirs = pty.openpty()
    where = environment() | {"TERM": "xterm"} | more
    subprocess.run([*F2B, *args], stdout=theirs, env=where, timeout=60, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1(65536).decode()


def test_status_when_on_a_terminal_then_it_is_coloured_unless_told_not_to(sock: Path) -> None:
    assert "\x1b[32mup\x1b[0m" in on_terminal("-s", str(sock), "status")
    assert "\x1b" not in on_terminal("-s", str(sock), "status", NO_COLOR="1")
    assert "\x1b" not in f2b("-s", str(sock), "status").stdout


def test_banned_when_an_id_holds_control_characters_then_the_terminal_is_safe(sock: Path) -> None:
    client.words(str(sock), ["set", "sshtest", "banip", "\x1b[2Jowned"])
    assert "\\x1b[2Jowned" in f2b("-s", str(sock), "banned").stdout


def test_banned_when_its_reader_has_seen_enough_then_it_ends_quietly(sock: Path) -> None:
    f2b("-s", str(sock), "ban", *(f"10.0.{i >> 8}.{i & 255}" for i in range(2000)))
    command = f"{sys.executable} -m f2b -s {sock} banned | head -n 1"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment(), check=True)
    assert run.stderr == ""
    assert run.stdout.startswith("ADDRESS")
