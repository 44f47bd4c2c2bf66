"""The database: real files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.counter import Tally
from f2b.ban.history import History
from f2b.errors import StoreError
from f2b.events import PERMANENT, Ban, Failure
from f2b.source.position import Position
from f2b.store import Store
from f2b.value import replace

NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "f2b.sqlite3")


@pytest.fixture
def store(path: str) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close()


def ban(key: str = "192.0.2.1", when: float = NOW, duration: float = 600, jail: str = "sshd", count: int = 1) -> Ban:
    return Ban(jail, key, when, duration, 3, ("first line", "second"), {"user": "eve"}, key, count)


def restored(store: Store, now: float, jail: str = "sshd") -> list[Ban]:
    return [found.ban(jail) for found in store.restore(jail, now)]


def test_file_when_new_then_private_and_in_fail2bans_format(path: str) -> None:
    told: list[str] = []
    Store(path, lambda _, text: told.append(text)).close()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert told == [
        f"Connected to fail2ban persistent database '{path}'",
        "New database created. Version '4'",
        "Connection to database closed.",
    ]
    db = sqlite3.connect(path)
    assert db.execute("SELECT version FROM fail2banDb").fetchall() == [(4,)]
    db.close()


def test_ban_when_restored_after_a_restart_then_the_same(path: str) -> None:
    store = Store(path)
    store.ban(ban())
    store.close()
    again = Store(path)
    assert restored(again, NOW + 599) == [replace(ban(), restored=True, matches=(), captures={})]
    assert [*map(again.recall, restored(again, NOW + 599))] == [replace(ban(), restored=True)]
    assert [*again.restore("sshd", NOW + 600)] == []
    assert [*again.restore("other", NOW)] == []
    again.close()


def test_recall_when_the_ban_is_not_on_record_or_not_restored_then_it_comes_back_as_it_is(store: Store) -> None:
    store.ban(ban())
    (light,) = restored(store, NOW)
    store.forget("sshd", light.id)
    assert store.recall(light) is light
    assert store.recall(fresh := ban()) is fresh


def test_ban_when_restored_and_then_prolonged_then_what_led_to_it_is_still_on_record(store: Store) -> None:
    store.ban(ban())
    (light,) = restored(store, NOW)
    store.ban(replace(light, duration=7200), prolonged=True)
    (longer,) = map(store.recall, restored(store, NOW))
    assert longer == replace(ban(), duration=7200, own_time=True, restored=True)


@given(
    captures=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name not in ("matches", "failures", "ip", "ip4", "ip6")),
        st.text() | st.lists(st.text()).map(tuple),
    ),
    matches=st.lists(st.text(st.characters(exclude_categories=())), max_size=10).map(tuple),
    key=st.text(st.characters(codec="utf-8")),
)
def test_ban_whatever_its_texts_when_restored_then_the_same(
    captures: dict[str, str | tuple[str, ...]], matches: tuple[str, ...], key: str
) -> None:
    store = Store(":memory:")
    given_ban = Ban("j", key, NOW, 600, 3, matches, captures)
    store.ban(given_ban)
    (light,) = restored(store, NOW, "j")
    found = store.recall(light)
    assert (found.id, found.matches, dict(found.captures)) == (key, matches, captures)
    assert light == replace(given_ban, matches=(), captures={}, restored=True, host=light.host)
    store.close()


@pytest.mark.parametrize(
    ("stored", "bantime", "increment", "maxtime", "age", "expected"),
    [
        (600, 600.0, False, None, 10, 600),
        (600, 60.0, False, None, 10, 60),
        (600, 60.0, False, None, 61, None),
        (600, 3600.0, False, None, 10, 600),
        (600, -1.0, False, None, 10, 600),
        (PERMANENT, -1.0, False, None, 10**6, PERMANENT),
        (PERMANENT, 600.0, False, None, 10, 600),
        (PERMANENT, 600.0, False, None, 601, None),
        (6000, 600.0, True, None, 1000, 6000),
        (6000, 600.0, True, 2000.0, 1000, 2000),
        (-2, 600.0, False, None, 10, 600),
        (PERMANENT, None, False, None, 10**6, PERMANENT),
    ],
)
def test_ban_when_restored_then_cut_as_fail2ban_does(
    store: Store,
    stored: float,
    bantime: float | None,
    increment: bool,
    maxtime: float | None,
    age: float,
    expected: float | None,
) -> None:
    store.ban(ban(duration=stored))
    found = [*store.restore("sshd", NOW + age, bantime, increment, maxtime)]
    assert [restored.duration for restored in found] == ([] if expected is None else [expected])
    assert all(restored.own_time == increment for restored in found)


def test_ban_when_its_id_is_no_address_then_whose_failures_they_were_stays_known(store: Store) -> None:
    for key, host in (("evil", "192.0.2.1"), ("10.0.0.0/8", "10.0.0.0")):
        store.ban(Ban("sshd", key, 1000, 600, 3, captures={"user": "x"}, host=host))
    address, evil = map(store.recall, restored(store, 1001))
    assert (evil.host, evil.captures) == ("192.0.2.1", {"user": "x"})
    assert address.captures == {"user": "x"}


def test_ban_when_prolonged_or_found_twice_then_one_row_in_the_history(store: Store, path: str) -> None:
    store.ban(ban())
    store.ban(ban(duration=1200))
    store.ban(ban(when=NOW + 5000, count=2))
    db = sqlite3.connect(path)
    rows = db.execute("SELECT timeofban, bantime, bancount FROM bans ORDER BY timeofban").fetchall()
    db.close()
    assert rows == [(NOW, 1200, 1), (NOW + 5000, 600, 2)]
    assert store.history("192.0.2.1") == {"sshd": History(2, NOW + 5000, 600)}


def test_history_when_in_several_jails_then_told_by_jail(store: Store) -> None:
    store.ban(ban(count=2))
    store.ban(ban(jail="web", when=NOW + 9, duration=5, count=3))
    assert store.history("192.0.2.1") == {"sshd": History(2, NOW, 600), "web": History(3, NOW + 9, 5)}
    assert store.history("192.0.2.2") == {}


def test_forget_when_done_then_nothing_of_the_id_is_left(store: Store) -> None:
    store.ban(ban())
    store.ban(ban("192.0.2.2"))
    store.ban(ban("192.0.2.3"))
    store.forget("sshd", "192.0.2.1")
    assert [left.id for left in store.restore("sshd", NOW)] == ["192.0.2.2", "192.0.2.3"]
    store.forget("sshd", None)
    assert [*store.restore("sshd", NOW)] == []


def test_turn_when_its_body_fails_then_nothing_of_it_is_written(store: Store) -> None:
    def fail() -> None:
        with store.turn():
            store.ban(ban())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [*store.restore("sshd", NOW)] == []


def test_turn_when_killed_before_its_end_then_neither_ban_nor_position(path: str) -> None:
    code = (
        "import os, sys; from f2b.store import Store; from f2b.events import Ban\n"
        "from f2b.source.position import Position\n"
        "store = Store(sys.argv[1])\n"
        "with store.turn():\n"
        "    store.save_position('sshd', '/log', Position('a', 1, 1)); store.ban(Ban('sshd', '192.0.2.1', 1, -1))\n"
        "with store.turn():\n"
        "    store.save_position('sshd', '/log', Position('a', 2, 1)); store.ban(Ban('sshd', '192.0.2.2', 1, -1))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    store = Store(path)
    assert store.position("sshd", "/log") == Position("a", 1, 1)
    assert [found.id for found in store.restore("sshd", NOW)] == ["192.0.2.1"]
    store.close()


def test_position_when_fail2ban_read_on_then_without_our_inode(store: Store, path: str) -> None:
    store.save_position("sshd", "/log", Position("a" * 40, 120, 7))
    store.save_position("web", "/log", Position("a" * 40, 60, 7))
    assert store.position("sshd", "/log") == Position("a" * 40, 120, 7)
    assert store.position("web", "/log") == Position("a" * 40, 60, 7)
    assert store.position("sshd", "/other") is None
    db = sqlite3.connect(path)
    db.execute("UPDATE logs SET lastfilepos = 130 WHERE jail = 'sshd'")
    db.commit()
    db.close()
    assert store.position("sshd", "/log") == Position("a" * 40, 130, 0)


def test_cursor_when_saved_then_found_again(store: Store) -> None:
    assert store.cursor("sshd") == ""
    assert store.journal_time("sshd") is None
    store.save_cursor("sshd", "s=abc;i=1", NOW + 0.25)
    assert store.cursor("sshd") == "s=abc;i=1"
    assert store.journal_time("sshd") == NOW + 0.25


def test_counters_when_saved_then_found_again_until_banned(path: str) -> None:
    failure = Failure("u", "192.0.2.1", NOW, ("a", "b"), {"user": "eve", "users": ("eve", "bob")})
    tallies = {"u": Tally(NOW, NOW + 3, 2, 4, failure, ("a", "b"))}
    store = Store(path)
    store.save_counters("sshd", tallies)
    store.close()
    again = Store(path)
    assert again.load_counters("sshd") == tallies
    again.ban(ban("u"))
    assert again.load_counters("sshd") == {}
    again.close()


def test_purge_when_age_has_passed_then_the_latest_ban_stays_three_times_its_length(store: Store, path: str) -> None:
    store.ban(ban("old", duration=100))
    store.ban(ban("long", duration=1000))
    store.ban(ban("ever", duration=PERMANENT))
    store.purge(NOW + 1400, 1000)
    assert not store.history("old")
    assert store.history("long")
    assert store.history("ever")
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM bans").fetchone() == (0,)
    db.close()


def test_purge_when_a_jail_is_gone_then_its_positions_go_too(store: Store) -> None:
    store.save_position("gone", "/log", Position("a", 1, 1))
    store.save_position("here", "/log", Position("a", 1, 1))
    store.enable("gone", False)
    store.purge(NOW, 1000)
    assert store.position("gone", "/log") is None
    assert store.position("here", "/log") is not None


# ---- what goes wrong ----


def test_file_when_corrupt_then_set_aside_and_what_is_readable_taken_over(path: str) -> None:
    store = Store(path)
    for number in range(300):
        store.ban(ban(f"192.0.2.{number % 250}", NOW + number, 60))
    store.close()
    with open(path, "r+b") as file:
        file.seek(4096 * 12)
        file.write(os.urandom(4096))
    told: list[str] = []
    again = Store(path, lambda _, text: told.append(text))
    assert any("is corrupt" in text for text in told)
    aside = [name for name in os.listdir(os.path.dirname(path)) if name.startswith("f2b.sqlite3.2")]
    assert len(aside) >= 1
    again.ban(ban("198.51.100.1"))
    assert "198.51.100.1" in [found.id for found in again.restore("sshd", NOW)]
    again.close()


@pytest.mark.parametrize("content", [b"this is no database " * 400, b"SQLite format 3\0" + b"\xff" * 5000])
def test_file_when_no_database_at_all_then_a_new_one(path: str, content: bytes) -> None:
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(content)
    store = Store(path)
    store.ban(ban())
    assert len([*store.restore("sshd", NOW)]) == 1
    store.close()


def test_file_when_of_a_newer_version_then_left_untouched_and_memory_stands_in(path: str) -> None:
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute("UPDATE fail2banDb SET version = 5")
    db.commit()
    db.close()
    store = Store(path)
    assert "it has version 5" in store.trouble
    store.ban(ban())
    store.retry()
    assert len([*store.restore("sshd", NOW)]) == 1
    store.close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT version, (SELECT count(*) FROM bans) FROM fail2banDb").fetchall() == [(5, 0)]
    db.close()


def test_file_when_of_version_two_then_brought_up_and_a_copy_kept(path: str) -> None:
    os.mkdir(os.path.dirname(path))
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE fail2banDb(version INTEGER); INSERT INTO fail2banDb VALUES (2);"
        "CREATE TABLE jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1);"
        "INSERT INTO jails VALUES ('sshd', 1);"
        "CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, data JSON);"
        f"INSERT INTO bans VALUES ('sshd', '192.0.2.1', {NOW - 900}, '{{}}'), ('sshd', '192.0.2.1', {NOW}, '{{}}');"
    )
    db.close()
    told: list[str] = []
    store = Store(path, lambda _, text: told.append(text))
    assert [(found.time, found.duration) for found in store.restore("sshd", NOW + 5, 60.0)] == [(NOW, 60)]
    assert told[0].startswith("Database updated from '2' to '4'")
    assert len(os.listdir(os.path.dirname(path))) >= 2
    store.close()


def _locked(store: Store) -> Callable[[], None]:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def _full(store: Store) -> Callable[[], None]:
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    return lambda: bool(store._db.execute("PRAGMA max_page_count = 1000000"))  # type: ignore[return-value]  # bool


@pytest.mark.parametrize(("hinder", "cure"), [(_locked, "end the other program"), (_full, "make room")])
def test_write_when_refused_then_told_and_written_once_it_works_again(
    path: str, hinder: Callable[[Store], Callable[[], None]], cure: str
) -> None:
    store = Store(path)
    help_again = hinder(store)
    refused = Ban("sshd", "192.0.2.1", NOW, 600, 3, ("x" * 9000,) * 10)

    def write() -> None:
        with store.turn():
            store.ban(refused)
            store.save_position("sshd", "/log", Position("a", 1, 1))

    with pytest.raises(StoreError, match=cure):
        write()
    assert [*store.restore("sshd", NOW)] == []
    help_again()
    assert cure in store.trouble
    store.retry()
    assert not store.trouble
    store.ban(ban("192.0.2.2"))
    assert [found.id for found in store.restore("sshd", NOW)] == ["192.0.2.1", "192.0.2.2"]
    assert store.position("sshd", "/log") == Position("a", 1, 1)
    store.close()


def test_folder_when_it_cannot_be_made_then_memory_stands_in_and_the_cure_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file" / "db"))
    assert "set dbfile" in store.trouble
    store.ban(ban())
    (tmp_path / "file").unlink()
    store.retry()
    assert store.trouble == ""
    assert len([*store.restore("sshd", NOW)]) == 1
    store.close()


def test_recall_when_the_ledger_kept_only_numbers_then_lines_and_captures_come_back(store: Store) -> None:
    store.ban(ban())
    assert store.recall(replace(ban(), matches=(), captures={})).matches == ban().matches
