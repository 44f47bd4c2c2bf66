"""Following a real journal, written by systemd-journal-remote, through the real journalctl."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from f2b.loop import Loop
from f2b.source.entry import Entry
from f2b.source.journal import Journal

REMOTE = "/lib/systemd/systemd-journal-remote"


class Writer:
    """A journal that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        command = [REMOTE, f"--output={path}", "-"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def write(self, message: bytes, when: float, unit: str = "ssh.service") -> None:
        stamp = int(when * 1e6)
        fields = f"__REALTIME_TIMESTAMP={stamp}\n__MONOTONIC_TIMESTAMP={stamp % 10**12}\n_BOOT_ID={'a' * 32}\n"
        fields += f"_HOSTNAME=h\nSYSLOG_IDENTIFIER=sshd\n_PID=7\n_SYSTEMD_UNIT={unit}\n"
        assert self.process.stdin
        self.process.stdin.write(fields.encode() + b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n\n")
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Reader:
    """A Journal on a loop of its own, and what it gave out."""

    def __init__(self, path: Path, cursor: str = "", since: float = 0, match: Sequence[str] = ()) -> None:
        self.loop = Loop()
        self.entries: list[Entry] = []
        self.lives: list[bool] = []
        self.told: list[str] = []
        self.journal = Journal(self.loop, match, self._take, self.told.append, cursor, since, [f"--file={path}"])

    def _take(self, entries: Sequence[Entry], live: bool) -> None:
        self.entries += entries
        self.lives += [live] * len(entries)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, (self.entries, self.told)
            self.loop.turn(0.05)

    def texts(self) -> list[str]:
        return [entry.text for entry in self.entries]

    def close(self) -> None:
        self.journal.close()
        self.loop.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "test.journal")
    writer.write(b"old", time.time() - 5000)
    writer.write(b"two\nlines \xff", time.time() - 20)
    writer.write(b"other", time.time() - 10, "other.service")
    deadline = time.monotonic() + 60
    while not writer.path.exists() or b"other.service" not in writer.path.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield writer
    writer.close()


def test_journal_when_followed_then_since_and_match_choose_and_new_ones_are_live(writer: Writer) -> None:
    reader = Reader(writer.path, since=time.time() - 600, match=["_SYSTEMD_UNIT=ssh.service"])
    reader.until(lambda: len(reader.entries) == 1)
    writer.write(b"x" * 6000, time.time() + 1)
    reader.until(lambda: len(reader.entries) == 2)
    assert reader.texts() == ["h sshd[7]: two\\nlines \ufffd", "h sshd[7]: " + "x" * 6000]
    assert reader.lives == [False, True]
    reader.close()


def test_journal_when_alternatives_match_then_both_come(writer: Writer) -> None:
    match = ["_SYSTEMD_UNIT=ssh.service _PID=7", "_SYSTEMD_UNIT=other.service"]
    reader = Reader(writer.path, match=match)
    reader.until(lambda: len(reader.entries) == 3)
    reader.close()


def test_journal_when_read_again_from_a_cursor_then_nothing_twice(writer: Writer) -> None:
    reader = Reader(writer.path)
    reader.until(lambda: len(reader.entries) == 3)
    reader.close()
    writer.write(b"new", time.time() + 1)
    again = Reader(writer.path, reader.entries[1].cursor)
    again.until(lambda: len(again.entries) == 2)
    assert again.texts() == ["h sshd[7]: other", "h sshd[7]: new"]
    again.close()


def test_journalctl_when_killed_then_started_again_after_the_last_entry(writer: Writer) -> None:
    reader = Reader(writer.path)
    reader.until(lambda: len(reader.entries) == 3)
    process = reader.journal._process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    reader.until(lambda: bool(reader.told))
    assert "journalctl ended" in reader.told[0]
    writer.write(b"new", time.time() + 1)
    reader.until(lambda: len(reader.entries) == 4)
    assert reader.texts()[-1] == "h sshd[7]: new"
    assert reader.told[1:] == [""]
    reader.close()


def test_journal_when_quiet_then_late_entries_count_as_live(writer: Writer) -> None:
    reader = Reader(writer.path)
    reader.until(lambda: len(reader.entries) == 3)
    started = time.monotonic()
    reader.until(lambda: time.monotonic() > started + 2.3)
    writer.write(b"an old stamp", time.time() - 300)
    reader.until(lambda: len(reader.entries) == 4)
    assert reader.lives == [False, False, False, True]
    reader.close()


def test_journal_when_cursor_or_file_is_bad_then_told_and_tried_again(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "missing.journal", "nonsense")
    reader.until(lambda: bool(reader.told))
    assert "journalctl ended: " in reader.told[0]
    reader.close()


def test_journalctl_when_missing_then_told_with_the_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = Reader(tmp_path / "test.journal")
    assert reader.told == [
        "journalctl cannot be started: No such file or directory; install systemd, or set backend and logpath"
    ]
    reader.close()
