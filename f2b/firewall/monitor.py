"""News of what others do to our tables: somebody's `nft flush ruleset` must not open the door for long."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from f2b.firewall import nft
from f2b.firewall.netlink import Events, Netlink
from f2b.firewall.wire import Reply


class Monitor:
    """Hears of every change of the ruleset, and says which were foreign ones."""

    def __init__(self, link: Netlink, children: set[int]) -> None:
        """`link` is what our own changes go through, `children` the processes that make changes for us.

        Raises ActionError without the right to listen.
        """
        self._link = link
        self._children = children
        self._events = Events()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news."""
        return self._events.fileno()

    def foreign_changes(self) -> set[tuple[int, str]] | None:
        """Read the news, and return the tables that somebody else changed, by family and name.

        Timeouts are no news. None: the kernel had to drop some, so it may have been any.
        """
        # A program's socket has its process's number, unless that is another socket's already.
        own = {self._link.portid, *self._children}
        try:
            changed = foreign(self._events.read(), own)
        except OSError:
            return None
        self._children.clear()  # they have ended, and what they did has been read
        return changed

    def close(self) -> None:
        """Stop listening."""
        self._events.close()


def foreign(news: Iterable[Reply], own: Collection[int]) -> set[tuple[int, str]]:
    """Return the tables that others than these sockets changed, by family and name."""
    return {
        (one.body[0], nft.read_table_name(one.body[4:]))
        for one in news
        if one.body and one.portid not in own and one.type != nft.SUBSYSTEM | nft.NEWGEN
    }
