"""Host names to addresses, without ever making the server wait: a few threads, a bounded queue, a cache.

Attackers choose the names (`usedns`), so a dead name server must cost nothing but the answers it does not give.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable

from f2b.loop import Loop, Timer

THREADS = 4
QUEUE = 1000
"""Names waiting for a thread; more are answered with nothing."""
KEEP_S = 300
"""How long an answer, an empty one too, is good (as in Fail2Ban)."""
CACHE = 1000
AGAIN_S = 2.0
"""How soon it is tried again to make a thread."""

Answer = Callable[[str, tuple[str, ...]], object]


def lookup(name: str) -> tuple[str, ...]:
    """Return the addresses of a host name, by the system's resolver; none if it has none. May take seconds."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def name_of(address: str) -> tuple[str, ...]:
    """Return what an address is called, by the system's resolver; nothing if it has no name. May take seconds."""
    try:
        return (socket.gethostbyaddr(address)[0],)
    except (OSError, UnicodeError):
        return ()


class Resolver:
    """Looks names up in threads and answers in the loop."""

    def __init__(self, loop: Loop, look: Callable[[str], tuple[str, ...]] = lookup) -> None:
        """`look` finds the answer to what is asked."""
        self._loop = loop
        self._look = look
        self._asked: queue.Queue[str] = queue.Queue(QUEUE)
        self._answers: queue.SimpleQueue[tuple[str, tuple[str, ...]]] = queue.SimpleQueue()
        self._waiting: dict[str, list[Answer]] = {}
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._threads = 0
        self._again: Timer | None = None
        """While no thread can be made."""
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.watch(self._wake, self._deliver)

    @property
    def pending(self) -> int:
        """How many names are being looked up."""
        return len(self._waiting)

    def resolve(self, name: str, answer: Answer) -> None:
        """Call `answer(name, addresses)` in the loop, at once if they are known."""
        known = self._known.get(name)
        if known and self._loop.now() - known[0] < KEEP_S:
            answer(name, known[1])
            return
        waiting = self._waiting.setdefault(name, [])
        waiting.append(answer)
        if len(waiting) > 1:
            return
        try:
            self._asked.put_nowait(name)
        except queue.Full:
            self._answer(name, ())
            return
        self._hire()

    def _hire(self) -> None:
        """Start threads only when there are names: most servers never need one."""
        if self._threads < THREADS and self._asked.qsize() > 0:
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError:  # there may be no more of them (ulimit -u, a cgroup's pids.max)
                if not self._threads and not self._again:
                    self._again = self._loop.after(AGAIN_S, self._try_again)
            else:
                self._threads += 1

    def _try_again(self) -> None:
        self._again = None
        self._hire()

    def _work(self) -> None:
        while True:
            name = self._asked.get()
            self._answers.put((name, self._look(name)))
            os.eventfd_write(self._wake, 1)

    def _deliver(self) -> None:
        os.eventfd_read(self._wake)
        while not self._answers.empty():
            name, addresses = self._answers.get()
            if len(self._known) >= CACHE:
                del self._known[next(iter(self._known))]
            self._known[name] = (self._loop.now(), addresses)
            self._answer(name, addresses)

    def _answer(self, name: str, addresses: tuple[str, ...]) -> None:
        for answer in self._waiting.pop(name, []):
            answer(name, addresses)
