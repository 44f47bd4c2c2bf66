"""Tells when a file system was mounted or unmounted: no watch of inotify's hears of that, nor of what it covers."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from f2b.loop import Loop

_TABLE = "/proc/self/mountinfo"


class Mounts:
    """Calls `changed` after mounts have changed (proc_pid_mounts(5): poll(2) then marks the file as exceptional).

    Without /proc it never calls.
    """

    def __init__(self, loop: Loop, changed: Callable[[], object]) -> None:
        self._loop = loop
        self._changed = changed
        self._fd = -1
        self._news: select.epoll | None = None
        """Ready when the table is exceptional; the table itself is always ready, so the loop must not wait for it."""
        try:
            self._fd = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
            self._news = select.epoll()
            self._news.register(self._fd, select.EPOLLPRI)
        except OSError:  # no /proc, or no descriptor left: logs are looked at now and then all the same
            self._give_back()
        if self._news:
            self._news.poll(0)
            loop.watch(self._news.fileno(), self._hear)

    def close(self) -> None:
        """Hear no more."""
        if self._news:
            self._loop.unwatch(self._news.fileno())
        self._give_back()

    def _give_back(self) -> None:
        if self._news:
            self._news.close()
            self._news = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _hear(self) -> None:
        assert self._news
        self._news.poll(0)
        self._changed()
