"""What the database does about its own troubles: nothing that waits is lost or written twice."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from f2b.errors import StoreError
from f2b.events import Ban
from f2b.source.position import Position
from f2b.store import Store
from f2b.store.backlog import Backlog, Change
from f2b.value import replace

NOW = 1_800_000_000.0


def ban(number: int, duration: float = 600, matches: tuple[str, ...] = ()) -> Ban:
    return Ban("app", f"198.51.{number // 250}.{number % 250 + 1}", NOW, duration, 3, matches)


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[tuple[str, str]]) -> Iterator[Store]:
    store = Store(str(tmp_path / "db"), lambda level, text: told.append((level, text)))
    yield store
    store.close()


def locked(store: Store) -> sqlite3.Connection:
    """Return another program that has the database locked until it is closed."""
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def rows(path: str) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT ip, bantime FROM bans ORDER BY ip").fetchall()


def test_backlog_when_a_thing_changes_again_then_it_waits_once_and_in_its_last_place() -> None:
    backlog = Backlog(most=2)
    first, other, second = Change("a", (("1", ()),)), Change("b", ()), Change("a", (("2", ()),))
    backlog.add([first, other, second])
    backlog.trim()
    assert list(backlog) == [other, second]
    assert not backlog.overflown
    backlog.add([Change("c", ())])
    backlog.trim()
    assert [change.what for change in backlog] == ["a", "c"]
    assert backlog.overflown


def test_writes_when_the_database_is_locked_then_all_are_written_in_their_order_later(store: Store) -> None:
    with closing(locked(store)):
        for number in range(3):
            with pytest.raises(StoreError, match="end the other program"):
                store.ban(ban(number))
        with pytest.raises(StoreError):
            store.ban(ban(0, 1200))
        with pytest.raises(StoreError):
            store.forget("app", ban(1).id)
    store.retry()
    assert not store.trouble
    assert not store.gap
    assert rows(store.path) == [(ban(0).id, 1200), (ban(2).id, 600)]


def test_position_when_a_ban_before_it_waits_then_it_waits_too(store: Store) -> None:
    """Else a crash would lose the ban: its lines would count as read."""

    def write() -> None:
        with store.turn():
            store.ban(ban(1))
            store.save_position("app", "/log", Position("a", 1, 1))

    with closing(locked(store)), pytest.raises(StoreError):
        write()
    with pytest.raises(StoreError, match="end the other program"):
        store.save_position("app", "/log", Position("a", 2, 1))  # too early to try again
    assert store.position("app", "/log") is None
    store.retry()
    assert store.position("app", "/log") == Position("a", 2, 1)
    assert rows(store.path) == [(ban(1).id, 600)]


def test_change_that_can_never_be_written_costs_only_itself(store: Store) -> None:
    def write() -> None:
        with store.turn():
            store.ban(ban(1))
            store.ban(Ban("app", "\udc80", NOW, 600))  # no UTF-8
            store.ban(ban(2))

    with pytest.raises(StoreError):
        write()
    assert [ip for ip, _ in rows(store.path)] == [ban(1).id, ban(2).id]
    store.ban(ban(3))
    assert len(rows(store.path)) == 3


def test_file_that_turns_corrupt_is_set_aside_and_what_was_to_be_written_is(
    tmp_path: Path, store: Store, told: list[tuple[str, str]]
) -> None:
    path = Path(store.path)
    with store.turn():
        for number in range(2000):
            store.ban(ban(number, matches=("x" * 500,) * 5))
    store.close()
    again = Store(store.path, lambda level, text: told.append((level, text)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(size - 8192 - size % 4096))

    def write() -> None:
        for number in range(2000):
            again.ban(ban(number, 1200))

    with pytest.raises(StoreError):
        write()
    assert again.gap, "all that is in force must be written anew"
    again.retry()
    again.ban(ban(9999))
    assert ban(9999).id in {ip for ip, _ in rows(store.path)}
    assert any(level == "ERROR" and "is corrupt" in text and "rows of it" in text for level, text in told)
    assert len(list(tmp_path.glob("db.2*"))) >= 1
    again.close()


def test_shared_memory_when_cut_off_under_the_store_then_it_goes_on(store: Store) -> None:
    store.ban(ban(1))
    os.truncate(f"{store.path}-shm", 0)
    store.ban(ban(2))
    assert [found.id for found in store.restore("app", NOW)] == ["198.51.0.2", "198.51.0.3"]


@pytest.mark.parametrize("hurt", [os.unlink, lambda path: os.truncate(path, 0)])
def test_log_of_the_database_when_it_goes_then_all_must_be_written_anew_and_is_kept(
    store: Store, hurt: Callable[[str], None]
) -> None:
    store.ban(ban(1))
    hurt(f"{store.path}-wal")
    store.retry()
    assert store.gap
    store.ban(ban(2))
    assert "198.51.0.3" in [ip for ip, _ in rows(store.path)]


def test_ban_from_the_future_when_restored_then_it_begins_now(store: Store) -> None:
    store.ban(replace(ban(1), time=NOW + 1e8))
    (found,) = store.restore("app", NOW)
    assert (found.time, found.end) == (NOW, NOW + 600)


def test_rows_that_hold_no_numbers_when_read_then_they_are_as_if_they_were_not_there(store: Store) -> None:
    store.ban(ban(1))
    store.save_position("app", "/log", Position("md5", 7, 9))
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("UPDATE bips SET timeofban = 'soon', bantime = -1")
        db.execute("UPDATE logs SET lastfilepos = 'far'")
        db.execute("UPDATE f2b_positions SET lastfilepos = 'far', inode = 'none'")
        db.execute("INSERT INTO f2b_allowed VALUES ('192.0.2.1', 'later'), ('192.0.2.2', 9e999)")
        db.execute("INSERT INTO f2b_logins VALUES ('192.0.2.1', 'ann', 'then')")
        db.execute("INSERT INTO f2b_counters VALUES ('app', '192.0.2.1', 'x', 1, 'y', 1, '{')")
        db.commit()
    assert not list(store.restore("app", NOW))
    assert store.position("app", "/log") == Position("md5", 0, 0)
    assert store.allowed(NOW) == {"192.0.2.2": float("inf")}
    assert not store.arrivals(0)
    assert not store.load_counters("app")
