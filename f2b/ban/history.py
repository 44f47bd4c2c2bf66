"""What is known of somebody's earlier bans: asked for before a new ban is announced, so that it has its right length.

Pure: what the database holds is handed in by whoever may read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from f2b.ban.ledger import Ledger
from f2b.named import NamedTuple


class History(NamedTuple):
    """Somebody's earlier bans."""

    bans: int
    """How many; what Fail2Ban calls `bancount`."""
    time: float
    """When the latest began."""
    duration: float
    """How long the latest was; PERMANENT, or -2 if a very old database did not say."""


Rows = Callable[[str], Mapping[str, History]]
"""What is stored of an id, by jail."""


class Past:
    """What is stored, and what is in force and may not be stored yet."""

    def __init__(self, rows: Rows = lambda key: {}, ledgers: Callable[[], Iterable[Ledger]] = lambda: ()) -> None:
        self._rows = rows
        self._ledgers = ledgers

    def of(self, key: str) -> dict[str, History]:
        """Return an id's earlier bans, the present one included, by jail."""
        found = dict(self._rows(key))
        for ledger in self._ledgers():
            ban = ledger.get(key)
            if ban:
                found[ban.jail] = History(ban.count, ban.time, ban.duration)
        return found


def together(histories: Iterable[History]) -> History | None:
    """Return several jails' histories as one; None if there are none."""
    found = sorted(histories, key=lambda history: history.time)
    return found[-1]._replace(bans=sum(history.bans for history in found)) if found else None
