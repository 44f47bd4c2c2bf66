"""News of what others do to our tables: somebody's `nft flush ruleset` must not open the door for long."""

from __future__ import annotations

from collections.abc import Collection

from f2b.firewall import nft
from f2b.firewall.netlink import Events, Netlink
from f2b.firewall.wire import Reply


class Monitor:
    """Hears of every change of the ruleset, and says whether it was a foreign one of ours."""

    def __init__(self, link: Netlink) -> None:
        """`link` is what our own changes go through. Raises ActionError without the right to listen."""
        self._link = link
        self._events = Events()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news."""
        return self._events.fileno()

    def foreign_change(self, tables: Collection[str]) -> bool:
        """Read the news, and return whether somebody else changed one of these tables.

        Timeouts are no news. If the kernel had to drop some, the answer is yes: it may have been one.
        """
        try:
            # All of it must be read, so no any() over a generator.
            return any([self._is_foreign(news, tables) for news in self._events.read()])  # noqa: C419
        except OSError:
            return True

    def close(self) -> None:
        """Stop listening."""
        self._events.close()

    def _is_foreign(self, news: Reply, tables: Collection[str]) -> bool:
        if news.portid == self._link.portid or news.type == nft.SUBSYSTEM | nft.NEWGEN:
            return False
        return nft.read_table_name(news.body[4:]) in tables
