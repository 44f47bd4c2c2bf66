"""The own log: Fail2Ban's format on every target, and no target that can stop the server."""

from __future__ import annotations

import os
import re
import resource
import socket
from pathlib import Path

import pytest

from f2b import log as module
from f2b.log import Log

_LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} fail2ban\.actions        \[%d\]: NOTICE  \[sshd\] Ban 192\.0\.2\.1\n"


def test_notice_to_a_file_has_fail2bans_format(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    log.notice("actions", "[sshd] Ban 192.0.2.1")
    assert re.fullmatch(_LINE % os.getpid(), (tmp_path / "log").read_text())
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_level_holds_back_what_is_below(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), "notice")
    log.info("filter", "no")
    log.error("filter", "yes")
    log.set_level("INFO")
    log.info("filter", "now")
    assert [line.rsplit(None, 1)[1] for line in (tmp_path / "log").read_text().splitlines()] == ["yes", "now"]


def test_reopen_after_the_file_was_moved_writes_a_new_one(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    log.info("server", "one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.info("server", "two")
    log.reopen()
    log.info("server", "three")
    assert len((tmp_path / "log.1").read_text().splitlines()) == 2
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_target_that_cannot_be_opened_keeps_the_present_one(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    with pytest.raises(OSError, match="No such file"):
        log.open(str(tmp_path / "missing" / "log"))
    log.info("server", "still here")
    assert "still here" in (tmp_path / "log").read_text()


def test_undecodable_text_is_written_escaped(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    log.info("filter", "lone \udcff surrogate")
    assert "lone \\udcff surrogate" in (tmp_path / "log").read_text()


def test_full_device_loses_the_line_and_raises_nothing() -> None:
    log = Log("/dev/full")
    log.error("server", "gone")
    log.close()


@pytest.mark.parametrize(
    ("target", "name", "expected"),
    [
        ("SYSLOG", "_SYSLOG", b"<29>fail2ban.actions[%d]: NOTICE [sshd] Ban 192.0.2.1\0"),
        (
            "systemd-journal",
            "_JOURNAL",
            b"PRIORITY=5\nSYSLOG_IDENTIFIER=fail2ban\nLOGGER=fail2ban.actions\nMESSAGE\n"
            b"\x14\0\0\0\0\0\0\0[sshd] Ban 192.0.2.1\n",
        ),
    ],
)
def test_socket_target_gets_its_own_form(
    target: str, name: str, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "socket")
    monkeypatch.setattr(module, name, path)  # where the system's own daemon listens
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        log = Log(target)
        log.notice("actions", "[sshd] Ban 192.0.2.1")
        assert daemon.recv(1000) == expected.replace(b"%d", str(os.getpid()).encode())
        for _ in range(1000):
            log.notice("actions", "nobody reads this, and nobody waits")
        log.close()


def test_line_cut_by_a_full_disk_when_there_is_room_again_then_the_next_one_begins_a_line(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Log(str(tmp_path / "log"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        log.notice("actions", "x" * 500)
        log.notice("actions", "lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    log.notice("actions", "[app] Ban 192.0.2.1")
    log.close()
    cut, whole = (tmp_path / "log").read_text().splitlines()
    assert len(cut) == 100
    assert whole.endswith("NOTICE  [app] Ban 192.0.2.1")


@pytest.mark.parametrize("form", ["", '[format="%(message)s|%(levelname)s|%(message)s"]', "[datetime=off]"])
def test_many_lines_at_once_are_those_of_each_by_itself(tmp_path: Path, form: str) -> None:
    texts = [f"[sshd] Found 192.0.2.{number} {'x' * number} 100 % \udcff" for number in range(200)]
    log, other = Log(f"{tmp_path}/log{form}", "INFO"), Log(f"{tmp_path}/other{form}", "INFO")
    log.tell_all("filter", "INFO", texts)
    log.tell_all("filter", "DEBUG", texts)
    for text in texts:
        other.info("filter", text)
    undated = [
        re.sub(r"^[-\d]+ [:,\d]+ ", "", (tmp_path / name).read_text(), flags=re.M) for name in ("log", "other")
    ]
    assert undated[0] == undated[1] != ""
