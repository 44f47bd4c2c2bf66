"""What `f2b top` shows: the last minute's failures and bans, and who failed most in ten. Time is handed in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from f2b.client import Client, Event
from f2b.named import NamedTuple

MINUTE_S = 60.0
WINDOW_S = 600.0
"""How long an event is looked at: as long as the server keeps it."""
MOST = 20_000
"""Events that are remembered; in a flood the oldest go first."""
SUSPECTS = 50
"""So many addresses are listed."""
FOUND, BAN = "found", "ban"


class Rate(NamedTuple):
    """Events of the last minute."""

    failures: int
    bans: int


class Suspect(NamedTuple):
    """Somebody who failed lately."""

    id: str
    failures: int
    """In the last ten minutes."""
    jails: Sequence[str]


class Scoreboard:
    """Counts events."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, str, str, str]] = deque(maxlen=MOST)

    def take(self, event: Event) -> None:
        """Take an event in. A ban that a restart brought back is no new one."""
        kind, time, jail, who = event[:4]
        if jail and who and kind in (FOUND, BAN) and not event.details.get("restored"):
            self._events.append((time, kind, jail, who))

    def rates(self, now: float) -> dict[str, Rate]:
        """Return what happened in the last minute, by jail."""
        counts = Counter((jail, kind) for time, kind, jail, _ in self._events if time > now - MINUTE_S)
        return {jail: Rate(counts[jail, FOUND], counts[jail, BAN]) for jail, _ in counts}

    def suspects(self, now: float, most: int) -> list[Suspect]:
        """Return who failed most, at most so many."""
        while self._events and self._events[0][0] <= now - WINDOW_S:
            self._events.popleft()
        failed = Counter(who for _, kind, _, who in self._events if kind == FOUND)
        jails: dict[str, dict[str, None]] = {who: {} for who, _ in failed.most_common(most)}
        for _, _, jail, who in self._events:
            if who in jails:
                jails[who][jail] = None
        return [Suspect(who, failed[who], tuple(jails[who])) for who in jails]


def kept_out(client: Client, suspects: Sequence[Suspect]) -> set[str]:
    """Return who of these is banned now."""
    ids = [suspect.id for suspect in suspects]
    return {ban["id"] for ban in client.ask("banned", ids=ids)["bans"]} if ids else set()
