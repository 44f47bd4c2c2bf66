"""Two sets of bans set against each other: whom a changed configuration would ban besides, and whom no longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from f2b import duration
from f2b.cli import show
from f2b.cli.played import Login, Logins
from f2b.events import Ban
from f2b.named import NamedTuple


class Difference(NamedTuple):
    """Whom only one of the two bans; each with his first ban there."""

    changed: str
    """What is set against `present`, in words."""
    present: str
    more: Sequence[Ban]
    fewer: Sequence[Ban]
    both: int
    """How many both ban."""
    logins: Mapping[str, Login]
    """Who of the new ones logged in, on the day of his ban."""

    def sentence(self) -> str:
        """Return it in a sentence."""
        counts = f"{len(self.more)} more, {len(self.fewer)} fewer, {self.both} in both"
        said = f"{self.changed} against {self.present}: {counts}"
        if not self.more:
            return said
        number = len(self.logins)
        whom = "none of the new ones" if not number else f"{number} of the new ones"
        return f"{said}; {whom} logged in successfully that day"

    def table(self) -> str:
        """Return the addresses, those who logged in first."""
        logins = self.logins
        more = sorted(self.more, key=lambda ban: (ban.id not in logins, ban.time))
        rows = [("+", ban) for ban in more] + [("-", ban) for ban in self.fewer]
        return show.table(
            ["", "ADDRESS", "JAIL", "SINCE", "FOR", "FAILURES", "LOGGED IN"],
            [[sign, *_cells(ban), _login(logins.get(ban.id)) if sign == "+" else ""] for sign, ban in rows],
        )

    def plain(self) -> Mapping[str, object]:
        """Return it for programs."""
        return {
            "event": "comparison",
            "changed": self.changed,
            "present": self.present,
            "more": [_entry(ban, self.logins.get(ban.id)) for ban in self.more],
            "fewer": [_entry(ban, None) for ban in self.fewer],
            "both": self.both,
            "logged_in": len(self.logins),
        }


def difference(names: tuple[str, str], changed: Iterable[Ban], present: Iterable[Ban], logins: Logins) -> Difference:
    """Set the bans of a changed configuration against the present ones; `names` says what each is."""
    new, old = _first(changed), _first(present)
    more = [ban for key, ban in new.items() if key not in old]
    found = {ban.id: login for ban in more if (login := logins.on_that_day(ban)) is not None}
    fewer = [ban for key, ban in old.items() if key not in new]
    return Difference(*names, more, fewer, len(new) - len(more), found)


def _first(bans: Iterable[Ban]) -> dict[str, Ban]:
    """Return the first ban of each id."""
    found: dict[str, Ban] = {}
    for ban in sorted(bans, key=lambda ban: ban.time):
        found.setdefault(ban.id, ban)
    return found


def length(ban: Ban) -> str:
    """Return how long a ban is, for people."""
    return "ever" if ban.duration < 0 else duration.human(round(ban.duration))


def _cells(ban: Ban) -> list[str]:
    return [show.plain(ban.id), show.plain(ban.jail), show.moment(ban.time), length(ban), str(ban.failures)]


def _login(login: Login | None) -> str:
    return "" if login is None else f"{show.moment(login.time)} {show.plain(login.user)}".rstrip()


def _entry(ban: Ban, login: Login | None) -> Mapping[str, object]:
    entry: dict[str, object] = {"id": ban.id, "jail": ban.jail, "time": ban.time, "failures": ban.failures}
    entry["bantime"] = ban.duration
    entry["login"] = None if login is None else {"time": login.time, "user": login.user}
    return entry
