"""What `fail2ban-client -d`, `--dp` and `-t` print, beside what Fail2Ban's own prints of the same files."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STOCK = Path("/etc/fail2ban")
THEIRS = ["/usr/bin/fail2ban-client"]
OURS = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()"]
# Since 1.1 a parameter replaces the variants for one family too; here we follow the newer Fail2Ban.
NEWER = "['blocktype?family=inet6', 'RETURN']"
OLDER = "['blocktype?family=inet6', 'REJECT --reject-with icmp6-port-unreachable']"

DEFAULT = """[DEFAULT]
backend = auto
bantime.increment = true
bantime.factor = 2
bantime.rndtime = 5m
ignorecache = key="<ip>", max-count=100, max-time=5m
ignoreip = 127.0.0.1/8 ::1,192.0.2.1
logtimezone = UTC
"""
SEVERAL = """[sshd]
enabled = true
maxlines = 2
maxretry = 4
bantime = 1h30m
logpath = {log} tail
[recidive]
enabled = true
prefregex = ^x
usedns = no
ignoreself = no
ignorecommand = /bin/true <ip>
logpath = {log}
[nginx-http-auth]
enabled = true
backend = systemd[journalflags=1]
journalmatch = _SYSTEMD_UNIT=a _COMM=b + X=y
  Q=z
action = smtp.py[host=h]
  iptables[actname=bla]
"""


def told(program: list[str], *args: str) -> tuple[str, int]:
    run = subprocess.run([*program, *args], capture_output=True, text=True, timeout=60, check=False)
    return run.stdout, run.returncode


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of Debian's configuration with a log beside it."""
    shutil.copytree(STOCK, tmp_path / "conf")
    (tmp_path / "some.log").touch()
    return tmp_path / "conf"


def write(tree: Path, jails: str) -> str:
    text = DEFAULT + jails.format(log=tree.parent / "some.log")
    (tree / "jail.local").write_text(text)
    return str(tree)


@pytest.mark.parametrize("flag", ["-d", "--dp"])
def test_all_stock_jails_when_dumped_then_every_line_is_fail2bans(tree: Path, flag: str) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(tree / "jail.conf")
    names = [name for name in parser.sections() if name != "INCLUDES"]
    directory = write(
        tree, "".join(f"[{name}]\nenabled = true\nlogpath = {{log}}\nbackend = auto\n" for name in names)
    )
    mine, status = told(OURS, "-c", directory, flag)
    assert status == 0
    assert mine.count("['start', ") == len(names)
    assert mine.replace(NEWER, OLDER).splitlines() == told(THEIRS, "-c", directory, flag)[0].splitlines()


@pytest.mark.parametrize("flags", ["-d", "--dp", "-t", "-td"])
def test_jails_with_options_of_their_own_when_dumped_then_every_line_is_fail2bans(tree: Path, flags: str) -> None:
    directory = write(tree, SEVERAL)
    assert told(OURS, "-c", directory, flags) == told(THEIRS, "-c", directory, flags)


def test_broken_jail_when_dumped_then_stands_there_and_the_others_do(tree: Path) -> None:
    directory = write(tree, SEVERAL + "[bad]\nenabled = true\nfilter = nope\nfindtime = x\n")
    mine, status = told(OURS, "-c", directory, "-d")
    errors = [line for line in mine.splitlines() if line.startswith("['config-error'")]
    assert (len(errors), status) == (1, 0)
    assert "Jail 'bad' skipped, because of wrong configuration" in errors[0]
    assert "['start', 'sshd']" in mine


@pytest.mark.parametrize("flags", ["-t", "-td"])
def test_broken_jail_when_tested_then_the_test_fails(tree: Path, flags: str) -> None:
    directory = write(tree, SEVERAL + "[bad]\nenabled = true\nfilter = nope\n")
    mine, status = told(OURS, "-c", directory, flags)
    assert status == told(THEIRS, "-c", directory, flags)[1] == 255
    assert mine.splitlines()[-1] == "ERROR: test configuration failed"
