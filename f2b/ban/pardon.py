"""What counts of everybody, failure by failure, in jails where a success takes back what was counted before it."""

from __future__ import annotations

from collections.abc import Container, Sequence

from f2b.ban.counter import Tally
from f2b.events import Failure
from f2b.named import NamedTuple


class Counted(NamedTuple):
    """A failure that counts."""

    time: float
    seen: str
    """Whose it was, where a whole network is counted as one."""
    failure: Failure


class Pardons:
    """The failures behind each count."""

    def __init__(self) -> None:
        self._counted: dict[str, list[Counted]] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def note(self, key: str, one: Counted, horizon: float) -> None:
        """Take in a failure that was counted for `key`; those before `horizon` no longer matter."""
        kept = [other for other in self._counted.get(key, ()) if other.time > horizon]
        self._counted[key] = [*kept, one]

    def forget(self, key: str) -> None:
        """Begin anew: what was counted for `key` has led to its sentence."""
        self._counted.pop(key, None)

    def forgive(self, key: str, success: Failure, tally: Tally) -> tuple[Sequence[Counted], int]:
        """Return what of a count stands after a success, and how many failures no longer do.

        Of a count that an earlier server began only the first failure is known: it stands for all of them.
        """
        whole = Counted(tally.last, tally.seen.id, tally.seen._replace(attempts=tally.retry, matches=tally.matches))
        counted = self._counted.get(key) or [whole]
        left = [one for one in counted if not _forgiven(one, success)]
        if len(left) < len(counted):
            self._counted[key] = left
        return left, len(counted) - len(left)

    def purge(self, keys: Container[str]) -> None:
        """Forget all but these ids."""
        for key in [key for key in self._counted if key not in keys]:
            del self._counted[key]


def _forgiven(one: Counted, success: Failure) -> bool:
    """Whether a success speaks for whoever failed: the same host, and the same user where both name one."""
    if one.seen != success.id or (success.time is not None and one.time > success.time):
        return False
    users, user = _users(one.failure), _users(success)
    return not users or not user or not users.isdisjoint(user)


def _users(failure: Failure) -> frozenset[str]:
    several = failure.captures.get("users", ())
    user = failure.captures.get("user")
    named = [user] if isinstance(user, str) else []
    return frozenset(filter(None, [*named, *([several] if isinstance(several, str) else several)]))
