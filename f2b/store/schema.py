"""Opening the database: Fail2Ban's version 4 and our own tables; older versions and broken files are dealt with."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from f2b.errors import StoreError

VERSION = 4
CHECKED = 16 << 20
"""Bytes up to which a file is checked page by page before it is trusted: some 20 ms."""
ROOM = 128 << 10
"""Bytes that SQLite's shared memory and a first page of its log take."""
WAIT = 0.2
"""Seconds to wait for another program that has the file locked: meanwhile nothing else happens."""

_TABLES = """
CREATE TABLE IF NOT EXISTS fail2banDb(version INTEGER);
CREATE TABLE IF NOT EXISTS jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS jails_name ON jails(name);
CREATE TABLE IF NOT EXISTS logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0,
  FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE, UNIQUE(jail, path), UNIQUE(jail, path, firstlinemd5));
CREATE INDEX IF NOT EXISTS logs_path ON logs(path);
CREATE INDEX IF NOT EXISTS logs_jail_path ON logs(jail, path);
CREATE TABLE IF NOT EXISTS bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
  bancount INTEGER NOT NULL DEFAULT 1, data JSON, FOREIGN KEY(jail) REFERENCES jails(name));
CREATE INDEX IF NOT EXISTS bans_jail_timeofban_ip ON bans(jail, timeofban);
CREATE INDEX IF NOT EXISTS bans_jail_ip ON bans(jail, ip);
CREATE INDEX IF NOT EXISTS bans_ip ON bans(ip);
CREATE TABLE IF NOT EXISTS bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL,
  bantime INTEGER NOT NULL, bancount INTEGER NOT NULL DEFAULT 1, data JSON, PRIMARY KEY(ip, jail),
  FOREIGN KEY(jail) REFERENCES jails(name));
CREATE INDEX IF NOT EXISTS bips_timeofban ON bips(timeofban);
CREATE INDEX IF NOT EXISTS bips_ip ON bips(ip);
CREATE TABLE IF NOT EXISTS f2b_positions(jail TEXT NOT NULL, path TEXT NOT NULL, lastfilepos NUMERIC NOT NULL,
  inode INTEGER NOT NULL DEFAULT 0, cursor TEXT NOT NULL DEFAULT '', PRIMARY KEY(jail, path),
  FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS f2b_counters(jail TEXT NOT NULL, ip TEXT NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
  retry INTEGER NOT NULL, failures INTEGER NOT NULL, data JSON, PRIMARY KEY(jail, ip),
  FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE);
"""


def connect(path: str, tell: Callable[[str], object]) -> sqlite3.Connection:
    """Open the database, making it and its folder if need be; `tell` hears what is more than opening.

    Raises StoreError if it cannot be opened or was written by a newer program. A corrupt file is moved aside, as
    Fail2Ban names it (FILE.YYYYMMDD-HHMMSS, UTC), and what can be read of it is taken over. On a full disk the rows
    are taken into memory: a host must not stay open because its disk is full.
    """
    try:
        if path != ":memory:":
            _prepare(path)
        return _open(path, tell)
    except sqlite3.DatabaseError as error:
        if not isinstance(error, sqlite3.OperationalError):
            return _replace(path, error, tell)
        if not _full(path):  # a lock, or rights
            raise StoreError(explain(path, error)) from None
    except StoreError:
        if not _full(path):
            raise
    return _borrow(path, tell)


def _full(path: str) -> bool:
    """Whether there is no room for the files that SQLite works with."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < ROOM


def _borrow(path: str, tell: Callable[[str], object]) -> sqlite3.Connection:
    """Work in memory, with what can be read of the file without writing beside it."""
    db = _open(":memory:", tell)
    saved = _salvage(Path(path).absolute().as_uri() + "?immutable=1", db) if Path(path).exists() else 0
    tell(f"database {path}: its disk is full; make room and restart, until then nothing is saved ({saved} rows read)")
    return db


def explain(path: str, error: Exception) -> str:
    """Say what is wrong with the database, and the cure."""
    text = str(error)
    cures = {
        "full": "make room on its disk",
        "readonly": "make it and its folder writable for the user that f2b runs as",
        "unable to open": "make it and its folder writable for the user that f2b runs as",
        "locked": "end the other program that has it open",
        "I/O": "look at its disk",
        "malformed": "restart f2b, which sets it aside",
    }
    cure = next((cure for word, cure in cures.items() if word in text), "")
    return f"database {path}: {text}" + (f"; {cure}" if cure else "")


def _prepare(path: str) -> None:
    """Make the file private before SQLite would make it readable: it holds what users typed at logins."""
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(fd).st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
        os.close(fd)
    except OSError as error:
        cure = "let the user that f2b runs as write it, or set dbfile"
        raise StoreError(f"database {path}: {error.strerror}; {cure}") from None


def _open(path: str, tell: Callable[[str], object]) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    try:
        _check(path, db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        version = _version(db)
        if version is not None and version > VERSION:
            raise StoreError(
                f"database {path}: it has version {version}, and f2b knows {VERSION} at most; set another dbfile"
            )
        if version is not None and version < VERSION:
            _bring_up(path, db, version, tell)
        db.execute("BEGIN IMMEDIATE")
        _create(db)
        if version is None:
            db.execute("INSERT INTO fail2banDb(version) VALUES (?)", (VERSION,))
            if path != ":memory:":
                tell(f"New database created. Version '{VERSION}'")
        db.execute("UPDATE jails SET enabled = 0")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _check(path: str, db: sqlite3.Connection) -> None:
    if path != ":memory:" and Path(path).stat().st_size <= CHECKED:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)


def _version(db: sqlite3.Connection) -> int | None:
    """Return what the file says of itself, None if it is new."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'fail2banDb'").fetchone():
        return None
    row = db.execute("SELECT version FROM fail2banDb").fetchone()
    return int(row[0]) if row else None


def _create(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):  # executescript would commit
        if statement.strip():
            db.execute(statement)


def _bring_up(path: str, db: sqlite3.Connection, version: int, tell: Callable[[str], object]) -> None:
    """Bring an older version up to ours, after keeping a copy of it. All or nothing."""
    aside = _aside(path)
    with sqlite3.connect(aside) as copy:
        db.backup(copy)
    copy.close()
    Path(aside).chmod(0o600)
    db.execute("BEGIN IMMEDIATE")
    if version < 2:
        db.execute("DROP TABLE IF EXISTS logs")  # positions by another key; reading starts findtime ago
    columns = {row[1] for row in db.execute("PRAGMA table_info(bans)")}
    if columns and "bantime" not in columns:
        db.execute("ALTER TABLE bans ADD COLUMN bantime INTEGER NOT NULL DEFAULT -2")
    if columns and "bancount" not in columns:
        db.execute("ALTER TABLE bans ADD COLUMN bancount INTEGER NOT NULL DEFAULT 1")
    _create(db)
    db.execute(
        "INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data) "
        "SELECT ip, jail, timeofban, bantime, bancount, data FROM bans ORDER BY timeofban"
    )
    db.execute("UPDATE fail2banDb SET version = ?", (VERSION,))
    db.execute("COMMIT")
    tell(f"Database updated from '{version}' to '{VERSION}'; a copy of the old one is {aside}")


def _aside(path: str) -> str:
    return f"{path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"


def _replace(path: str, error: Exception, tell: Callable[[str], object]) -> sqlite3.Connection:
    """Move a corrupt file aside and begin a new one with what can still be read."""
    aside = _aside(path)
    for tail in ("", "-wal", "-shm"):
        if Path(path + tail).exists():
            Path(path + tail).rename(aside + tail)
    _prepare(path)
    try:
        db = _open(path, tell)
        saved = _salvage(aside, db)
    except sqlite3.Error as second:
        raise StoreError(explain(path, second)) from None
    tell(f"database {path} is corrupt ({error}); moved to {aside}, {saved} rows of it were taken over")
    return db


def _salvage(aside: str, db: sqlite3.Connection) -> int:
    old = sqlite3.connect(aside, uri=aside.startswith("file:"))
    saved = 0
    db.execute("BEGIN IMMEDIATE")
    for table in ("jails", "logs", "bans", "bips"):
        try:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            rows = old.execute(f"SELECT {', '.join(columns)} FROM {table}")
            saved += _copy(db, table, len(columns), rows)
        except sqlite3.DatabaseError:
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
