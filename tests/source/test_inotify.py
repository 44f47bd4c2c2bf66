"""inotify by hand: what the kernel tells of files and folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.source import inotify
from f2b.source.inotify import Inotify


@pytest.fixture
def queue() -> Iterator[Inotify]:
    made = Inotify()
    yield made
    made.close()


def test_read_when_nothing_happened_then_it_returns_at_once(queue: Inotify) -> None:
    assert queue.read() == []


def test_read_when_a_watched_file_is_written_then_it_bears_the_watchs_number(queue: Inotify, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    number = queue.add(str(log), inotify.MODIFY)
    log.write_text("line\n")
    assert queue.read() == [(number, inotify.MODIFY, "")]


@pytest.mark.parametrize("name", ["a", "auth.log", "n" * 255, "ä", os.fsdecode(b"\xff\xfe")])
def test_read_when_a_folder_gets_an_entry_then_its_name_comes_whole(
    queue: Inotify, tmp_path: Path, name: str
) -> None:
    number = queue.add(str(tmp_path), inotify.CREATE | inotify.DELETE)
    (tmp_path / name).touch()
    (tmp_path / name).unlink()
    assert queue.read() == [(number, inotify.CREATE, name), (number, inotify.DELETE, name)]


def test_read_when_there_is_more_than_one_read_takes_then_all_of_it_comes(queue: Inotify, tmp_path: Path) -> None:
    queue.add(str(tmp_path), inotify.CREATE)
    names = [f"{number:0200}" for number in range(500)]
    for name in names:
        (tmp_path / name).touch()
    assert [name for _, _, name in queue.read()] == names


def test_add_when_the_path_is_missing_then_it_says_so(queue: Inotify, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        queue.add(str(tmp_path / "none"), inotify.MODIFY)


def test_remove_when_asked_then_the_kernel_says_that_the_watch_is_no_more(queue: Inotify, tmp_path: Path) -> None:
    number = queue.add(str(tmp_path), inotify.CREATE)
    queue.remove(number)
    assert queue.read() == [(number, inotify.IGNORED, "")]
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        queue.remove(number)


def test_add_when_a_mask_is_added_then_both_hold(queue: Inotify, tmp_path: Path) -> None:
    first = queue.add(str(tmp_path), inotify.MASK_ADD | inotify.CREATE)
    assert queue.add(str(tmp_path), inotify.MASK_ADD | inotify.DELETE) == first
    (tmp_path / "a").touch()
    (tmp_path / "a").unlink()
    assert [what for _, what, _ in queue.read()] == [inotify.CREATE, inotify.DELETE]
