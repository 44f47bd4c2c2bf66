"""Following logs in a real folder, by inotify and by polling, with the real logrotate."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from f2b.loop import Loop
from f2b.source import pattern, watch
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


@pytest.mark.parametrize("pattern", ["*.log", "*"])
def test_glob_when_a_new_file_is_renamed_at_once_then_what_was_and_is_written_to_it_comes(
    tmp_path: Path, pattern: str
) -> None:
    follower, log = Follower(polling=False), tmp_path / "a.log"
    append(tmp_path / "other.log", "other")
    follower.files.add(f"{tmp_path}/{pattern}")
    follower.until_lines(b"other")
    for turn in range(3):
        append(log, f"{turn}: first")
        follower.until(lambda: str(log) in follower.files.tails)
        follower.loop.turn(0)
        with log.open("a") as writer:
            log.rename(tmp_path / f"a.{turn}")
            print(f"{turn}: second", file=writer)
    expected = [f"{turn}: {which}".encode() for turn in range(3) for which in ("first", "second")]
    follower.until_lines(b"other", *expected)
    follower.close()


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


def test_many_files_when_others_come_and_go_beside_a_log_then_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(False)
    for number in range(3000):
        (tmp_path / f"{number}.txt").touch()
    append(tmp_path / "a.log", "one")
    follower.files.add(str(tmp_path / "*.log"))
    follower.until_lines(b"one")
    asked: list[str] = []

    def expand(wanted: str) -> Sequence[str]:
        asked.append(wanted)
        return [str(tmp_path / "a.log"), str(tmp_path / "b.log")]

    monkeypatch.setattr(pattern, "expand", expand)
    for number in range(500):
        (tmp_path / f"{number}.txt").unlink()
        (tmp_path / f"{number}.new").touch()
    append(tmp_path / "a.log", "two")
    follower.until_lines(b"one", b"two")
    assert not asked
    append(tmp_path / "b.log", "three")
    follower.until_lines(b"one", b"two", b"three")
    follower.close()


def test_thousands_of_logs_when_followed_then_each_is_read_and_new_ones_too(tmp_path: Path) -> None:
    follower = Follower(False)
    for number in range(500):
        append(tmp_path / f"{number}.log", f"line {number}")
    follower.files.add(str(tmp_path / "*.log"))
    expected = [f"line {number}".encode() for number in range(500)]
    follower.until_lines(*expected)
    append(tmp_path / "499.log", "more")
    append(tmp_path / "new.log", "new")
    follower.until_lines(*expected, b"more", b"new")
    follower.close()


def test_inotify_when_it_has_no_watches_left_then_told_and_polled(tmp_path: Path) -> None:
    """In a user namespace, which has a limit of its own, so that nobody else notices."""
    code = """
import sys
from pathlib import Path
Path("/proc/sys/user/max_inotify_watches").write_text("2")
from tests.source.test_files import Follower, append
folder = Path(sys.argv[1])
for name in ("a.log", "b.log", "c.log"):
    append(folder / name, "one")
follower = Follower(False)
follower.files.add(str(folder / "*.log"))
follower.until_lines(b"one", b"one", b"one")
follower.until(lambda: follower.told)
for name in ("a.log", "b.log", "c.log"):
    append(folder / name, "two " + name)
follower.until_lines(*[b"one"] * 3, b"two a.log", b"two b.log", b"two c.log")
((path, text),) = follower.told
assert path == "" and "inotify is exhausted" in text and "max_user_watches" in text, text
"""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("way", ["numbers", "dates"])
def test_log_when_rotated_several_times_between_two_looks_then_nothing_is_lost(
    tmp_path: Path, follower: Follower, way: str
) -> None:
    log = tmp_path / "a.log"
    append(log, "one")
    follower.files.add(str(log))
    follower.until_lines(b"one")
    append(log, "two")
    for turn in range(3):
        if way == "dates":
            log.rename(tmp_path / f"a.log-2026112{turn}")
        else:
            for number in range(turn, 0, -1):
                (tmp_path / f"a.log.{number}").rename(tmp_path / f"a.log.{number + 1}")
            log.rename(tmp_path / "a.log.1")
        append(log, f"new {turn}")
    follower.until_lines(b"one", b"two", b"new 0", b"new 1", b"new 2")
    assert [line for _, line in follower.lines] == [b"one", b"two", b"new 0", b"new 1", b"new 2"]


def test_log_on_a_network_disk_when_others_write_there_then_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no such disk here: this one is called one."""
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 {os.major(device)}:{os.minor(device)} / /srv rw,noatime master:1 - nfs4 host:/srv rw\n")
    monkeypatch.setattr(watch, "MOUNTS", mounts)
    found: list[str] = []
    loop = Loop()
    watched = watch.Watch(loop, found.append, found.append, every=0.05)
    append(tmp_path / "a.log", "one")
    watched.set([str(tmp_path / "a.log")], [str(tmp_path)])
    assert watched.backend == "inotify"
    assert not watched.complete
    append(tmp_path / "a.log", "two")
    while not found:
        loop.turn(20)
    assert found == [str(tmp_path / "a.log")]
    watched.close()
    loop.close()


def test_dated_log_when_the_day_changes_then_the_new_file_is_read_from_its_beginning(
    tmp_path: Path, follower: Follower
) -> None:
    append(tmp_path / "access-20261120.log", "old")
    follower.files.add(str(tmp_path / "access-*.log"), tail=True)
    append(tmp_path / "access-20261120.log", "late")
    append(tmp_path / "access-20261121.log", "first")
    follower.until_lines(b"late", b"first")


def test_log_when_moved_to_another_folder_and_compressed_then_its_rest_is_read(
    tmp_path: Path, follower: Follower
) -> None:
    log = tmp_path / "a.log"
    append(log, "one")
    follower.files.add(str(log))
    follower.until_lines(b"one")
    append(log, "two")
    (tmp_path / "old").mkdir()
    log.rename(tmp_path / "old" / "a.log.1")
    subprocess.run(["gzip", str(tmp_path / "old" / "a.log.1")], check=True)
    append(log, "three")
    follower.until_lines(b"one", b"two", b"three")


def test_log_when_deleted_and_made_anew_then_each_line_comes_once(tmp_path: Path, follower: Follower) -> None:
    log = tmp_path / "a.log"
    expected = []
    follower.files.add(str(log))
    for turn in range(5):
        log.unlink(missing_ok=True)
        append(log, f"new {turn}")
        expected.append(f"new {turn}".encode())
        follower.until_lines(*expected)
