"""The files that `banlist` names: who stands there is kept out, without any log line, as long as he stands there."""

from __future__ import annotations

from pathlib import Path

from f2b import net
from f2b.ban.allow import words
from f2b.daemon.lists import Sign, sign
from f2b.events import Effect
from f2b.jail import Jail
from f2b.log import Log

SHOWN = 3
"""So many entries that are none are named."""


class Banlists:
    """What each file holds, read again when it changes. A file that is gone goes on to hold what it held."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._signs: dict[str, Sign | None] = {}
        self._held: dict[str, frozenset[str]] = {}
        self._told: dict[str, tuple[tuple[str, Sign | None], ...]] = {}
        """What each jail was told last."""

    def refresh(self, jail: Jail, now: float) -> list[Effect]:
        """Return what follows for a jail from what its files hold now."""
        for path in jail.spec.banlist:
            self._look(path)
        state = tuple((path, self._signs[path]) for path in jail.spec.banlist)
        if self._told.get(jail.name, ()) == state:
            return []
        self._told[jail.name] = state
        return jail.hold(frozenset().union(*(self._held[path] for path in jail.spec.banlist)), now)

    def forget(self, name: str) -> None:
        """A jail is gone: should it come back, it has to be told everything."""
        self._told.pop(name, None)

    def _look(self, path: str) -> None:
        found = sign(path)
        if path in self._signs and self._signs[path] == found:
            return
        self._signs[path] = found
        try:
            entries = words(Path(path).read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            held = self._held.setdefault(path, frozenset())
            self._log.warning(
                "filter", f"banlist {path}: {error.strerror}; {len(held)} stay out, until it can be read again"
            )
            return
        known = {entry: net.network(entry) for entry in dict.fromkeys(entries)}
        self._held[path] = frozenset(filter(None, known.values()))
        wrong = [entry for entry, network in known.items() if not network]
        if wrong:
            shown = " ".join(map(repr, wrong[:SHOWN])) + (" ..." if len(wrong) > SHOWN else "")
            self._log.warning(
                "filter", f"banlist {path}: {len(wrong)} entries are no address or network and are left out: {shown}"
            )
