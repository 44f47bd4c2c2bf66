"""What outlives the server: bans, counts, how far every log was read. SQLite, in Fail2Ban's own format.

Writes of one `turn` are one transaction. What the disk refuses is kept (`backlog`) and written when that works again;
a file that cannot be used at all is `rescue`'s business.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, NoReturn

from f2b import net
from f2b.ban.collateral import DAY_S, Arrival
from f2b.ban.counter import Tally
from f2b.ban.history import History
from f2b.ban.packed import Remnant
from f2b.errors import StoreError
from f2b.events import PERMANENT, Ban
from f2b.source.position import Position
from f2b.store import rescue, row, schema
from f2b.store.backlog import Backlog, Change, Statement
from f2b.store.footing import Footing
from f2b.store.schema import Tell
from f2b.value import replace

JOURNAL = "systemd-journal"
"""Under this path Fail2Ban keeps how far it read the journal."""
MEMORY = ":memory:"
AHEAD_S = 60.0
"""So far ahead of the clock a ban may have begun: lines may be dated so."""
PAUSE_S = 1.0
"""How long a disk that refuses is left alone: trying takes time that belongs to the bans."""


_NEVER = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, ValueError, OverflowError)
"""A fault of ours: what raises it once raises it always."""


class Store:
    """The database at `path`, or ":memory:". Every call may raise StoreError, and the next one may work again.

    `tell(level, text)` hears of a new, migrated, corrupt or unusable file. `most` is how many matches of a ban are
    kept (`dbmaxmatches`).
    """

    def __init__(self, path: str, tell: Tell = lambda level, text: None, most: int = 10) -> None:
        self.path = path
        self._tell = tell
        self.most = most
        """How many log lines of a ban are kept (`dbmaxmatches`)."""
        self._turn: Backlog | None = None
        self._backlog = Backlog()
        self._failure: StoreError | None = None
        self._tried = float("-inf")
        self._use(*rescue.connect(path, tell))

    def _use(self, db: sqlite3.Connection, lent: str) -> None:
        self._db = db
        self._lent = lent
        """Why the file cannot be used, and memory stands in; empty if it can."""
        self._footing = Footing("" if lent or self.path == MEMORY else self.path)

    def _shut(self) -> None:
        self._footing.secure()
        self._db.close()
        self._footing.close()

    @property
    def trouble(self) -> str:
        """Why what happens is not saved now, and the cure; empty if all is saved."""
        return self._lent or (str(self._failure) if self._failure else "")

    @property
    def gap(self) -> bool:
        """Whether something was lost, so that all bans in force must be written anew; whoever did that sets False."""
        return self._backlog.overflown

    @gap.setter
    def gap(self, gap: bool) -> None:
        self._backlog.overflown = gap

    def retry(self) -> None:
        """Write what could not be written, if that works now: when nothing happens, nobody else would try.

        A file that somebody else removed, replaced, cut or overwrote is made or opened anew; see `gap`.
        """
        if self._lent:
            self._give_back()
        elif not self._footing.stands():
            what = "removed, replaced, cut or overwritten by somebody else"
            self._tell("ERROR", f"Database {self.path} was {what}; it is opened anew")
            self._shut()
            self._use(*rescue.connect(self.path, self._tell))
            self.gap = True
        self._tried = float("-inf")
        if self._backlog:
            self._commit([])

    def _give_back(self) -> None:
        try:
            self._use(rescue.give_back(self._db, self.path, self._tell), "")
        except (OSError, sqlite3.Error, StoreError):
            return  # told when it began
        self._tell("NOTICE", f"Database {self.path} can be written again; everything is saved")

    # ---- writing ----

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Make everything that is written inside one transaction; nothing of it is written if the body fails."""
        changes = self._turn = Backlog()
        try:
            yield
        finally:
            self._turn = None
        if changes:
            self._commit(changes)

    def ban(self, ban: Ban, prolonged: bool = False) -> None:
        """Remember a ban, in the history and as the latest of this id; one that is known gets its new length."""
        known = self.recall(ban) if ban.restored or prolonged else ban
        data = row.ban_data(known, self.most, ban.own_time or prolonged)
        values = (ban.jail, ban.id, int(ban.time), row.whole(ban.duration), ban.count, data)
        self._write(
            _ban(ban),
            _jail(ban.jail),
            # A ban that was prolonged, or found again in lines read twice, stays one row. The `+` keeps SQLite from
            # looking it up by time: thousands may begin in one second.
            ("DELETE FROM bans WHERE jail = ? AND ip = ? AND +timeofban = ?", values[:3]),
            (
                "INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            ),
            (_LATEST, values),
            _uncount(ban.jail, ban.id),
        )

    def forget(self, jail: str, key: str | None) -> None:
        """Forget all bans and counts of an id in a jail, or of everybody there if `key` is None."""
        which, values = ("jail = ?", (jail,)) if key is None else ("jail = ? AND ip = ?", (jail, key))
        tables = ("bans", "bips", "f2b_counters")
        self._write(("forget", jail, key), *((f"DELETE FROM {table} WHERE {which}", values) for table in tables))

    def save_position(self, jail: str, path: str, position: Position) -> None:
        """Remember how far a jail read a log."""
        self._write(
            ("log", jail, path),
            _jail(jail),
            _log(jail, path, position.first, position.offset),
            _own(jail, path, position.offset, position.inode, ""),
        )

    def save_cursor(self, jail: str, cursor: str, when: float) -> None:
        """Remember how far a jail read the journal; `when` is the entry's time, which is all Fail2Ban looks at."""
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
        own = _own(jail, JOURNAL, when, 0, cursor)
        self._write(("log", jail, JOURNAL), _jail(jail), _log(jail, JOURNAL, text, when), own)

    def save_counters(self, jail: str, tallies: Mapping[str, Tally | None]) -> None:
        """Remember what is counted for these ids now, or that nothing is; the others stay as they are."""
        for key, tally in tallies.items():
            count = _uncount(jail, key) if tally is None else _count(jail, key, tally)
            self._write(("count", jail, key), _jail(jail), count)

    def enable(self, jail: str, enabled: bool = True) -> None:
        """Note that a jail runs, or does not; writing anything else for it says that it runs."""
        note = ("UPDATE jails SET enabled = ? WHERE name = ?", (int(enabled), jail))
        self._write(("jail", jail), _jail(jail), note)

    def allow(self, entry: str, until: float | None) -> None:
        """Remember that somebody may not be banned by a filter until then, or forget it."""
        if until is None:
            self._write(("allow", entry), ("DELETE FROM f2b_allowed WHERE entry = ?", (entry,)))
        else:
            self._write(("allow", entry), ("INSERT OR REPLACE INTO f2b_allowed VALUES (?, ?)", (entry, until)))

    def arrive(self, one: Arrival) -> None:
        """Remember that somebody logged in."""
        values = (one.address, one.user, one.time)
        self._write(("arrive", one.address), ("INSERT OR REPLACE INTO f2b_logins VALUES (?, ?, ?)", values))

    def note(self, jail: str, name: str, value: str) -> None:
        """Remember something about a jail, or about all of them (""), by its name."""
        self._write(("note", jail, name), ("INSERT OR REPLACE INTO f2b_notes VALUES (?, ?, ?)", (jail, name, value)))

    def purge(self, now: float, age: float) -> None:
        """Forget bans that began more than `age` seconds ago, as Fail2Ban does: the latest of an id stays longer."""
        before = now - age
        self._write(
            "purge",
            ("DELETE FROM bans WHERE timeofban < ?", (before,)),
            (
                "DELETE FROM bips WHERE timeofban < ? AND bantime <> -1 AND timeofban + 3 * bantime < ?",
                (before, before),
            ),
            ("DELETE FROM f2b_counters WHERE last < ?", (before,)),
            ("DELETE FROM f2b_allowed WHERE until < ?", (now,)),
            ("DELETE FROM f2b_logins WHERE time < ?", (now - DAY_S,)),
            (
                "DELETE FROM jails WHERE enabled = 0 AND name NOT IN (SELECT jail FROM bans) "
                "AND name NOT IN (SELECT jail FROM bips)",
                (),
            ),
        )

    def close(self) -> None:
        """Write what could not be written before, if that works now, and close the file."""
        try:
            self.retry()
            self._write("end", ("UPDATE jails SET enabled = 0", ()))
        except StoreError as error:
            self._tell("ERROR", f"{error}; {len(self._backlog)} changes are lost")
        self._shut()
        if self.path != MEMORY:
            self._tell("INFO", "Connection to database closed.")

    # ---- reading ----

    def restore(
        self,
        jail: str,
        now: float,
        bantime: float | None = None,
        increment: bool = False,
        maxtime: float | None = None,
    ) -> Iterator[Remnant]:
        """Yield the bans of a jail that are still in force, by Fail2Ban's rules, in the order of their ids.

        One at a time, for there may be a hundred thousand. Their captures and matches stay in the database, see
        `recall`. Bans that began in the future, by a wrong clock, are taken to begin now; rows that hold texts for
        numbers are left out.
        A jail's shorter `bantime` cuts them, unless it increments: then only `maxtime` does. None cuts nothing.
        """
        most = maxtime if increment else None if bantime is None or bantime < 0 else bantime
        rows = self._rows(
            "SELECT ip, iif(timeofban > ?, ?, timeofban), bantime, bancount, data FROM bips WHERE jail = ? "
            f"AND (bantime < 0 OR timeofban + bantime > ?) AND {row.SANE} ORDER BY ip",
            (now + AHEAD_S, now, jail, now),
        )
        longest, made = float("inf") if most is None else most, row.remnant_of
        for key, when, duration, count, data in rows:
            if duration <= 0:  # of the others the database has seen to it
                if duration == row.UNKNOWN:
                    duration = PERMANENT if bantime is None else bantime
                if 0 <= duration <= now - when:
                    continue
            found = made(key, when, duration, count, data, increment)
            if (duration > longest or (duration < 0 and most is not None)) and (increment or not found.own_time):
                found = found._replace(duration=longest)
                if found.end <= now:
                    continue
            yield found

    def recall(self, ban: Ban) -> Ban:
        """Return a ban that lost its captures and matches with these, if they can be read. Never raises."""
        for found in () if ban.matches else self._on_record(ban):
            known = row.ban_of(ban.jail, found, ban.own_time)
            return replace(ban, matches=known.matches, captures=known.captures)
        return ban

    def _on_record(self, ban: Ban) -> Sequence[Any]:
        """Return the row of a ban, if there is one: as it waits to be written, else as it was."""
        for waiting in (self._turn, self._backlog):
            change = waiting.get(_ban(ban)) if waiting else None
            if change:
                return [values[1:] for sql, values in change.statements if sql == _LATEST]
        try:
            sql = f"SELECT ip, timeofban, bantime, bancount, data FROM bips WHERE jail = ? AND ip = ? AND {row.SANE}"
            return self._read(sql, (ban.jail, ban.id))
        except StoreError:
            return ()

    def jails(self) -> list[str]:
        """Return the names of all jails that anything is known of."""
        return [
            name for (name,) in self._read("SELECT name FROM jails WHERE typeof(name) = 'text' ORDER BY name", ())
        ]

    def history(self, key: str) -> dict[str, History]:
        """Return what is known of an id's earlier bans, by jail."""
        sql = f"SELECT jail, bancount, timeofban, bantime FROM bips WHERE ip = ? AND {row.SANE}"
        return {jail: History(bans, when, duration) for jail, bans, when, duration in self._read(sql, (key,))}

    def bans_of(self, key: str, jail: str = "") -> list[Ban]:
        """Return the bans of an id that are on record, oldest first: those of one jail, or of all."""
        which, values = ("ip = ? AND jail = ?", (key, jail)) if jail else ("ip = ?", (key,))
        which += f" AND {row.SANE} ORDER BY timeofban, rowid"
        sql = f"SELECT jail, ip, timeofban, bantime, bancount, data FROM bans WHERE {which}"
        return [row.ban_of(found[0], found[1:], own_time=True) for found in self._read(sql, values)]

    def position(self, jail: str, path: str) -> Position | None:
        """Return how far a jail read a log; without inode if Fail2Ban read on in it after us."""
        rows = self._read(
            "SELECT logs.firstlinemd5, logs.lastfilepos, coalesce(own.inode, 0) FROM logs "
            "LEFT JOIN f2b_positions own USING (jail, path, lastfilepos) "
            "WHERE logs.jail = ? AND logs.path = ?",
            (jail, path),
        )
        return (
            Position(str(rows[0][0] or ""), int(row.number(rows[0][1])), int(row.number(rows[0][2])))
            if rows
            else None
        )

    def noted(self, jail: str, name: str) -> str:
        """Return what was noted under this name; empty if nothing was."""
        rows = self._read("SELECT value FROM f2b_notes WHERE jail = ? AND name = ?", (jail, name))
        return str(rows[0][0]) if rows else ""

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
        return row.number(rows[0][0]) if rows else None

    def allowed(self, now: float) -> dict[str, float]:
        """Return who may not be banned by a filter, and until when; infinity is for good."""
        sane = "typeof(entry) = 'text' AND until <= 9e999"
        sql = f"SELECT entry, until FROM f2b_allowed WHERE until > ? AND {sane} ORDER BY entry"
        return {entry: float(until) for entry, until in self._read(sql, (now,)) if net.span(entry)}

    def arrivals(self, since: float) -> list[Arrival]:
        """Return who logged in since then, the eldest first."""
        sane = schema.SANE.format("address", "time, time") + " AND typeof(user) = 'text'"
        sql = f"SELECT address, user, time FROM f2b_logins WHERE time > ? AND {sane} ORDER BY time"
        return [Arrival(*each) for each in self._read(sql, (since,))]

    def load_counters(self, jail: str) -> dict[str, Tally]:
        """Return what was counted in a jail when that was last remembered."""
        sane = schema.SANE.format("ip", "first, last, retry, failures")
        sql = f"SELECT ip, first, last, retry, failures, data FROM f2b_counters WHERE jail = ? AND {sane}"
        return {found[0]: row.tally_of(found) for found in self._read(sql, (jail,))}

    # ---- the database ----

    def _write(self, what: Hashable, *statements: Statement) -> None:
        change = Change(what, statements)
        if self._turn is not None:
            self._turn.add([change])
        else:
            self._commit([change])

    def _commit(self, changes: Iterable[Change]) -> None:
        """Write, after what could not be written before."""
        self._backlog.add(changes)
        if self._failure and time.monotonic() - self._tried < PAUSE_S:
            self._refused(self._failure)
        try:
            fault = self._write_out()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._tried = time.monotonic()
            self._db.execute("PRAGMA busy_timeout = 0")  # a lock was waited for once; from now on that is in vain
            self._begin_anew_if_corrupt(error)
            self._refused(StoreError(schema.explain(self.path, error)))
        if self._failure:
            self._failure = None
            self._db.execute(f"PRAGMA busy_timeout = {schema.WAIT_MS}")
        if fault:
            raise StoreError(schema.explain(self.path, fault))

    def _refused(self, failure: StoreError) -> NoReturn:
        self._failure = failure
        self._backlog.trim()
        raise failure from None

    def _write_out(self) -> Exception | None:
        """Write the backlog; return the fault of ours for which a part of it can never be written, and is dropped."""
        changes = list(self._backlog)
        fault = self._execute(changes)
        if fault:
            for change in changes:
                self._execute([change])
                self._backlog.drop(change)
        self._backlog.clear()
        return fault

    def _execute(self, changes: Sequence[Change]) -> Exception | None:
        """Write all or nothing; return the fault of ours for which it cannot be. Raises sqlite3.Error otherwise."""
        if not changes:
            return None
        self._footing.secure()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, alike in groupby(_statements(changes), itemgetter(0)):
                self._db.executemany(sql, [values for _, values in alike])
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, _NEVER) and not isinstance(error, UnicodeDecodeError):
                return error
            raise
        return None

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """Return all rows."""
        return list(self._rows(sql, values))

    def _rows(self, sql: str, values: tuple[Any, ...]) -> Iterator[Any]:
        """Yield all rows."""
        self._footing.secure()
        try:
            yield from self._db.execute(sql, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._begin_anew_if_corrupt(error)
            raise StoreError(schema.explain(self.path, error)) from None

    def _begin_anew_if_corrupt(self, error: Exception) -> None:
        if rescue.corrupt(error):
            self._shut()
            self._use(*rescue.replace(self.path, error, self._tell))
            self.gap = True


_LATEST = "INSERT OR REPLACE INTO bips(jail, ip, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)"
_JAIL = "INSERT INTO jails(name) VALUES (?) ON CONFLICT(name) DO UPDATE SET enabled = 1"


def _statements(changes: Iterable[Change]) -> Iterator[Statement]:
    """Yield what is to be done, each jail named once: of thousands of counts, say, all are the same jail's."""
    named: set[tuple[Any, ...]] = set()
    for change in changes:
        for statement in change.statements:
            if statement[0] == _JAIL:
                if statement[1] in named:
                    continue
                named.add(statement[1])
            yield statement


def _ban(ban: Ban) -> Hashable:
    return "ban", ban.jail, ban.id, int(ban.time)


def _jail(name: str) -> Statement:
    return _JAIL, (name,)


def _log(jail: str, path: str, first: str, offset: float) -> Statement:
    return (
        "INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES (?, ?, ?, ?) ON CONFLICT(jail, path) "
        "DO UPDATE SET firstlinemd5 = excluded.firstlinemd5, lastfilepos = excluded.lastfilepos",
        (jail, path, first, offset),
    )


def _own(jail: str, path: str, offset: float, inode: int, cursor: str) -> Statement:
    return "INSERT OR REPLACE INTO f2b_positions VALUES (?, ?, ?, ?, ?)", (jail, path, offset, inode, cursor)


def _count(jail: str, key: str, tally: Tally) -> Statement:
    values = (jail, key, tally.first, tally.last, tally.retry, tally.failures, row.tally_data(tally))
    return "INSERT OR REPLACE INTO f2b_counters VALUES (?, ?, ?, ?, ?, ?, ?)", values


def _uncount(jail: str, key: str) -> Statement:
    return "DELETE FROM f2b_counters WHERE jail = ? AND ip = ?", (jail, key)
