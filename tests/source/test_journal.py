"""Following real journals, written by systemd-journal-remote, by libsystemd and by the real journalctl."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from f2b.loop import Loop
from f2b.source import libsystemd
from f2b.source.entry import Entry, Place
from f2b.source.journal import Journal
from f2b.source.journalctl import Journalctl
from tests.source.journals import Writer


class Reader:
    """A Journal on a loop of its own, and what it gave out."""

    def __init__(
        self, path: Path, native: bool, cursor: str = "", since: float = 0, match: Sequence[str] = ()
    ) -> None:
        self.loop = Loop()
        self.entries: list[Entry] = []
        self.lives: list[bool] = []
        self.told: list[str] = []
        where = Place(files=(str(path),))
        self.journal = Journal(self.loop, match, self._take, self.told.append, cursor, since, where, native=native)

    def _take(self, entries: Sequence[Entry], live: bool) -> None:
        self.entries += entries
        self.lives += [live] * len(entries)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, (self.entries, self.told)
            self.loop.turn(0.05)

    def until_last(self, text: str) -> None:
        self.until(lambda: self.texts()[-1:] == [text])

    def texts(self) -> list[str]:
        return [entry.text for entry in self.entries]

    def close(self) -> None:
        self.journal.close()
        self.loop.close()


@pytest.fixture(params=[True, False], ids=["libsystemd", "journalctl"])
def native(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "test.journal")
    writer.write(b"old", time.time() - 5000)
    writer.write(b"two\nlines \xff", time.time() - 20)
    writer.write(b"other", time.time() - 10, _SYSTEMD_UNIT="other.service")
    deadline = time.monotonic() + 60
    while not writer.path.exists() or b"other.service" not in writer.path.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield writer
    writer.close()


def test_journal_when_followed_then_since_and_match_choose_and_new_ones_live(writer: Writer, native: bool) -> None:
    reader = Reader(writer.path, native, since=time.time() - 600, match=["_SYSTEMD_UNIT=ssh.service"])
    reader.until(lambda: len(reader.entries) == 1)
    assert reader.journal.reader
    assert reader.journal.reader.name == ("libsystemd" if native else "journalctl")
    writer.write(b"x" * 100_000, time.time() + 1)
    reader.until(lambda: len(reader.entries) == 2)
    assert reader.texts() == ["h sshd[7]: two\\nlines \ufffd", "h sshd[7]: " + "x" * 100_000]
    assert reader.lives == [False, True]
    reader.close()


def test_journal_when_alternatives_match_then_both_come(writer: Writer, native: bool) -> None:
    match = ["_SYSTEMD_UNIT=ssh.service _PID=7 + NO=such", "_SYSTEMD_UNIT=other.service"]
    reader = Reader(writer.path, native, match=match)
    reader.until(lambda: len(reader.entries) == 3)
    reader.close()


def test_journal_when_read_again_from_a_cursor_then_nothing_twice(writer: Writer, native: bool) -> None:
    reader = Reader(writer.path, native)
    reader.until(lambda: len(reader.entries) == 3)
    reader.close()
    writer.write(b"new", time.time() + 1)
    again = Reader(writer.path, native, reader.entries[1].cursor)
    again.until(lambda: len(again.entries) == 2)
    assert again.texts() == ["h sshd[7]: other", "h sshd[7]: new"]
    again.close()


def test_journal_when_read_again_from_a_time_then_nothing_of_that_time_twice(writer: Writer, native: bool) -> None:
    reader = Reader(writer.path, native)
    reader.until(lambda: len(reader.entries) == 3)
    reader.close()
    again = Reader(writer.path, native, since=reader.entries[1].time)
    again.until(lambda: len(again.entries) == 1)
    assert again.texts() == ["h sshd[7]: other"]
    again.close()


def test_entries_of_every_kind_when_read_both_ways_then_the_same(writer: Writer) -> None:
    now = time.time()
    writer.write(b"", now, SYSLOG_PID="0012")
    writer.write(None, now + 1)
    writer.write(b"l\xe4tin \xc3\xa4 \0", now + 2, SYSLOG_IDENTIFIER="", _COMM="cc", _PID="")
    writer.write(b"kernel says", now + 3, SYSLOG_IDENTIFIER="kernel", _PID="")
    writer.write(b"early", now + 4, _SOURCE_REALTIME_TIMESTAMP=str(int((now - 500) * 1e6)), _HOSTNAME="")
    writer.write(b"x" * (2 << 20), now + 5)  # too long
    writer.write(b"y" * 70_000 + b"\n\n", now + 6, SYSLOG_IDENTIFIER=b"\xff\n")
    writer.write(b"end", now + 7)
    readers = [Reader(writer.path, native) for native in (True, False)]
    for reader in readers:
        reader.until_last("h sshd[7]: end")
        assert reader.journal.reader
        assert reader.journal.reader.overlong == 1
        reader.close()
    first, second = readers
    assert first.entries == second.entries
    assert len(first.entries) == 8


def test_journal_when_long_then_in_pieces_and_each_entry_once(tmp_path: Path, native: bool) -> None:
    writer = Writer(tmp_path / "test.journal")
    for number in range(3000):
        writer.write(b"%d" % number, 1_800_000_000 + number)
    writer.close()
    reader = Reader(writer.path, native)
    turns = 0
    while len(reader.entries) < 3000:
        reader.loop.turn(20)
        turns += 1
    assert reader.texts() == [f"h sshd[7]: {number}" for number in range(3000)]
    assert turns > 3
    reader.close()


def test_journalctl_when_killed_then_started_again_after_the_last_entry(writer: Writer) -> None:
    reader = Reader(writer.path, False)
    reader.until(lambda: len(reader.entries) == 3)
    assert isinstance(reader.journal.reader, Journalctl)
    os.kill(reader.journal.reader.process.pid, signal.SIGKILL)
    reader.until(lambda: bool(reader.told))
    assert "journalctl ended" in reader.told[0]
    writer.write(b"new", time.time() + 1)
    reader.until(lambda: len(reader.entries) == 4)
    assert reader.texts()[-1] == "h sshd[7]: new"
    assert reader.told[1:] == [""]
    reader.close()


def test_journal_when_quiet_then_late_entries_count_as_live(writer: Writer, native: bool) -> None:
    reader = Reader(writer.path, native)
    reader.until(lambda: reader.journal.live)
    assert len(reader.entries) == 3
    writer.write(b"an old stamp", time.time() - 5)
    reader.until(lambda: len(reader.entries) == 4)
    assert reader.lives == [False, False, False, True]
    reader.close()


def test_journal_when_missing_then_told_and_read_once_it_is_there(tmp_path: Path, native: bool) -> None:
    reader = Reader(tmp_path / "*.journal", native, "nonsense")
    reader.until(lambda: bool(reader.told))
    assert reader.journal.trouble == reader.told[0] != ""
    writer = Writer(tmp_path / "test.journal")
    writer.write(b"here", time.time())
    writer.close()
    reader.until(lambda: len(reader.entries) == 1)
    assert reader.told[-1] == ""
    assert not reader.journal.trouble
    reader.close()


def test_journalmatch_when_it_is_none_then_told(writer: Writer, native: bool) -> None:
    reader = Reader(writer.path, native, match=["nonsense"])
    reader.until(lambda: bool(reader.told))
    assert "nonsense" in reader.told[0]
    reader.close()


def test_journal_when_rotated_and_vacuumed_then_nothing_is_lost(tmp_path: Path, native: bool) -> None:
    """A file that another one follows, in a folder: then the first is deleted, with it the cursor's entry."""
    first = Writer(tmp_path / "a.journal")
    first.write(b"one", time.time() - 20)
    first.close()
    reader = Reader(tmp_path / "*.journal", native)
    reader.journal.close()
    reader.journal = _in_folder(reader, tmp_path, native)
    reader.until(lambda: reader.texts() == ["h sshd[7]: one"])
    second = Writer(tmp_path / "b.journal")
    second.write(b"two", time.time() - 10)
    reader.until(lambda: reader.texts()[1:] == ["h sshd[7]: two"])
    first.path.unlink()
    second.write(b"three", time.time() - 5)
    second.close()
    reader.until(lambda: reader.texts()[2:] == ["h sshd[7]: three"])
    reader.close()
    again = Reader(second.path, native, reader.entries[0].cursor, reader.entries[0].time)
    again.until(lambda: again.texts() == ["h sshd[7]: two", "h sshd[7]: three"])
    again.close()


def _in_folder(reader: Reader, folder: Path, native: bool) -> Journal:
    where = Place(directory=str(folder))
    return Journal(reader.loop, (), reader._take, reader.told.append, where=where, native=native)


def test_libsystemd_when_missing_then_journalctl_with_the_reason(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsystemd, "LIBRARY", "libsystemd.so.no")
    reader = Reader(writer.path, True)
    reader.until(lambda: len(reader.entries) == 3)
    assert "libsystemd cannot be used: libsystemd.so.no" in reader.told[0]
    assert "journalctl is used instead" in reader.told[0]
    assert not reader.journal.trouble
    reader.close()


def test_journalctl_when_missing_too_then_told_with_the_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = Reader(tmp_path / "test.journal", False)
    assert reader.told == [
        "journalctl cannot be started: No such file or directory; install systemd, or set backend and logpath"
    ]
    reader.close()


def test_inotify_when_exhausted_then_told_and_looked_at_each_second(writer: Writer) -> None:
    """A descriptor less than inotify needs: the limit of this process, not the machine's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = Reader(writer.path, True)
    assert probe.journal.reader
    inotify = probe.journal.reader.fd
    probe.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (inotify, hard))
    try:
        reader = Reader(writer.path, True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "looked at once a second" in reader.told[0]
    reader.until(lambda: len(reader.entries) == 3)
    writer.write(b"new", time.time() + 1)
    reader.until(lambda: len(reader.entries) == 4)
    reader.close()


def test_libsystemd_when_no_jail_reads_the_journal_then_not_loaded() -> None:
    code = "import sys, f2b.daemon.server; print([name for name in sys.modules if 'libsystemd' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
