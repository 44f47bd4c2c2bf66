"""Following logs in a real folder, by inotify and by polling, with the real logrotate."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from f2b.loop import Loop
from f2b.source.files import Files
from f2b.source.position import Position

PATIENCE = 60.0


class Follower:
    """A Files on a loop of its own, and what it gave out."""

    def __init__(self, polling: bool, late: float = 60) -> None:
        self.loop = Loop()
        self.lines: list[tuple[str, bytes]] = []
        self.lives: list[bool] = []
        self.told: list[tuple[str, str]] = []
        self.positions: dict[str, Position] = {}
        self.files = Files(self.loop, self._take, self._hear, polling=polling, every=0.1, late=late)

    def _take(self, path: str, chunk: bytes, position: Position, live: bool) -> None:
        self.lines += [(Path(path).name, line) for line in chunk.splitlines()]
        self.lives.append(live)
        self.positions[path] = position

    def _hear(self, path: str, trouble: str) -> None:
        self.told.append((Path(path).name, trouble))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (self.lines, self.told)
            self.loop.turn(0.02)

    def until_lines(self, *lines: bytes) -> None:
        """Wait for these lines, in any order, and none besides."""
        self.until(lambda: len(self.lines) >= len(lines))
        for _ in range(5):
            self.loop.turn(0.01)
        assert sorted(line for _, line in self.lines) == sorted(lines)

    def close(self) -> None:
        self.files.close()
        self.loop.close()


@pytest.fixture(params=[False, True], ids=["inotify", "polling"])
def follower(request: pytest.FixtureRequest) -> Iterator[Follower]:
    follower = Follower(request.param)
    assert follower.files.backend == ("polling" if request.param else "inotify")
    yield follower
    follower.close()


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def test_log_when_written_then_lines_come_live_after_the_first_end(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    append(log, "one", "two")
    follower.files.add(str(log))
    follower.until_lines(b"one", b"two")
    assert follower.lives == [False]
    append(log, "three")
    follower.until_lines(b"one", b"two", b"three")
    assert follower.lives == [False, True]
    assert follower.positions[str(log)].offset == log.stat().st_size


@pytest.mark.parametrize("how", ["create", "copytruncate", "nocreate"])
def test_log_when_logrotate_rotates_it_then_each_line_comes_once(
    tmp_path: Path, follower: Follower, how: str
) -> None:
    log = tmp_path / "a.log"
    append(log, "before")
    follower.files.add(str(log))
    follower.until_lines(b"before")
    config = tmp_path / "rotate.conf"
    config.write_text(f"{log} {{\n rotate 3\n size 1\n {how}\n}}\n")
    config.chmod(0o644)
    expected = [b"before"]
    for turn in range(3):
        subprocess.run(["logrotate", "-f", "-s", str(tmp_path / "state"), str(config)], check=True)
        append(log, f"after {turn} and longer than what was there before", f"second {turn}")
        expected += [f"after {turn} and longer than what was there before".encode(), f"second {turn}".encode()]
        follower.until_lines(*expected)
    assert (tmp_path / "a.log.3").exists()


def test_log_when_renamed_then_late_lines_come_from_the_old_file(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    append(log, "one")
    follower.files.add(str(log))
    follower.until_lines(b"one")
    with log.open("a") as writer:
        log.rename(tmp_path / "a.log.1")
        writer.write("late\n")
        writer.flush()
        append(log, "new")
        follower.until_lines(b"one", b"late", b"new")
        assert follower.lines[1:] == [("a.log", b"late"), ("a.log", b"new")]
        writer.write("later\n")
        writer.flush()
        follower.until_lines(b"one", b"late", b"new", b"later")


def test_glob_when_files_appear_then_they_are_followed_and_all_else_is_told_once(
    tmp_path: Path, follower: Follower
) -> None:
    (tmp_path / "sites" / "one").mkdir(parents=True)
    (tmp_path / "sites" / "one" / "dir.log").mkdir()
    (tmp_path / "sites" / "one" / "dangling.log").symlink_to(tmp_path / "nowhere")
    follower.files.add(str(tmp_path / "sites" / "*" / "*.log"))
    follower.files.add(str(tmp_path / "missing.log"))
    follower.files.add(str(tmp_path / "none-*"))
    follower.until(lambda: len(follower.told) >= 4)
    assert {path for path, _ in follower.told} == {"dir.log", "dangling.log", "missing.log", "none-*"}
    assert len(follower.files.troubles) == 4
    append(tmp_path / "sites" / "one" / "a.log", "a")
    append(tmp_path / "sites" / "one" / "a.log.1.gz", "compressed")
    append(tmp_path / "missing.log", "b")
    follower.until_lines(b"a", b"b")
    (tmp_path / "sites" / "two").mkdir()
    append(tmp_path / "sites" / "two" / "c.log", "c")
    append(tmp_path / "nowhere", "d")
    follower.until_lines(b"a", b"b", b"c", b"d")
    assert ("missing.log", "") in follower.told
    assert len(follower.told) == len(set(follower.told))


def test_glob_when_it_covers_rotated_names_then_no_line_comes_twice(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    append(log, "one")
    follower.files.add(str(tmp_path / "a.log*"))
    follower.until_lines(b"one")
    expected = [b"one"]
    for turn in range(1, 4):
        for number in range(turn - 1, 0, -1):
            (tmp_path / f"a.log.{number}").rename(tmp_path / f"a.log.{number + 1}")
        log.rename(tmp_path / "a.log.1")
        append(log, f"new {turn}")
        expected.append(f"new {turn}".encode())
        follower.until_lines(*expected)


def test_glob_when_a_link_and_its_target_match_then_the_file_is_followed_once(
    tmp_path: Path, follower: Follower
) -> None:
    append(tmp_path / "app-1.log", "one")
    (tmp_path / "current.log").symlink_to(tmp_path / "app-1.log")
    follower.files.add(str(tmp_path / "*.log"))
    follower.until_lines(b"one")
    append(tmp_path / "app-1.log", "two")
    follower.until_lines(b"one", b"two")


def test_link_when_it_leads_elsewhere_then_followed_there(tmp_path: Path, follower: Follower) -> None:
    (tmp_path / "x").mkdir()
    append(tmp_path / "x" / "1", "one")
    append(tmp_path / "x" / "2", "two")
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "x" / "1")
    follower.files.add(str(link))
    follower.until_lines(b"one")
    (tmp_path / "new").symlink_to(tmp_path / "x" / "2")
    (tmp_path / "new").rename(link)
    follower.until_lines(b"one", b"two")
    append(tmp_path / "x" / "2", "three")
    follower.until_lines(b"one", b"two", b"three")


def test_fifo_when_followed_then_refused_without_hanging(tmp_path: Path, follower: Follower) -> None:
    os.mkfifo(tmp_path / "fifo")
    append(tmp_path / "a.log", "a")
    follower.files.add(str(tmp_path / "fifo"))
    follower.files.add("/dev/zero")
    follower.files.add(str(tmp_path / "a.log"))
    follower.until_lines(b"a")
    assert "a FIFO" in follower.files.troubles[str(tmp_path / "fifo")]
    assert "a device" in follower.files.troubles["/dev/zero"]


def test_removed_when_added_again_then_goes_on_where_it_was(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    append(log, "one")
    follower.files.add(str(log))
    follower.until_lines(b"one")
    follower.files.remove(str(log))
    append(log, "two")
    follower.files.add(str(log))
    follower.until_lines(b"one", b"two")


def test_tail_when_started_then_only_what_comes_later(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    append(log, "old")
    follower.files.add(str(log), tail=True)
    append(log, "new")
    follower.until_lines(b"new")
    assert follower.lives == [True]


def test_several_logs_when_long_then_read_in_turn(tmp_path: Path, follower: Follower) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes((b"x" * 99 + b"\n") * 20_000)
        follower.files.add(str(tmp_path / name))
    order: list[str] = []
    follower.until(lambda: len(follower.lines) >= 10_000)
    order = [name for name, _ in follower.lines]
    assert {"a.log", "b.log"} == set(order)
    follower.until(lambda: len(follower.lines) == 40_000)


def test_unreadable_log_when_made_readable_then_read(tmp_path: Path) -> None:
    """As root nothing is unreadable: done by a child without rights."""
    code = f"""
import os, sys
from f2b.source.tail import Tail
os.setgid(65534); os.setuid(65534)
tail = Tail({str(tmp_path / "a.log")!r})
assert tail.read() is None
print(tail.trouble, flush=True)
sys.stdin.readline()
print(tail.read().data, tail.trouble, flush=True)
"""
    append(tmp_path / "a.log", "a")
    (tmp_path / "a.log").chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    )
    assert child.stdout
    assert "Permission denied; let the user that f2b runs as read it" in child.stdout.readline()
    (tmp_path / "a.log").chmod(0o644)
    out, _ = child.communicate("\n")
    assert out == "b'a\\n' \n"
