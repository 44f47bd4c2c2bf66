"""A jail.local as people have them: a full copy of Debian's jail.conf with their own lines in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from f2b.config.search import load
from tests.config.test_oracle import STOCK, assert_same, dumped


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Debian's configuration, with a jail.local that holds jail.conf once more."""
    directory = tmp_path / "fail2ban"
    shutil.copytree(STOCK, directory)
    for name in ("auth.log", "error.log", "access.log"):
        (directory / name).touch()
    return directory


def edited(directory: Path, jails: dict[str, str]) -> str:
    """Return jail.conf with options added to some jails, each right under its header."""
    text = (directory / "jail.conf").read_text()
    for name, lines in jails.items():
        text, times = re.subn(rf"^\[{name}\]$", f"[{name}]\n{lines}", text, flags=re.M)
        assert times == 1
    return text


def test_full_copy_of_jail_conf_as_jail_local_says_what_fail2ban_says(copied: Path) -> None:
    jails = {"nginx-http-auth": "enabled = true", "apache-auth": "enabled = true", "postfix": "enabled = true"}
    text = edited(copied, jails)
    for name in ("nginx_error_log", "apache_error_log", "postfix_log"):
        text = text.replace(f"%({name})s", f"{copied}/error.log")
    (copied / "jail.local").write_text(text.replace("%(postfix_backend)s", "auto"))
    ours = load(copied)
    assert_same(ours, dumped(copied)[0])
    assert {jail.name for jail in ours.jails} >= set(jails)
    assert [problem for problem in ours.problems if problem.severity == "error"] == []


def test_jail_local_that_names_what_jail_conf_and_paths_give_says_what_fail2ban_says(copied: Path) -> None:
    (copied / "paths-overrides.local").write_text(f"[DEFAULT]\nnginx_error_log = {copied}/error.log\n")
    text = "[DEFAULT]\nbackend = polling\naction = %(action_mwl)s\nbanaction = nftables\n"
    text += "[nginx-http-auth]\nenabled = true\nlogpath = %(nginx_error_log)s\n"
    text += "[nginx-limit-req]\nenabled = true\nbanaction = %(banaction_allports)s\nlogpath = %(nginx_error_log)s\n"
    text += f"[sshd]\nenabled = true\naction = %(action_)s\nlogpath = {copied}/auth.log\n"
    (copied / "jail.local").write_text(text)
    ours = load(copied)
    assert_same(ours, dumped(copied)[0])
    names = {jail.name: [action.name for action in jail.actions] for jail in ours.jails}
    assert names["nginx-http-auth"] == ["nftables", "sendmail-whois-lines"]
    assert names["nginx-limit-req"][0] != "nftables"
    assert names["sshd"] == ["nftables"]
