"""A first configuration for a host, and jails enabled and disabled by command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.cli.init import PROGRAMS, choose, notes, text
from f2b.cli.jail import switched
from f2b.cli.surroundings import Surroundings, look
from f2b.config import search

BARE = Surroundings(frozenset(), False, "", False, "")


def f2b(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environ)


@contextmanager
def program(folder: Path, name: str) -> Iterator[None]:
    """Run a process of this name."""
    path = folder / name
    shutil.copy(shutil.which("sleep") or "", path)
    process = subprocess.Popen([path, "600"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_init_when_programs_run_then_their_jails_are_enabled_and_check_passes(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    with program(tmp_path, "dovecot"), program(tmp_path, "nginx"):
        made = f2b("init", "-c", str(conf), SSH_CONNECTION="203.0.113.5 40000 192.0.2.1 22")
    assert made.returncode == 0, made.stderr
    assert "nginx-http-auth" in made.stdout
    assert f"wrote {conf}/jail.local" in made.stdout
    settings = search.load(conf)
    names = {jail.name for jail in settings.jails}
    assert {"nginx-http-auth", "nginx-botsearch", "dovecot", "recidive"} <= names
    assert not {"apache-auth", "postfix"} & names
    assert {jail.ignoreip for jail in settings.jails} == {("127.0.0.1/8", "::1", "203.0.113.5")}
    assert f2b("check", "-c", str(conf)).returncode == 0


def test_init_when_there_is_a_configuration_then_it_stays(tmp_path: Path) -> None:
    (tmp_path / "jail.local").write_text("[sshd]\n")
    with program(tmp_path, "nginx"):
        made = f2b("init", "-c", str(tmp_path))
        assert made.returncode == 2
        assert "it is there already, and nothing was changed; see f2b init --dry-run" in made.stderr
        assert (tmp_path / "jail.local").read_text() == "[sshd]\n"
        shown = f2b("init", "-c", str(tmp_path), "--dry-run")
    assert shown.returncode == 0
    assert "[nginx-http-auth]\nenabled = true\n" in shown.stdout


def test_init_when_nothing_runs_then_says_so_and_writes_nothing() -> None:
    assert choose(BARE) == []
    assert "[sshd]\nenabled = false" in text(BARE, [])


def test_init_when_json_then_says_what_was_chosen_and_why(tmp_path: Path) -> None:
    with program(tmp_path, "vsftpd"):
        made = json.loads(f2b("init", "-c", str(tmp_path / "conf"), "--dry-run", "--json").stdout)
    assert made["file"] is None
    assert {"jail": "vsftpd", "program": "vsftpd"}.items() <= next(
        it for it in made["jails"] if it["jail"] == "vsftpd"
    ).items()


def test_every_program_when_it_runs_then_its_jails_are_ours() -> None:
    programs = frozenset(name[:15] for name in PROGRAMS)
    chosen = {choice.jail.name for choice in choose(BARE._replace(programs=programs))}
    assert chosen == {name for names in PROGRAMS.values() for name in names}


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (BARE._replace(firewall="ufw"), "banaction = ufw"),
        (BARE._replace(firewall="firewalld"), "banaction = firewalld"),
        (BARE._replace(fail2ban=True), "f2b migrate"),
    ],
)
def test_notes_when_something_else_is_here_then_name_it(host: Surroundings, said: str) -> None:
    assert said in "".join(notes(host))
    assert said in text(host, [])


def test_surroundings_when_looked_at_then_name_programs_and_login(tmp_path: Path) -> None:
    with program(tmp_path, "asterisk"):
        deadline = time.monotonic() + 60
        while "asterisk" not in (here := look({"SSH_CONNECTION": "2001:DB8::5 1 ::1 22"})).programs:
            assert time.monotonic() < deadline
    assert here.admin == "2001:db8::5"
    assert look({}).admin == ""


def test_surroundings_when_systemd_listens_for_sshd_then_it_counts_as_running(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "ssh.socket").touch()
    assert look({}, tmp_path / "proc", tmp_path).programs == {"sshd"}
    assert look({}, tmp_path / "proc", tmp_path / "none").programs == frozenset()


MINE = """# mine
[DEFAULT]
bantime = 1d   ; long

[sshd]
# why
enabled = true
port = 2222
[nginx-404]
maxretry = 5
"""


def test_switched_when_the_jail_has_the_option_then_only_that_line_changes() -> None:
    assert switched(MINE, "sshd", False) == MINE.replace("enabled = true", "enabled = false")


def test_switched_when_the_jail_lacks_the_option_then_it_comes_first() -> None:
    assert switched(MINE, "nginx-404", True) == MINE.replace("[nginx-404]\n", "[nginx-404]\nenabled = true\n")


def test_switched_when_there_is_no_such_section_then_it_comes_last() -> None:
    assert switched(MINE, "dovecot", True) == MINE + "\n[dovecot]\nenabled = true\n"
    assert switched("", "dovecot", True) == "[dovecot]\nenabled = true\n"


@given(st.lists(st.sampled_from(["[a]", "[b]", "enabled = 1", "# c", "x = y", ""])), st.booleans())
def test_switched_when_done_twice_then_nothing_more_changes(lines: list[str], enabled: bool) -> None:
    once = switched("\n".join(lines), "a", enabled)
    assert switched(once, "a", enabled) == once
    assert [line for line in once.splitlines() if line.startswith("#")] == [it for it in lines if it.startswith("#")]


def test_jail_when_enabled_and_disabled_by_command_then_the_list_says_so(tmp_path: Path) -> None:
    where = ("-c", str(tmp_path))

    def enabled() -> set[str]:
        return {
            it["name"] for it in json.loads(f2b("jail", "list", "--json", *where).stdout)["jails"] if it["enabled"]
        }

    assert enabled() == {"sshd", "recidive"}
    done = f2b("jail", "enable", "nginx-404", "dovecot", *where)
    assert done.stdout == f"enabled nginx-404 dovecot in {tmp_path}/jail.local; put it in force: f2b reload\n"
    assert f2b("jail", "disable", "sshd", *where).returncode == 0
    assert enabled() == {"recidive", "nginx-404", "dovecot"}
    wrong = f2b("jail", "enable", "nginx-40", *where)
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "f2b: there is no jail 'nginx-40'; f2b jail list says which there are\n",
    )
