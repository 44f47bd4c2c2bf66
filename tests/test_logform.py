"""The looks of the own log's lines are Fail2Ban's, whatever the options of its target say."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.log import Log
from f2b.logform import understood

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"


@pytest.mark.parametrize(  # as Fail2Ban 1.0.2 writes them
    ("options", "line"),
    [
        ("", rf"{STAMP} fail2ban\.server         \[PID\]: INFO    ready"),
        ("[]", rf"{STAMP} fail2ban\.server         \[PID\]: INFO    ready"),
        ("[padding=off]", rf"{STAMP} fail2ban\.server\[PID\]: INFO ready"),
        ("[datetime=off]", r"fail2ban\.server         \[PID\]: INFO    ready"),
        ("[datetime=off, padding=off]", r"fail2ban\.server\[PID\]: INFO ready"),
        ("[datetime='on',padding=yes]", rf"{STAMP} fail2ban\.server         \[PID\]: INFO    ready"),
        ('[format="%(levelname)s %(message)s|"]', r"INFO ready\|"),
        (
            '[format="%(asctime)s %(levelname)-6.3s %(message)s [%(levelno)d]", datetime=off]',
            rf"{STAMP} INF    ready \[20\]",
        ),
        ('[padding=off, format="%(name)-18s|100%%"]', r"fail2ban\.server   \|100%"),
    ],
)
def test_line_of_a_file_when_options_say_so_then_looks_like_that(options: str, line: str, tmp_path: Path) -> None:
    log = Log(f"{tmp_path}/log{options}")
    log.info("server", "ready")
    log.reopen()
    log.info("server", "ready")
    assert log.target == f"{tmp_path}/log"
    wanted = line.replace("PID", str(os.getpid()))
    assert re.fullmatch(rf"(?:{wanted}\n){{2}}", (tmp_path / "log").read_text())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("", rb"<29>fail2ban\.actions\[PID\]: NOTICE \[sshd\] Ban 192\.0\.2\.1\0"),
        ("[facility=auth]", rb"<37>fail2ban\.actions\[PID\]: NOTICE \[sshd\] Ban 192\.0\.2\.1\0"),
        (
            "[facility=LOG_LOCAL3, padding=on]",
            rb"<157>fail2ban\.actions        \[PID\]: NOTICE  \[sshd\] Ban 192\.0\.2\.1\0",
        ),
        ('[format="%(message)s"]', rb"<29>\[sshd\] Ban 192\.0\.2\.1\0"),
    ],
)
def test_line_of_syslog_when_options_say_so_then_looks_like_that(options: str, line: bytes, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        log = Log(f"syslog{options}", syslog=str(tmp_path / "log"))
        log.notice("actions", "[sshd] Ban 192.0.2.1")
        assert re.fullmatch(line.replace(b"PID", str(os.getpid()).encode()), syslog.recv(1000))
        log.close()


@pytest.mark.parametrize(
    "options",
    ['[format="%(nothing)s"]', '[format="%(name)d"]', '[format="%"]', "[facility=none]", "[padding]", "[,]"],
)
def test_options_when_they_make_no_sense_then_the_present_target_stays(options: str, tmp_path: Path) -> None:
    log = Log(f"{tmp_path}/log")
    with pytest.raises(OSError, match=r"options|format|facility"):
        log.open(f"{tmp_path}/other{options}")
    log.info("server", "still here")
    assert "still here" in (tmp_path / "log").read_text()
    assert not (tmp_path / "other").exists()


@given(st.text(st.sampled_from("[]=,\"' %()sdx\n\\-*9{"), max_size=30))
def test_options_whatever_they_are_then_they_are_understood_or_refused(text: str) -> None:
    try:
        _, form = understood(f"STDOUT[{text}", dated=True, padded=True)
    except OSError:
        return
    assert form.line("INFO", "server", "%s") is not None


@given(st.text())
def test_line_whatever_is_told_then_it_stays_one_line_that_no_terminal_obeys(text: str) -> None:
    _, form = understood("/log", dated=True, padded=True)
    line = form.line("NOTICE", "fail2ban.actions", text)
    assert len(f"{line}|".splitlines()) == 1
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f]", line)
