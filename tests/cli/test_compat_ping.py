"""`fail2ban-client ping` without all of the client: the same words, and next to nothing imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from f2b import paths
from f2b.cli import compat_ping
from tests.control.server import environment

QUICK, WHOLE = (
    [sys.executable, "-c", f"from f2b.cli.{module} import main; main()"]
    for module in ("compat_ping", "compat_client")
)
PONG = "Server replied: pong\n"


def said(program: list[str], *args: str) -> tuple[int, str, str]:
    """Return exit code and output of a command; times and process numbers left out."""
    run = subprocess.run([*program, *args], capture_output=True, text=True, env=environment(), timeout=120)
    return run.returncode, run.stdout, run.stderr.partition("]: ")[2]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes no test fail."""
    monkeypatch.setattr(compat_ping, "PATIENCE_S", 60.0)


def test_ping_when_a_server_answers_then_it_is_said_as_the_whole_client_says_it(sock: Path) -> None:
    assert said(QUICK, "-s", str(sock), "ping") == said(WHOLE, "-s", str(sock), "ping") == (0, PONG, "")
    assert compat_ping.answers(["--socket", str(sock), "ping"])
    (sock.parent / "fail2ban.conf").write_text(f"[Definition]\nsocket = {sock}\n")
    assert compat_ping.answers(["-c", str(sock.parent), "ping"])
    for args in ("-s {0} -v ping", "-s {0} ping 5", "-s {0} status", "-s {0}", "-s {0}x ping", "ping -s"):
        assert not compat_ping.answers(args.format(sock).split())


@pytest.mark.parametrize("args", ["", "-s", "ping", "-c /nosuch ping", "-s /nosuch ping", "-s /nosuch ping ping"])
def test_ping_when_it_is_not_plain_or_nobody_answers_then_the_whole_client_sees_to_it(
    args: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "FOLDERS", ())
    assert not compat_ping.answers(args.split())


def test_ping_when_nobody_answers_then_the_reason_is_told(tmp_path: Path) -> None:
    args = ["-s", str(tmp_path / "nobody"), "ping"]
    status, out, error = said(QUICK, *args)
    assert (status, out) == (255, "")
    assert "Is fail2ban running?" in error
    assert (status, out, error) == said(WHOLE, *args)


def test_ping_when_imported_then_little_comes_along() -> None:
    code = "import sys; before = {*sys.modules}; import f2b.cli.compat_ping; print(*{*sys.modules} - before)"
    brought = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {"f2b", "f2b.cli", "f2b.cli.compat_ping", "f2b.control", "f2b.control.plain", "f2b.paths"}
    assert {*brought} - ours <= {"__future__", "_socket"}
