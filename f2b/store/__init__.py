"""What outlives the server: bans, counts, how far every log was read. SQLite, in Fail2Ban's own format.

Writes of one `turn` are one transaction. What the disk refuses is kept and written with the next turn that works.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from f2b.ban.counter import Tally
from f2b.errors import StoreError
from f2b.events import PERMANENT, Ban
from f2b.source.position import Position
from f2b.store import row, schema

JOURNAL = "systemd-journal"
"""Under this path Fail2Ban keeps how far it read the journal."""
BACKLOG = 10_000
"""Statements kept while the disk refuses them; then the oldest are lost."""

Statement = tuple[str, tuple[Any, ...]]


class History(NamedTuple):
    """What is known of somebody's earlier bans."""

    bans: int
    """How many; what Fail2Ban calls `bancount`."""
    time: float
    """When the latest began."""
    duration: float
    """How long the latest was; PERMANENT, or -2 if a very old database did not say."""


class Store:
    """The database at `path`, or ":memory:". Every call may raise StoreError, and the next one may work again.

    `tell` hears of a new, migrated or corrupt file. `most` is how many matches of a ban are kept (`dbmaxmatches`).
    """

    def __init__(self, path: str, tell: Callable[[str], object] = lambda text: None, most: int = 10) -> None:
        self.path = path
        self._most = most
        self._db = schema.connect(path, tell)
        self._turn: list[Statement] | None = None
        self._backlog: deque[Statement] = deque(maxlen=BACKLOG)

    # ---- writing ----

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Make everything that is written inside one transaction; nothing of it is written if the body fails."""
        statements: list[Statement] = []
        self._turn = statements
        try:
            yield
        finally:
            self._turn = None
        self._commit(statements)

    def ban(self, ban: Ban, prolonged: bool = False) -> None:
        """Remember a ban, in the history and as the latest of this id; one that is known gets its new length."""
        data = row.ban_data(ban, self._most, ban.own_time or prolonged)
        values = (ban.jail, ban.id, int(ban.time), row.whole(ban.duration), ban.count, data)
        self._write(
            _jail(ban.jail),
            # A ban that was prolonged, or found again in lines read twice, stays one row. The `+` keeps SQLite from
            # looking it up by time: thousands may begin in one second.
            ("DELETE FROM bans WHERE jail = ? AND ip = ? AND +timeofban = ?", values[:3]),
            (
                "INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            ),
            (
                "INSERT OR REPLACE INTO bips(jail, ip, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            ),
            _uncount(ban.jail, ban.id),
        )

    def forget(self, jail: str, key: str | None) -> None:
        """Forget all bans and counts of an id in a jail, or of everybody there if `key` is None."""
        for table in ("bans", "bips", "f2b_counters"):
            if key is None:
                self._write((f"DELETE FROM {table} WHERE jail = ?", (jail,)))
            else:
                self._write((f"DELETE FROM {table} WHERE jail = ? AND ip = ?", (jail, key)))

    def save_position(self, jail: str, path: str, position: Position) -> None:
        """Remember how far a jail read a log."""
        self._write(
            _jail(jail),
            _log(jail, path, position.first, position.offset),
            _own(jail, path, position.offset, position.inode, ""),
        )

    def save_cursor(self, jail: str, cursor: str, when: float) -> None:
        """Remember how far a jail read the journal; `when` is the entry's time, which is all Fail2Ban looks at."""
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
        self._write(_jail(jail), _log(jail, JOURNAL, text, when), _own(jail, JOURNAL, when, 0, cursor))

    def save_counters(self, jail: str, tallies: Mapping[str, Tally | None]) -> None:
        """Remember what is counted for these ids now, or that nothing is; the others stay as they are."""
        self._write(_jail(jail))
        for key, tally in tallies.items():
            if tally is None:
                self._write(_uncount(jail, key))
                continue
            values = (jail, key, tally.first, tally.last, tally.retry, tally.failures, row.tally_data(tally))
            self._write(("INSERT OR REPLACE INTO f2b_counters VALUES (?, ?, ?, ?, ?, ?, ?)", values))

    def enable(self, jail: str, enabled: bool = True) -> None:
        """Note that a jail runs, or does not; writing anything else for it says that it runs."""
        self._write(_jail(jail), ("UPDATE jails SET enabled = ? WHERE name = ?", (int(enabled), jail)))

    def purge(self, now: float, age: float) -> None:
        """Forget bans that began more than `age` seconds ago, as Fail2Ban does: the latest of an id stays longer."""
        before = now - age
        with self.turn():
            self._write(
                ("DELETE FROM bans WHERE timeofban < ?", (before,)),
                (
                    "DELETE FROM bips WHERE timeofban < ? AND bantime <> -1 AND timeofban + 3 * bantime < ?",
                    (before, before),
                ),
                ("DELETE FROM f2b_counters WHERE last < ?", (before,)),
                (
                    "DELETE FROM jails WHERE enabled = 0 AND name NOT IN (SELECT jail FROM bans) "
                    "AND name NOT IN (SELECT jail FROM bips)",
                    (),
                ),
            )

    def close(self) -> None:
        """Write what could not be written before, if that works now, and close the file."""
        try:
            self._write(("UPDATE jails SET enabled = 0", ()))
        except StoreError:
            pass  # whatever is lost now was told when it was refused
        self._db.close()

    # ---- reading ----

    def restore(
        self,
        jail: str,
        now: float,
        bantime: float | None = None,
        increment: bool = False,
        maxtime: float | None = None,
    ) -> list[Ban]:
        """Return the bans of a jail that are still in force, by Fail2Ban's rules, in the order of their ids.

        A jail's shorter `bantime` cuts them, unless it increments: then only `maxtime` does. None cuts nothing.
        """
        rows = self._read(
            "SELECT ip, timeofban, bantime, bancount, data FROM bips WHERE jail = ? "
            "AND (bantime < 0 OR timeofban + bantime > ?) ORDER BY ip",
            (jail, now),
        )
        most = maxtime if increment else None if bantime is None or bantime < 0 else bantime
        bans = []
        for key, when, duration, count, data in rows:
            if duration == row.UNKNOWN:
                duration = PERMANENT if bantime is None else bantime
            ban = row.ban_of(jail, (key, when, duration, count, data), increment)
            if most is not None and (increment or not ban.own_time) and (duration < 0 or duration > most):
                ban = replace(ban, duration=most)
            if ban.end > now:
                bans.append(ban)
        return bans

    def jails(self) -> list[str]:
        """Return the names of all jails that anything is known of."""
        return [name for (name,) in self._read("SELECT name FROM jails ORDER BY name", ())]

    def history(self, jail: str, key: str) -> History | None:
        """Return what is known of an id's earlier bans in a jail, or over all jails if `jail` is empty."""
        which, values = ("ip = ? AND jail = ?", (key, jail)) if jail else ("ip = ?", (key,))
        sql = f"SELECT timeofban, bantime, bancount FROM bips WHERE {which} ORDER BY timeofban"
        rows = self._read(sql, values)
        return History(sum(count for _, _, count in rows), rows[-1][0], rows[-1][1]) if rows else None

    def bans_of(self, key: str, jail: str = "") -> list[Ban]:
        """Return the bans of an id that are on record, oldest first: those of one jail, or of all."""
        which, values = ("ip = ? AND jail = ?", (key, jail)) if jail else ("ip = ?", (key,))
        sql = f"SELECT jail, ip, timeofban, bantime, bancount, data FROM bans WHERE {which} ORDER BY timeofban, rowid"
        return [row.ban_of(found[0], found[1:], own_time=True) for found in self._read(sql, values)]

    def position(self, jail: str, path: str) -> Position | None:
        """Return how far a jail read a log; without inode if Fail2Ban read on in it after us."""
        rows = self._read(
            "SELECT logs.firstlinemd5, logs.lastfilepos, coalesce(own.inode, 0) FROM logs "
            "LEFT JOIN f2b_positions own USING (jail, path, lastfilepos) "
            "WHERE logs.jail = ? AND logs.path = ?",
            (jail, path),
        )
        return Position(rows[0][0] or "", int(rows[0][1] or 0), rows[0][2]) if rows else None

    def cursor(self, jail: str) -> str:
        """Return the cursor of the last journal entry that a jail read; empty if Fail2Ban was the last to read."""
        rows = self._read(
            "SELECT own.cursor FROM logs JOIN f2b_positions own USING (jail, path, lastfilepos) "
            "WHERE logs.jail = ? AND logs.path = ?",
            (jail, JOURNAL),
        )
        return str(rows[0][0]) if rows else ""

    def journal_time(self, jail: str) -> float | None:
        """Return the time of the last journal entry that a jail read, Fail2Ban's included."""
        rows = self._read("SELECT lastfilepos FROM logs WHERE jail = ? AND path = ?", (jail, JOURNAL))
        return float(rows[0][0]) if rows else None

    def load_counters(self, jail: str) -> dict[str, Tally]:
        """Return what was counted in a jail when that was last remembered."""
        sql = "SELECT ip, first, last, retry, failures, data FROM f2b_counters WHERE jail = ?"
        return {found[0]: row.tally_of(found) for found in self._read(sql, (jail,))}

    # ---- the database ----

    def _write(self, *statements: Statement) -> None:
        if self._turn is not None:
            self._turn += statements
        else:
            self._commit(list(statements))

    def _commit(self, statements: list[Statement]) -> None:
        """Write, after what could not be written before. What can never be written is not tried again."""
        try:
            self._execute([*self._backlog, *statements])
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, ValueError) as error:
            self._backlog.clear()
            raise StoreError(schema.explain(self.path, error)) from None
        except (sqlite3.Error, OverflowError) as error:
            self._backlog += statements
            raise StoreError(schema.explain(self.path, error)) from None
        self._backlog.clear()

    def _execute(self, statements: list[Statement]) -> None:
        if not statements:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                self._db.execute(sql, values)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(schema.explain(self.path, error)) from None


def _jail(name: str) -> Statement:
    return "INSERT INTO jails(name) VALUES (?) ON CONFLICT(name) DO UPDATE SET enabled = 1", (name,)


def _log(jail: str, path: str, first: str, offset: float) -> Statement:
    return (
        "INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES (?, ?, ?, ?) ON CONFLICT(jail, path) "
        "DO UPDATE SET firstlinemd5 = excluded.firstlinemd5, lastfilepos = excluded.lastfilepos",
        (jail, path, first, offset),
    )


def _own(jail: str, path: str, offset: float, inode: int, cursor: str) -> Statement:
    return "INSERT OR REPLACE INTO f2b_positions VALUES (?, ?, ?, ?, ?)", (jail, path, offset, inode, cursor)


def _uncount(jail: str, key: str) -> Statement:
    return "DELETE FROM f2b_counters WHERE jail = ? AND ip = ?", (jail, key)
