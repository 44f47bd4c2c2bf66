"""Opening the database: Fail2Ban's version 4 and our own tables; older versions are brought up."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from f2b.errors import StoreError
from f2b.planted import refuse_planted

VERSION = 4
CHECKED = 16 << 20
"""Bytes up to which a file is checked page by page before it is trusted: some 20 ms."""
CACHE_KB = 512
"""Pages that SQLite keeps: a quarter of its own choice, since the system has them, too."""
WAIT_MS = 200
"""How long to wait for another program that has the file locked: meanwhile nothing else happens."""

SANE = "typeof({0}) = 'text' AND max({1}) < 1e12 AND min({1}) > -1e12"
"""A condition for rows: an id that is text, and numbers. SQLite holds nobody to a column's type; text is more than
any number to it, and what is not there is neither."""
as_text = partial(str, encoding="utf-8", errors="replace")
"""Makes texts of what a database holds: a single byte that is no UTF-8 must not make all other rows unreadable."""

Tell = Callable[[str, str], object]
"""(level, text): what people should know of the database."""

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
CREATE TABLE IF NOT EXISTS f2b_allowed(entry TEXT NOT NULL PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS f2b_logins(address TEXT NOT NULL PRIMARY KEY, user TEXT NOT NULL, time REAL NOT NULL);
CREATE TABLE IF NOT EXISTS f2b_notes(jail TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY(jail, name));
"""
TABLES = ("jails", "logs", "bans", "bips", "f2b_positions", "f2b_counters", "f2b_allowed", "f2b_logins", "f2b_notes")
"""What holds knowledge, parents first."""


def connect(path: str, tell: Tell, wait_ms: int = WAIT_MS) -> sqlite3.Connection:
    """Open the database, making it and its folder if need be, and bring an older version up, after a copy.

    Raises StoreError if it was written by a newer program, OSError if there is no file and none can be made,
    sqlite3.OperationalError if it cannot be used now, another sqlite3.DatabaseError if it is corrupt.
    """
    if path != ":memory:":
        _prepare(path)
    db = sqlite3.connect(path, timeout=wait_ms / 1000, isolation_level=None)
    db.text_factory = as_text
    try:
        _check(path, db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        db.execute("PRAGMA foreign_keys = ON")
        version = _version(db)
        if version is not None and version > VERSION:
            raise StoreError(
                f"database {path}: it has version {version}, and f2b knows {VERSION} at most; set another dbfile"
            )
        if version is not None and version < VERSION:
            _bring_up(path, db, version, tell)
        _complete(db, new=version is None)
    except BaseException as error:
        db.close()
        if isinstance(error, UnicodeDecodeError):  # sqlite3 itself, over what a broken file makes SQLite say
            raise sqlite3.DatabaseError("database disk image is malformed") from None
        raise
    if path != ":memory:":
        tell("INFO", f"Connected to fail2ban persistent database '{path}'")
    if version is None and path != ":memory:":
        tell("WARNING", f"New database created. Version '{VERSION}'")
    return db


def explain(path: str, error: Exception) -> str:
    """Say what is wrong with the database, and the cure."""
    text = (error.strerror or "") if isinstance(error, OSError) else str(error)
    cures = {
        "full": "make room on its disk",
        "No space": "make room on its disk",
        "Read-only": "mount its disk writable, or set dbfile",
        "readonly": "make it and its folder writable for the user that f2b runs as",
        "unable to open": "make it and its folder writable for the user that f2b runs as",
        "locked": "end the other program that has it open",
        "I/O": "look at its disk",
    }
    usual = "let the user that f2b runs as write it, or set dbfile" if isinstance(error, OSError) else ""
    cure = next((cure for word, cure in cures.items() if word in text), usual)
    return f"database {path}: {text}" + (f"; {cure}" if cure else "")


def aside(path: str) -> str:
    """Return the name under which the present file is kept, as Fail2Ban names it: FILE.YYYYMMDD-HHMMSS, UTC."""
    return f"{path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"


def _prepare(path: str) -> None:
    """Make the file private before SQLite would make it readable: it holds what users typed at logins."""
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_planted(path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(fd).st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


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
    if row and not isinstance(row[0], int):
        raise sqlite3.DatabaseError(f"its version is {row[0]!r}")
    return row[0] if row else None


def _complete(db: sqlite3.Connection, new: bool) -> None:
    """Make what lacks; no jail runs yet."""
    db.execute("BEGIN IMMEDIATE")
    _create(db)
    if new:
        db.execute("INSERT INTO fail2banDb(version) VALUES (?)", (VERSION,))
    db.execute("UPDATE jails SET enabled = 0")
    db.execute("COMMIT")


def _create(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):  # executescript would commit
        if statement.strip():
            db.execute(statement)


def _bring_up(path: str, db: sqlite3.Connection, version: int, tell: Tell) -> None:
    """Bring an older version up to ours, after keeping a copy of it. All or nothing."""
    kept = aside(path)
    with sqlite3.connect(kept) as copy:
        db.backup(copy)
    copy.close()
    Path(kept).chmod(0o600)
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
    tell("WARNING", f"Database updated from '{version}' to '{VERSION}'; a copy of the old one is {kept}")
