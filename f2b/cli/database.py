"""Which database a command reads that asks no server."""

from __future__ import annotations

import os
from pathlib import Path

from f2b import paths
from f2b.config import search
from f2b.errors import StoreError


def found(db: str | None, directory: str | None) -> str:
    """Return the database that was named, else that of the configuration in `directory`, or of the usual one.

    Raises ConfigError if there is no such folder, StoreError if the configuration wants none.
    """
    named = db or search.load(Path(directory) if directory else None, only=search.NO_JAIL).server.dbfile
    if named in ("None", ":memory:"):
        raise StoreError(f"the configuration keeps no database (dbfile = {named}); name one with --db")
    return named or paths.defaults(os.geteuid(), os.environ).database
