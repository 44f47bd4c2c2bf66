"""What a filter type remembers of hosts: no longer than its window, and never of more than so many."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary that forgets: who was not touched within `window` seconds, and the oldest beyond `most`.

    The present is the newest time that it was told, so that lines decide and no clock does.
    """

    __slots__ = ("_entries", "_most", "_window", "now")

    def __init__(self, window: float, most: int) -> None:
        self._entries: dict[K, tuple[float, V]] = {}
        self._window = window
        self._most = most
        self.now = float("-inf")
        """The newest time so far."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def get(self, key: K, time: float) -> V | None:
        """Return what is known at `time`, if it was touched within the window before that."""
        found = self._entries.get(key)
        return None if found is None or found[0] <= time - self._window else found[1]

    def has(self, key: K, time: float) -> bool:
        """Return whether it was touched within the window before `time`."""
        found = self._entries.get(key)
        return found is not None and found[0] > time - self._window

    def put(self, key: K, value: V, time: float) -> list[tuple[K, V]]:
        """Remember something, touched at `time`; return what is forgotten for that."""
        before = self._entries.pop(key, None)
        self._entries[key] = (time if before is None else max(time, before[0]), value)
        self.now = max(self.now, time)
        return self._forget()

    def pop(self, key: K) -> V | None:
        """Forget one, and return what was known."""
        found = self._entries.pop(key, None)
        return None if found is None else found[1]

    def _forget(self) -> list[tuple[K, V]]:
        gone: list[tuple[K, V]] = []
        horizon = self.now - self._window
        for key, (time, value) in self._entries.items():  # from the one that was touched first
            if time > horizon and len(self._entries) - len(gone) <= self._most:
                break
            gone.append((key, value))
        for key, _ in gone:
            del self._entries[key]
        return gone
