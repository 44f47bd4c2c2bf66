"""Logs as they are in the world, read by the real server: encodings, backends, restarts."""

from __future__ import annotations

import codecs
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import Server, fail, running, wait_for

ENCODINGS = {
    "utf-16": ("utf-16-le", codecs.BOM_UTF16_LE),
    "utf-16-le": ("utf-16-le", b""),
    "utf-16-be": ("utf-16-be", b""),
    "latin-1": ("latin-1", b""),
    "utf-8": ("utf-8", b""),
    "auto": ("utf-8", codecs.BOM_UTF8),
}
"""By `logencoding`: what is written, and the mark at the beginning."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def failures(address: str, times: int = 3) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"{stamp} app: failure of gr\u00fc\u00df from {address}\n" * times


def until_banned(server: Server, number: int) -> None:
    wait_for(lambda: len(server.banned()) == number)


def until_found(server: Server, address: str, times: int) -> None:
    wait_for(lambda: server.said().count(f"Found {address}") == times)


def test_logs_in_all_encodings_when_read_then_bans_before_and_after_a_restart(server: Server) -> None:
    logs = {name: server.jail(f"in-{name}", logencoding=name) for name in ENCODINGS}
    for number, (name, log) in enumerate(logs.items()):
        encoding, mark = ENCODINGS[name]
        log.write_bytes(mark + f"an undated line\n{failures(f'203.0.113.{number}')}".encode(encoding))
    server.start()
    until_banned(server, len(logs))
    for again in (False, True):
        for number, (name, log) in enumerate(logs.items()):
            with log.open("ab") as file:
                file.write(failures(f"198.51.100.{number + 100 * again}").encode(ENCODINGS[name][0]))
        until_banned(server, len(logs) * (2 + again))
        server.end()
        server.start()
    assert "bytes that are not" not in server.said()


def test_log_of_mixed_encodings_when_read_then_told_once_and_every_line_counts(server: Server) -> None:
    log = server.jail()
    log.write_bytes(b"".join(failures("203.0.113.7", 1).encode(name) for name in ("latin-1", "utf-8", "cp850")))
    server.start()
    wait_for(lambda: server.banned() == ["203.0.113.7"])
    assert server.said().count("bytes that are not utf-8") == 1


def test_backends_of_fail2ban_when_named_then_taken(server: Server) -> None:
    names = ["auto", "polling", "pyinotify", "gamin"]
    for number, name in enumerate(names):
        fail(server.jail(name, backend=name), f"203.0.113.{number}")
    server.start()
    until_banned(server, len(names))
    assert not server.status()["problems"]


def test_server_when_killed_then_lines_that_led_to_nothing_do_no_harm_and_failures_count_once(server: Server) -> None:
    log = server.jail()
    log.touch()
    server.start()
    for number in range(2):
        fail(log, "203.0.113.7", 1)
        with log.open("a") as file:
            file.write("2026-11-21 10:00:00 app: all is well\n" * 100)
        until_found(server, "203.0.113.7", number + 1)
        server.end(signal.SIGKILL)
        server.start()
    fail(log, "198.51.100.9")
    wait_for(lambda: server.banned() == ["198.51.100.9"])
    assert server.said().count("Found 203.0.113.7") == 2
