"""When the database file cannot be used: a corrupt one is set aside, and while a disk refuses, memory stands in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from f2b.errors import StoreError
from f2b.store import schema
from f2b.store.schema import Tell

ROOM = 128 << 10
"""Bytes that SQLite's shared memory and a first page of its log take."""
_TAILS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""
_BESIDE = "/dev/shm"
"""Where there is room even if a disk is full."""


def connect(path: str, tell: Tell) -> tuple[sqlite3.Connection, str]:
    """Open the database, and return it with "", or one in memory with why the file cannot be used now.

    What can be read of the file is in memory then: a host must not stay open because its disk is full, read-only, or
    because another program has the file locked. A corrupt file is moved aside, as Fail2Ban names it
    (FILE.YYYYMMDD-HHMMSS, UTC), and what can be read of it is taken over.
    """
    try:
        return schema.connect(path, tell), ""
    except StoreError as error:  # written by a newer program: it is not ours to read or write
        tell("ERROR", f"{error}; f2b works in memory")
        return schema.connect(":memory:", tell), str(error)
    except (OSError, sqlite3.OperationalError) as error:
        return _borrow(path, sqlite3.OperationalError("database or disk is full") if _full(path) else error, tell)
    except sqlite3.DatabaseError as error:
        return replace(path, error, tell)


def corrupt(error: Exception) -> bool:
    """Whether this says that the file itself is broken, or does so in words that nobody can read."""
    return type(error) in (sqlite3.DatabaseError, UnicodeDecodeError)


def replace(path: str, error: Exception, tell: Tell) -> tuple[sqlite3.Connection, str]:
    """Move a corrupt file aside and begin a new one with what can still be read; returns as `connect` does."""
    kept = schema.aside(path)
    try:
        for tail in ("", *_TAILS):
            if Path(path + tail).exists():
                Path(path + tail).rename(kept + tail)
        db = schema.connect(path, tell)
        saved = _salvage(kept, db)
    except (OSError, sqlite3.Error, UnicodeDecodeError) as second:
        return _borrow(path, second, tell)
    tell("ERROR", f"Database {path} is corrupt ({error}); moved to {kept}, {saved} rows of it were taken over")
    return db, ""


def give_back(memory: sqlite3.Connection, path: str, tell: Tell) -> sqlite3.Connection:
    """Return the file, opened, with all that stood in memory. Raises OSError or sqlite3.Error while it refuses."""
    db = schema.connect(path, tell, wait_ms=0)  # there is a next time
    try:
        memory.backup(db)
        db.execute(f"PRAGMA busy_timeout = {schema.WAIT_MS}")
    except BaseException:
        db.close()
        raise
    memory.close()
    return db


def _full(path: str) -> bool:
    """Whether there is no room for the files that SQLite works with."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < ROOM and not disk.f_flag & os.ST_RDONLY


def _borrow(path: str, error: Exception, tell: Tell) -> tuple[sqlite3.Connection, str]:
    """Work in memory, with what can be read of the file without writing beside it."""
    db = schema.connect(":memory:", tell)
    saved = _read_all(path, db) if Path(path).is_file() else 0
    why = schema.explain(path, error)
    tell("ERROR", f"{why}; f2b works in memory ({saved} rows read) and saves all as soon as that can be done")
    return db, why


def _read_all(path: str, db: sqlite3.Connection) -> int:
    """Take over what a file holds, with its log beside it, by a copy where there is room; return how many rows."""
    import shutil  # late: with what they bring along these take 0.5 MB, and few databases need rescue
    import tempfile

    try:
        with tempfile.TemporaryDirectory(dir=_BESIDE, prefix="f2b-") as folder:
            for tail in ("", "-wal", "-journal"):
                if Path(path + tail).exists():
                    shutil.copyfile(path + tail, f"{folder}/db{tail}")
            return _salvage(f"{folder}/db", db)
    except OSError:  # no room there either: what stands in the file itself must do
        return _salvage(Path(path).absolute().as_uri() + "?immutable=1", db)


def _salvage(path: str, db: sqlite3.Connection) -> int:
    old = sqlite3.connect(path, uri=path.startswith("file:"))
    old.text_factory = schema.as_text
    saved = 0
    db.execute("BEGIN IMMEDIATE")
    for table in schema.TABLES:
        try:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            rows = old.execute(f"SELECT {', '.join(columns)} FROM {table}")
            saved += _copy(db, table, len(columns), rows)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            continue  # the rest of this table is lost
    db.execute("COMMIT")
    old.close()
    return saved


def _copy(db: sqlite3.Connection, table: str, width: int, rows: Iterable[tuple[object, ...]]) -> int:
    saved = 0
    for row in rows:
        places = ", ".join("?" * width)
        saved += db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row).rowcount
    return saved
