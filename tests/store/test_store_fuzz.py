"""A database of which parts were overwritten, or whose rows hold what nobody expects: read as far as can be."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from f2b.ban.collateral import Arrival
from f2b.ban.counter import Tally
from f2b.errors import StoreError
from f2b.events import Ban, Failure
from f2b.source.position import Position
from f2b.store import JOURNAL, Store, past

NOW = 1_700_000_000.0
SOUND = "198.51.100.1"
TEXTS = [
    "",
    "x",
    "sshd",
    "192.0.2.1",
    "{",
    '{"failures": 1' + "0" * 5000 + "}",
    '{"matches": 1}',
    '{"a": 1e999}',
    "[",
]
TEXTS += ['{"f2b_times": ["x"]}', '{"f2b_times": 7}', '{"failures": true}', '{"ip": ["192.0.2.1"]}', "[" * 99_999]
NUMBERS = [0, -1, 1, -2, 2**40, 2**62, -(2**62), 0.5, 1e300, -1e300, float("inf"), float("-inf"), NOW, NOW + 9]
COLUMNS = [
    *("jails.name", "jails.enabled", "logs.path", "logs.firstlinemd5", "logs.lastfilepos"),
    *(
        f"{table}.{name}"
        for table in ("bans", "bips")
        for name in ["jail", "ip", "timeofban", "bantime", "bancount", "data"]
    ),
    *(f"f2b_counters.{name}" for name in ["jail", "ip", "first", "last", "retry", "failures", "data"]),
    *("f2b_positions.inode", "f2b_positions.cursor", "f2b_positions.lastfilepos"),
    *("f2b_allowed.entry", "f2b_allowed.until", "f2b_logins.address", "f2b_logins.user", "f2b_logins.time"),
    *("f2b_notes.name", "f2b_notes.value"),
]
VALUES = st.sampled_from([None, *NUMBERS, *TEXTS, *map(str.encode, TEXTS), b"\xff\xfe", b"192.0.2.\xff"])
"""What may stand in a column: SQLite holds nobody to its type."""


def fill(store: Store) -> None:
    """Write something of each kind."""
    for number in range(40):
        key = f"192.0.2.{number}"
        with store.turn():
            store.ban(Ban("sshd", key, NOW - 5, 600, 3, ("a line " * 9,) * 3, {"user": "eve"}, key))
            seen = Failure(key, key, NOW, ("x",), {})
            store.save_counters("web", {key: Tally(NOW, NOW, 1, 1, seen, ("x",))})
            store.save_position("sshd", f"/log{number}", Position("a" * 40, number, 1))
    store.save_cursor("sshd", "s=1", NOW)
    store.arrive(Arrival("192.0.2.1", "root", NOW))
    store.allow("192.0.2.1", NOW + 60)
    store.note("sshd", "a", "b")


def use(store: Store) -> None:
    """Do all that can be done with a database."""
    for read in (
        lambda: [store.recall(it.ban(jail)) for jail in ("sshd", "web") for it in store.restore(jail, NOW)],
        lambda: [*store.restore("sshd", NOW, 60, True, 50)],
        lambda: store.load_counters("web"),
        lambda: store.load_counters("sshd"),
        lambda: store.bans_of("192.0.2.1"),
        lambda: store.history("192.0.2.1"),
        lambda: store.position("sshd", "/log1"),
        lambda: (store.cursor("sshd"), store.journal_time("sshd"), store.position("sshd", JOURNAL)),
        lambda: (store.allowed(NOW), store.arrivals(NOW - 9), store.jails(), store.noted("sshd", "a")),
        lambda: store.purge(NOW, 1000),
        lambda: list(past.bans(store.path)),
    ):
        try:
            read()
        except StoreError:
            pass


@cache
def whole() -> bytes:
    """Return a database that holds something of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/db")
        fill(store)
        store.close()
        return Path(folder, "db").read_bytes()


@contextmanager
def filled(raw: bytes = b"") -> Iterator[str]:
    """The path of such a database, or of this one, closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "db").write_bytes(raw or whole())
        yield f"{folder}/db"


@given(
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=8),
    st.none() | st.floats(0, 1),
)
def test_file_wherever_it_was_overwritten_or_cut_then_it_is_used_or_begun_anew(
    overwritten: list[tuple[float, bytes]], kept: float | None
) -> None:
    raw = bytearray(whole())
    for place, instead in overwritten:
        at = int(place * (len(raw) - 1))
        raw[at : at + len(instead)] = instead
    with filled(bytes(raw if kept is None else raw[: max(1, int(kept * len(raw)))])) as path:
        works_and_goes_on(path)


def works_and_goes_on(path: str) -> None:
    """Hold a database to what it must do in any case: answer, take a ban, and know it after a restart."""
    store = Store(path)
    use(store)
    for _ in range(2):  # the first may find that the file is corrupt, and begin a new one
        try:
            store.ban(Ban("sshd", SOUND, NOW, 600))
        except StoreError:
            store.retry()
    store.close()
    again = Store(path)
    assert SOUND in [ban.id for ban in again.restore("sshd", NOW)], path
    use(again)
    again.close()


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.tuples(st.sampled_from(COLUMNS), VALUES, st.booleans(), st.sampled_from([1, 99])), max_size=6))
@example([("bips.data", "[" * 99_999, False, 99), ("bips.ip", None, False, 1)])
@example([("bans.data", b'{"failures": 1' + b"0" * 5000 + b"}", False, 99), ("bans.ip", b"x", False, 1)])
@example([("bips.ip", b"192.0.2.\xff", True, 1), ("f2b_allowed.entry", "1.2.3.4/x", False, 1)])
@example([("f2b_counters.data", '{"f2b_times": ["x"]}', False, 99), ("fail2banDb.version", "x", False, 1)])
def test_rows_whatever_they_hold_when_read_then_the_others_are_not_lost(
    changes: list[tuple[str, object, bool, int]],
) -> None:
    with filled() as path:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for where, value, as_text, most in changes:
                table, column = where.split(".")
                which = f"WHERE rowid IN (SELECT rowid FROM {table} LIMIT ?)"
                new = "CAST(? AS TEXT)" if as_text and isinstance(value, bytes) else "?"  # it need not be UTF-8
                with suppress(sqlite3.IntegrityError):
                    db.execute(f"UPDATE OR IGNORE {table} SET {column} = {new} {which}", (value, most))
        works_and_goes_on(path)
        if not any(where.startswith(("bips", "jails", "fail2banDb")) for where, *_ in changes):
            store = Store(path)
            assert len([*store.restore("sshd", NOW)]) == 41
            store.close()
