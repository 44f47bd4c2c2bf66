"""The database beside a plain model of what it is to remember: reopened, killed, refused by the disk, overwritten."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from f2b.ban.collateral import DAY_S, Arrival
from f2b.ban.counter import Tally
from f2b.ban.history import History
from f2b.errors import StoreError
from f2b.events import Ban, Failure
from f2b.source.position import Position
from f2b.store import JOURNAL, Store

START = 1_700_000_000
AGE = 1000
JAILS = st.sampled_from(["sshd", "web", "j ü"])
KEYS = st.sampled_from(["192.0.2.1", "2001:db8::1", "192.0.2.0/24", "someone", ""])
PATHS = st.sampled_from(["/a", "/b"])
LINES = st.lists(st.sampled_from(["a line", "\ud800", 'q"{}', ""]), max_size=4).map(tuple)
CAPTURES = st.dictionaries(st.sampled_from(["user", "x"]), st.sampled_from(["eve", "", "é\0"]), max_size=2)
LENGTHS = st.sampled_from([1, 10, 600, 0.5, -1])


class Row(NamedTuple):
    """A ban that is on record."""

    time: int
    duration: float
    bans: int
    failures: int
    matches: tuple[str, ...]
    captures: dict[str, str]
    own: bool


class Model:
    """What is to be remembered."""

    def __init__(self) -> None:
        self.latest: dict[tuple[str, str], Row] = {}
        self.every: dict[tuple[str, str], list[Row]] = {}
        self.counts: dict[tuple[str, str], Tally] = {}
        self.positions: dict[tuple[str, str], Position] = {}
        self.cursors: dict[str, tuple[str, float]] = {}
        self.allowed: dict[str, float] = {}
        self.logins: dict[str, Arrival] = {}
        self.notes: dict[tuple[str, str], str] = {}
        self.jails: dict[str, bool] = {}

    def ban(self, jail: str, key: str, row: Row) -> None:
        self.jails[jail] = True
        others = [one for one in self.every.get((jail, key), []) if one.time != row.time]
        self.every[jail, key] = sorted([*others, row], key=lambda one: one.time)
        self.latest[jail, key] = row
        self.counts.pop((jail, key), None)

    def forget(self, jail: str, key: str | None) -> None:
        for table in (self.latest, self.every, self.counts):
            for one in [one for one in table if one[0] == jail and key in (None, one[1])]:
                del table[one]

    def purge(self, now: float) -> None:
        before = now - AGE
        self.every = {one: [row for row in rows if row.time >= before] for one, rows in self.every.items()}
        self.every = {one: rows for one, rows in self.every.items() if rows}
        self.latest = {
            one: row
            for one, row in self.latest.items()
            if row.time >= before or row.duration == -1 or row.time + 3 * row.duration >= before
        }
        self.counts = {one: tally for one, tally in self.counts.items() if tally.last >= before}
        self.allowed = {entry: until for entry, until in self.allowed.items() if until >= now}
        self.logins = {who: one for who, one in self.logins.items() if one.time >= now - DAY_S}
        kept = {jail for jail, _ in (*self.every, *self.latest)}
        for jail in [jail for jail, enabled in self.jails.items() if not enabled and jail not in kept]:
            del self.jails[jail]
            self.cursors.pop(jail, None)
            self.positions = {one: where for one, where in self.positions.items() if one[0] != jail}
            self.counts = {one: tally for one, tally in self.counts.items() if one[0] != jail}


class Books(RuleBasedStateMachine):
    """A database, and the model."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.path = f"{self.folder}/0/db"
        self.model = Model()
        self.now = float(START)
        self.told: list[str] = []
        self.block: sqlite3.Connection | None = None
        self.store = self.opened()

    def opened(self) -> Store:
        return Store(self.path, lambda level, text: self.told.append(f"{level} {text}"), most=3)

    @property
    def refused(self) -> bool:
        return self.block is not None or bool(self.store.trouble)

    def write(self, *writes: tuple[str, Sequence[object]]) -> None:
        """Write, whether the disk takes it or not: in one turn if there is more than one."""
        try:
            if len(writes) == 1:
                getattr(self.store, writes[0][0])(*writes[0][1])
                return
            with self.store.turn():
                for name, values in writes:
                    getattr(self.store, name)(*values)
        except StoreError:
            assert self.refused

    # ---- what is written ----

    @rule(jail=JAILS, key=KEYS, ago=st.integers(0, 30), length=LENGTHS, lines=LINES, captures=CAPTURES)
    def ban(
        self, jail: str, key: str, ago: int, length: float, lines: tuple[str, ...], captures: dict[str, str]
    ) -> None:
        when = int(self.now) - ago
        self.write(("ban", [Ban(jail, key, when, length, 3, lines, captures, None, 2)]))
        self.model.ban(jail, key, Row(when, length, 2, 3, lines[-3:], captures, False))

    @rule(jail=JAILS, key=KEYS, length=LENGTHS)
    def prolong(self, jail: str, key: str, length: float) -> None:
        """As the ledger does it, which knows no lines any more."""
        known = self.model.latest.get((jail, key))
        if known is not None:
            light = Ban(jail, key, known.time, length, known.failures, (), {}, None, known.bans)
            self.write(("ban", [light, True]))
            self.model.ban(jail, key, known._replace(duration=length, own=True))

    @rule(jail=JAILS, key=KEYS | st.none())
    def forget(self, jail: str, key: str | None) -> None:
        self.write(("forget", [jail, key]))
        self.model.forget(jail, key)

    @rule(jail=JAILS, path=PATHS, offset=st.integers(0, 2**40))
    def read_on(self, jail: str, path: str, offset: int) -> None:
        where = Position("ab", offset, 7)
        self.write(("save_position", [jail, path, where]))
        self.model.jails[jail], self.model.positions[jail, path] = True, where

    @rule(jail=JAILS, cursor=st.sampled_from(["s=1", "s=2"]))
    def read_journal(self, jail: str, cursor: str) -> None:
        self.write(("save_cursor", [jail, cursor, self.now]))
        self.model.jails[jail], self.model.cursors[jail] = True, (cursor, self.now)

    @rule(jail=JAILS, key=KEYS, lines=LINES, captures=CAPTURES, gone=st.booleans())
    def count(self, jail: str, key: str, lines: tuple[str, ...], captures: dict[str, str], gone: bool) -> None:
        seen = Failure(key, "192.0.2.9", self.now - 3, lines, captures)
        tally = None if gone else Tally(self.now - 3, self.now, 2, 5, seen, lines, (self.now,))
        self.write(("save_counters", [jail, {key: tally}]))
        self.model.jails[jail] = True
        self.model.counts.pop((jail, key), None)
        if tally:
            self.model.counts[jail, key] = tally

    @rule(jail=JAILS, key=KEYS, path=PATHS)
    def turn(self, jail: str, key: str, path: str) -> None:
        where, when = Position("", 5, 1), int(self.now)
        self.write(("save_position", [jail, path, where]), ("ban", [Ban(jail, key, when, 60, 1, ("x",))]))
        self.model.positions[jail, path] = where
        self.model.ban(jail, key, Row(when, 60, 1, 1, ("x",), {}, False))

    @rule(entry=st.sampled_from(["192.0.2.1", "2001:db8::/32"]), length=st.sampled_from([None, 5, float("inf")]))
    def allow(self, entry: str, length: float | None) -> None:
        self.write(("allow", [entry, None if length is None else self.now + length]))
        self.model.allowed.pop(entry, None)
        if length is not None:
            self.model.allowed[entry] = self.now + length

    @rule(who=KEYS, user=st.sampled_from(["root", ""]))
    def log_in(self, who: str, user: str) -> None:
        one = Arrival(who, user, self.now)
        self.write(("arrive", [one]))
        self.model.logins[who] = one

    @rule(jail=JAILS | st.just(""), name=st.sampled_from(["a", "b"]), value=st.sampled_from(["", "v"]))
    def note(self, jail: str, name: str, value: str) -> None:
        self.write(("note", [jail, name, value]))
        self.model.notes[jail, name] = value

    @rule(jail=JAILS, enabled=st.booleans())
    def enable(self, jail: str, enabled: bool) -> None:
        self.write(("enable", [jail, enabled]))
        self.model.jails[jail] = enabled

    # ---- what happens ----

    @rule(seconds=st.sampled_from([1, 9, 700, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: not self.refused)
    @rule()
    def purge(self) -> None:
        self.store.purge(self.now, AGE)
        self.model.purge(self.now)

    @precondition(lambda self: not self.refused)
    @rule(how=st.sampled_from(["PRAGMA query_only = 1", "PRAGMA max_page_count = 1", "locked"]))
    def disk_refuses(self, how: str) -> None:
        self.block = sqlite3.connect(self.path, isolation_level=None)
        if how == "locked":
            self.block.execute("BEGIN IMMEDIATE")
        else:
            self.store._db.execute(how)

    @precondition(lambda self: self.refused)
    @rule()
    def disk_takes(self) -> None:
        if self.block:
            self.block.close()
            self.block = None
        self.store._db.execute("PRAGMA query_only = 0")
        self.store._db.execute("PRAGMA max_page_count = 1000000")
        self.store.retry()
        assert not self.store.trouble
        assert not self.store.gap

    @precondition(lambda self: not self.refused)
    @rule(locked=st.booleans())
    def restart(self, locked: bool) -> None:
        self.store.close()
        if locked:  # somebody has it locked: what stands in it is in memory, and goes back later
            self.block = sqlite3.connect(self.path, isolation_level=None)
            self.block.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.block.execute("BEGIN EXCLUSIVE")
        self.store = self.opened()
        assert bool(self.store.trouble) == locked
        self.model.jails = dict.fromkeys(self.model.jails, False)

    @precondition(lambda self: not self.refused)
    @rule()
    def killed(self) -> None:
        """What SQLite left on the disk goes on in another folder."""
        old = Path(self.path).parent
        self.path = f"{self.folder}/{int(old.name) + 1}/db"
        shutil.copytree(old, Path(self.path).parent)
        self.store.close()
        self.store = self.opened()
        self.model.jails = dict.fromkeys(self.model.jails, False)

    # ---- what is read ----

    @precondition(lambda self: not self.block)
    @rule()
    def all_is_as_in_the_model(self) -> None:
        model, store = self.model, self.store
        assert store.jails() == sorted(model.jails)
        for jail in model.jails:
            due = {key: row for (name, key), row in model.latest.items() if name == jail}
            in_force = {
                key: row for key, row in due.items() if row.duration < 0 or row.time + row.duration > self.now
            }
            bans = (store.recall(found.ban(jail)) for found in store.restore(jail, self.now))
            assert {one.id: row_of(one) for one in bans} == in_force
            counts = {key: tally for (name, key), tally in model.counts.items() if name == jail}
            assert store.load_counters(jail) == counts
            cursor, when = model.cursors.get(jail, ("", None))
            assert (store.cursor(jail), store.journal_time(jail)) == (cursor, when)
        for (jail, key), rows in model.every.items():
            assert [row_of(one)._replace(own=False) for one in store.bans_of(key, jail)] == [
                row._replace(own=False) for row in rows
            ]
        for key in {key for _, key in model.latest}:
            known = {jail: row for (jail, other), row in model.latest.items() if other == key}
            assert store.history(key) == {
                jail: History(row.bans, row.time, row.duration) for jail, row in known.items()
            }
        for (jail, path), where in model.positions.items():
            assert store.position(jail, path) == where
        assert store.position("nobody", JOURNAL) is None
        assert store.allowed(self.now) == {who: until for who, until in model.allowed.items() if until > self.now}
        assert {one.address: one for one in store.arrivals(0)} == model.logins
        assert all(store.noted(*name) == value for name, value in model.notes.items())

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            if self.refused:
                self.disk_takes()
            self.all_is_as_in_the_model()
            self.store.close()
            assert not [text for text in self.told if "lost" in text or "corrupt" in text]
        finally:
            shutil.rmtree(self.folder)


def row_of(ban: Ban) -> Row:
    return Row(int(ban.time), ban.duration, ban.count, ban.failures, ban.matches, dict(ban.captures), ban.own_time)  # type: ignore[arg-type]  # only texts here


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=30)
