"""What each bouncer holds, as far as we know: kept on disk, so that it is known after a restart, too.

On disk is always at least what the bouncer may hold: what it is to be told is noted as unsure before it is told, and
as told, or no longer held, when all of it is sent. Whoever is killed in between tells it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock

from f2b.named import NamedTuple
from f2b.web.decision import UNSURE, Wanted

KEPT_S = 30 * 86_400.0
"""A bouncer that was not heard of for so long is forgotten."""
NOTE_S = 3600.0
"""How often it is written down that one came that had to be told nothing."""
MOST_BOUNCERS = 256
"""The one that was silent longest is forgotten."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bouncer (
    id INTEGER PRIMARY KEY, key TEXT, address TEXT, product TEXT, agent TEXT, pulled REAL,
    UNIQUE (key, address, product)
);
CREATE TABLE IF NOT EXISTS held (bouncer INTEGER, value TEXT, until REAL, PRIMARY KEY (bouncer, value)) WITHOUT ROWID;
"""

Row = tuple[str, float]


class Name(NamedTuple):
    """Who asks: several bouncers may share a key, on several hosts or on one."""

    key: str
    """Not the key itself, but what stands for it."""
    address: str
    product: str
    """Of its User-Agent, without the version."""


class Bouncer:
    """One bouncer. For one thread, but for what goes to disk."""

    def __init__(self, number: int, name: Name, agent: str, pulled: float) -> None:
        self.number = number
        self.name = name
        self.agent = agent
        self.pulled = pulled
        """When it came last, seconds since 1970."""
        self.noted = pulled
        """The same, as it is on disk."""
        self.held: dict[str, float] = {}
        """Until when, by value."""
        self.seen = -1
        """The mirror's last change that it was told of; -1 if it must be looked."""
        self.asked: Wanted | None = None
        """What it asked for then."""
        self.good = 0.0
        """Until when nothing can be told anew unless the mirror changes."""

    def start(self) -> None:
        """Note that it begins anew: it holds nothing, or what it held before."""
        self.held = dict.fromkeys(self.held, UNSURE)
        self.seen = -1

    def unsure(self, new: Sequence[str]) -> list[str]:
        """Note what is about to be told; return what it could not hold before."""
        fresh = [value for value in new if value not in self.held]
        self.held.update(dict.fromkeys(new, UNSURE))
        return fresh

    def told(self, new: Iterable[Row]) -> None:
        """Note what was told."""
        self.held.update(new)

    def let_go(self, over: Iterable[Row]) -> list[str]:
        """Note what it was told to let go, unless it was told of it anew meanwhile; return what that leaves out."""
        gone = [value for value, until in over if self.held.get(value) == until]
        for value in gone:
            del self.held[value]
        return gone


class Handout:
    """All bouncers. A disk that refuses costs nothing but what is remembered after a restart."""

    def __init__(self, path: str, now: float, complain: Callable[[str], object]) -> None:
        """`path` is the file, made if it is not there; `complain` is told what is wrong with it."""
        self._path = path
        self._complain = complain
        self._lock = Lock()
        self._works = True
        self.bouncers: dict[Name, Bouncer] = {}
        try:
            self._disk = self._opened(path)
            self._load()
        except (OSError, sqlite3.Error) as error:
            complain(f"{path} cannot be used, so a restart will forget what bouncers hold: {error}")
            self._disk = self._opened(":memory:")
            self.bouncers.clear()
        for bouncer in list(self.bouncers.values()):
            if bouncer.pulled < now - KEPT_S:
                self.forget(bouncer)

    def _opened(self, path: str) -> sqlite3.Connection:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        disk = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        disk.execute("PRAGMA journal_mode = WAL")
        disk.execute("PRAGMA synchronous = NORMAL")
        disk.executescript(_SCHEMA)
        return disk

    def _load(self) -> None:
        for number, key, address, product, agent, pulled in self._disk.execute("SELECT * FROM bouncer").fetchall():
            bouncer = Bouncer(number, Name(key, address, product), agent, pulled)
            bouncer.held.update(self._disk.execute("SELECT value, until FROM held WHERE bouncer = ?", (number,)))
            self.bouncers[bouncer.name] = bouncer

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._disk.close()

    def meet(self, name: Name, agent: str, now: float) -> Bouncer:
        """Return the bouncer of that name, new or known, and note that it came."""
        bouncer = self.bouncers.get(name)
        if bouncer is None:
            while len(self.bouncers) >= MOST_BOUNCERS:
                self.forget(min(self.bouncers.values(), key=lambda each: each.pulled))
            number = max((each.number for each in self.bouncers.values()), default=0) + 1
            bouncer = self.bouncers[name] = Bouncer(number, name, agent, 0.0)
        bouncer.agent, bouncer.pulled = agent, now
        if not bouncer.noted <= now < bouncer.noted + NOTE_S:
            self.save(bouncer, ())
        return bouncer

    def forget(self, bouncer: Bouncer) -> None:
        """Forget a bouncer and what it holds."""
        del self.bouncers[bouncer.name]
        self._write(
            ("DELETE FROM held WHERE bouncer = ?", [(bouncer.number,)]),
            ("DELETE FROM bouncer WHERE id = ?", [(bouncer.number,)]),
        )

    def save(self, bouncer: Bouncer, held: Sequence[Row], gone: Sequence[str] = ()) -> None:
        """Write what a bouncer holds now, and what it no longer does. For any thread."""
        if self.bouncers.get(bouncer.name) is not bouncer:
            return  # forgotten meanwhile
        number = bouncer.number
        bouncer.noted = bouncer.pulled
        self._write(
            ("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", [(number, value, until) for value, until in held]),
            ("DELETE FROM held WHERE bouncer = ? AND value = ?", [(number, value) for value in gone]),
            (
                "INSERT OR REPLACE INTO bouncer VALUES (?, ?, ?, ?, ?, ?)",
                [(number, *bouncer.name, bouncer.agent, bouncer.noted)],
            ),
        )

    def _write(self, *steps: tuple[str, Sequence[tuple[object, ...]]]) -> None:
        with self._lock:
            try:
                self._disk.execute("BEGIN")
                for command, rows in steps:
                    self._disk.executemany(command, rows)
                self._disk.execute("COMMIT")
                self._works = True
            except sqlite3.Error as error:
                self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        """Go on without; say so once."""
        try:
            if self._disk.in_transaction:
                self._disk.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # it is over either way
        if self._works:
            self._complain(f"{self._path} cannot be written, so a restart may forget what bouncers hold: {error}")
        self._works = False
