"""One log: what cannot be reached by rotating alone."""

from __future__ import annotations

import hashlib
import os
import resource
import time
from pathlib import Path

import pytest

from f2b.loop import Loop
from f2b.source.files import Files
from f2b.source.handle import MAX_LINE
from f2b.source.position import Position, same_first
from f2b.source.rotation import Facts, judge, over
from f2b.source.tail import Tail


def everything(tail: Tail, limit: int = 64 * 1024) -> bytes:
    found = b""
    while chunk := tail.read(limit):
        found += chunk.data
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_line_when_overlong_then_left_out_counted_and_the_next_one_read(log: Path) -> None:
    log.write_bytes(b"first\n" + b"x" * (3 * MAX_LINE + 5) + b"\nlast\n")
    tail = Tail(str(log))
    assert everything(tail) == b"first\nlast\n"
    assert tail.overlong == 1
    assert tail.lag == 0


def test_line_when_overlong_and_unfinished_then_the_position_stays_before_it(log: Path) -> None:
    log.write_bytes(b"first\n" + b"x" * (MAX_LINE + 5))
    tail = Tail(str(log))
    assert everything(tail) == b"first\n"
    assert tail.position
    assert tail.position.offset == 6
    with log.open("ab") as file:
        file.write(b"y\nlast\n")
    assert everything(tail) == b"last\n"
    assert tail.overlong == 1


@pytest.mark.parametrize(("before", "live"), [(b"", False), (b"\n", True), (b"unfinished", True)])
def test_lines_when_the_file_was_empty_before_then_they_are_taken_as_found_there(
    log: Path, before: bytes, live: bool
) -> None:
    """So does Fail2Ban: what comes first into an empty log counts by its own dates, what follows as just written."""
    log.write_bytes(before)
    tail = Tail(str(log))
    everything(tail)
    with log.open("ab") as file:
        file.write(b"first\n")
    chunk = tail.read()
    assert chunk
    assert chunk.live is live
    everything(tail)
    with log.open("ab") as file:
        file.write(b"second\n")
    later = tail.read()
    assert later
    assert later.live


def test_line_when_longer_than_a_chunk_then_whole(log: Path) -> None:
    line = b"x" * (MAX_LINE - 1) + b"\n"
    log.write_bytes(line + b"y\n")
    assert everything(Tail(str(log))) == line + b"y\n"


def test_utf16_when_read_then_split_at_its_newlines_only(log: Path) -> None:
    text = "one\u0a0d\ntwo\u010a\nthree\n"
    log.write_bytes(text.encode("utf-16-le") + b"x")
    tail = Tail(str(log), unit=b"\n\0")
    assert everything(tail, 8).decode("utf-16-le") == text


def test_truncated_when_the_writer_does_not_append_then_the_hole_is_passed_over(log: Path) -> None:
    with log.open("wb") as writer:
        writer.write(b"before\n" * 200_000)
        writer.flush()
        tail = Tail(str(log))
        everything(tail)
        os.truncate(log, 0)
        writer.write(b"after\n")
        writer.flush()
        assert everything(tail) == b"after\n"
        writer.write(b"more\n")
        writer.flush()
        assert everything(tail) == b"more\n"


def test_position_when_saved_then_fail2ban_would_understand_it(log: Path) -> None:
    log.write_bytes(b"first\nsecond\nunfinished")
    tail = Tail(str(log))
    everything(tail)
    assert tail.position == Position(hashlib.sha1(b"first\n").hexdigest(), 13, log.stat().st_ino)


def test_first_line_when_its_hash_is_md5_then_recognised() -> None:
    assert same_first(hashlib.md5(b"first\n").hexdigest(), b"first\n")
    assert not same_first(hashlib.md5(b"first\n").hexdigest(), b"other\n")
    assert same_first("", b"")


def test_renamed_while_the_server_was_down_then_the_rest_of_it_comes_first(log: Path) -> None:
    log.write_bytes(b"one\n")
    tail = Tail(str(log))
    everything(tail)
    tail.close()
    with log.open("ab") as file:
        file.write(b"two\n")
    log.rename(log.with_suffix(".1"))
    log.write_bytes(b"three\n")
    assert everything(Tail(str(log), tail.position)) == b"two\nthree\n"


@pytest.mark.parametrize("position", [Position("0" * 40, 4, 0), Position("", 0, 0)])
def test_position_when_of_another_file_then_from_the_beginning(log: Path, position: Position) -> None:
    log.write_bytes(b"one\ntwo\n")
    assert everything(Tail(str(log), position)) == b"one\ntwo\n"


def test_position_when_tail_is_asked_too_then_nothing_written_meanwhile_is_lost(log: Path) -> None:
    log.write_bytes(b"one\n")
    tail = Tail(str(log), tail=True)
    log.write_bytes(b"one\ntwo\n")
    assert everything(tail) == b"two\n"
    tail.close()
    log.write_bytes(b"one\ntwo\nthree\n")
    assert everything(Tail(str(log), tail.position, tail=True)) == b"three\n"


def test_old_file_when_quiet_for_long_then_let_go(log: Path) -> None:
    log.write_bytes(b"one\n")
    tail = Tail(str(log), late=0.02)
    everything(tail)
    log.rename(log.with_suffix(".1"))
    everything(tail)
    time.sleep(0.03)
    everything(tail)
    assert not tail.late  # it has no successor, so it still is the log
    log.write_bytes(b"two\n")
    assert everything(tail) == b"two\n"
    assert not tail.late


def test_deleted_file_when_nothing_follows_then_its_space_is_given_back(log: Path) -> None:
    log.write_bytes(b"one\n")
    tail = Tail(str(log), late=0.02)
    everything(tail)
    log.unlink()
    deadline = time.monotonic() + 60
    while any(str(log) in os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()):
        assert time.monotonic() < deadline
        everything(tail)
    log.write_bytes(b"two\n")
    assert everything(tail) == b"two\n"


def _descriptors() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")]


def test_seek_when_the_log_is_old_then_only_its_last_lines_are_read(log: Path) -> None:
    log.write_bytes(b"".join(b"%d some text\n" % number for number in range(50_000)))
    tail = Tail(str(log), opened=lambda tail: tail.seek(49_900, lambda line: float(line.split()[0])))
    lines = everything(tail).splitlines()
    assert 100 <= len(lines) < 400
    assert lines[-1] == b"49999 some text"


def test_inotify_when_exhausted_then_polled_and_told(log: Path) -> None:
    loop = Loop()
    told: list[str] = []
    lines: list[bytes] = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        files = Files(
            loop, lambda path, data, *_: lines.append(data), lambda path, text: told.append(text), every=0.05
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert files.backend == "polling"
    assert len(told) == 1
    assert "fs.inotify" in told[0]
    log.write_bytes(b"one\n")
    files.add(str(log))
    deadline = time.monotonic() + 60
    while lines != [b"one\n", b"two\n"]:
        assert time.monotonic() < deadline
        loop.turn(0.05)
        if lines == [b"one\n"]:
            log.write_bytes(b"one\ntwo\n")
    files.close()
    loop.close()


@pytest.mark.parametrize(
    ("known", "named", "verdict"),
    [
        (Position("h", 9, 1), Facts(1, 9, True), "go on"),
        (Position("h", 9, 1), Facts(1, 8, True), "start over"),
        (Position("h", 9, 1), Facts(1, 9, False), "start over"),
        (Position("h", 9, 1), Facts(1, 9, True, False), "start over"),
        (Position("h", 9, 1), Facts(2, 9, True), "go on"),
        (Position("h", 9, 1), Facts(2, 9, True, False), "switch"),
        (Position("h", 9, 1), Facts(2, 8, True), "switch"),
        (Position("h", 9, 1), Facts(2, 20, False), "switch"),
        (Position("", 0, 1), Facts(2, 0, True), "switch"),
        (Position("", 0, 1), Facts(1, 0, True), "go on"),
        (Position("h", 9, 0), Facts(2, 20, True), "go on"),
        (Position("h", 9, 0), Facts(2, 20, False), "start over"),
    ],
)
def test_judge_when_asked_then_by_inode_size_and_content(known: Position, named: Facts, verdict: str) -> None:
    assert judge(known, named) == verdict


@pytest.mark.parametrize(
    ("changed", "followed", "gone", "expected"),
    [
        (0, True, False, True),
        (50, True, False, False),
        (0, False, False, False),
        (0, False, True, True),
        (500, True, False, True),
    ],
)
def test_old_file_when_judged_then_over_after_a_minute(
    changed: float, followed: bool, gone: bool, expected: bool
) -> None:
    assert over(changed, 100, followed, gone) == expected


def test_log_of_a_gigabyte_when_sought_then_a_few_megabytes_are_read(log: Path) -> None:
    """Sparse: the lines are long, and hold nothing on disk but their dates."""
    step, size = 64 * 1024, 1 << 30
    with log.open("wb", buffering=0) as file:
        file.write(b"0")
        for number in range(1, size // step):
            os.pwrite(file.fileno(), b"\n%d " % number, number * step - 1)
        os.pwrite(file.fileno(), b"\n", size - 1)
    target = size // step - 5

    def read_by_now() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = read_by_now()
    tail = Tail(str(log), opened=lambda tail: tail.seek(target, lambda line: float(line.split()[0].strip(b"\0"))))
    lines = everything(tail).splitlines()
    assert int(lines[-5].split()[0]) == target
    assert read_by_now() - before < 16 << 20
