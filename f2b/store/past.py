"""The bans of the past, read from a database that a server may be using at the same time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from f2b.errors import StoreError
from f2b.events import Ban
from f2b.store.row import SANE, ban_of
from f2b.store.schema import as_text

WAIT_S = 10.0
"""How long a server may hold the database up."""
_SQL = (
    "SELECT jail, ip, timeofban, bantime, bancount, data FROM bans "
    f"WHERE timeofban >= ? AND {SANE} ORDER BY timeofban, rowid"
)


def bans(path: str, since: float = 0.0) -> Iterator[Ban]:
    """Return every ban that began at `since` (epoch seconds) or later, oldest first; nothing is written.

    Raises StoreError if there is no such database, or it cannot be read.
    """
    if not Path(path).is_file():
        raise StoreError(f"there is no database {path}; name it with --db, or the configuration with -c")
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", timeout=WAIT_S, uri=True)) as db:
            db.text_factory = as_text
            for jail, *row in db.execute(_SQL, (since,)):
                key, time, duration, count, data = row
                yield ban_of(jail, (key, time, duration, count, data), own_time=False)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(
            f"cannot read database {path}: {error}; run as who owns it, or name another with --db"
        ) from None
