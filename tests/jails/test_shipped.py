"""Every shipped jail, enabled: it works as it stands, and under a jail.local that was written for Fail2Ban."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from f2b.config import search
from f2b.config.model import Settings

JAILS = Path(__file__).parents[2] / "jails"
THEIRS = Path("/etc/fail2ban")


def names() -> list[str]:
    found: list[str] = []
    for path in sorted(JAILS.glob("*.conf")):
        parser = configparser.RawConfigParser()
        parser.read(path)
        found += parser.sections()
    return found


def options(path: Path) -> set[str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(path)
    return set(parser.defaults())


def read(folder: Path, text: str) -> Settings:
    (folder / "jail.local").write_text(text)
    return search.load(folder)


def test_jails_when_all_are_enabled_then_none_has_an_error(tmp_path: Path) -> None:
    settings = read(tmp_path, "".join(f"[{name}]\nenabled = true\n" for name in names()))
    assert [str(it) for it in settings.problems if it.severity == "error"] == []
    assert [jail.name for jail in settings.jails] == names()
    assert {str(it).partition(": ")[2].partition(": ")[2].partition(" /")[0] for it in settings.problems} <= {
        "no file matches its logpath",
        "it reads the journal, and there is none that can be read here",
    }


def test_jails_when_named_then_no_name_stands_twice() -> None:
    assert len(names()) == len(set(names()))


def test_jails_when_compared_with_fail2bans_then_every_name_is_there() -> None:
    theirs = configparser.RawConfigParser(strict=False)
    theirs.read(THEIRS / "jail.conf")
    unknown = {"INCLUDES", "pass2allow-ftp"}  # a knock that lets in: filters/apache-pass.conf says how
    assert {*theirs.sections()} - unknown <= {*names()}


@pytest.mark.parametrize("file", ["paths-common.conf", "paths-debian.conf", "paths-arch.conf", "jail.conf"])
def test_variables_when_compared_with_fail2bans_then_every_name_is_there(tmp_path: Path, file: str) -> None:
    ours = set().union(*(options(path) for path in JAILS.glob("*.conf")))
    theirs = options(THEIRS / file)
    unset = {"ignorecommand", "maxmatches", "fail2ban_agent"}  # by default they are what the engine takes them for
    assert theirs - unset <= ours


def test_jail_local_when_written_for_fail2ban_then_runs_on_our_jails(tmp_path: Path) -> None:
    for name in ("nginx.log", "app.log"):
        (tmp_path / name).touch()
    (tmp_path / "jail.d").mkdir()
    (tmp_path / "jail.d" / "custom.conf").write_text("[sshd]\nmaxretry = 3\nmode = aggressive\n")
    settings = read(
        tmp_path,
        f"""
[DEFAULT]
bantime = 1d
findtime = 10m
banaction = ufw
destemail = admin@example.org
sender = f2b@example.org
action = %(action_mwl)s

[nginx-http-auth]
enabled = true
logpath = %(nginx_error_log)s

[nginx-botsearch]
enabled = true
logpath = {tmp_path}/nginx.log

[fastapi-auth]
enabled = true
port = 8000
filter = fastapi-auth
logpath = {tmp_path}/app.log
maxretry = 5
banaction = %(banaction_allports)s
""",
    )
    assert [str(it) for it in settings.problems if it.severity == "error"] == []
    jails = {jail.name: jail for jail in settings.jails}
    assert {"sshd", "recidive", "nginx-http-auth", "nginx-botsearch", "fastapi-auth"} == {*jails}
    assert [action.name for action in jails["nginx-botsearch"].actions] == ["ufw", "sendmail-whois-lines"]
    assert [action.name for action in jails["fastapi-auth"].actions] == ["nftables", "sendmail-whois-lines"]
    mail = jails["nginx-botsearch"].actions[1].options
    assert "admin@example.org" in mail["actionban"]
    assert f"{tmp_path}/nginx.log" in mail["actionban"]
    assert {jail.bantime for jail in settings.jails if jail.name != "recidive"} == {86400}
    assert jails["sshd"].maxretry == 3
    assert any("Unable to negotiate" in regex.value for regex in jails["sshd"].filter.failregex)
