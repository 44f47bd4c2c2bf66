"""Keeps the mirror true: a thread that asks the server and hands on what it says.

The mirror is changed where `post` calls (an asyncio loop's `call_soon_threadsafe`, say), never in this thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from threading import Event as Flag
from threading import Thread
from time import monotonic

from f2b.client import FIRST_PAUSE_S, LONGEST_PAUSE_S, Batch, Client, ControlError, Event
from f2b.web.mirror import KINDS, Mirror, banned

WAIT_S = 10.0
"""How long the server is asked to wait for events."""
LOOK_S = 60.0
"""How often it is looked whether mirror and server still agree: what a banlist names is told by no event."""
AGAIN_S = 5.0
"""When to look again if something happened while it was looked."""
_DOUBTS = 2
"""How often they must differ, with nothing happening meanwhile, before everything is asked for anew."""

Post = Callable[[Callable[[], object]], object]


class Follower(Thread):
    """Follows one server for as long as the process lives, whether the server is there or not."""

    def __init__(
        self,
        client: Client,
        mirror: Mirror,
        post: Post,
        kinds: Collection[str] = KINDS,
        hear: Callable[[Sequence[Event]], object] | None = None,
    ) -> None:
        """`hear` is called, by way of `post` too, with every event of these kinds, `gap`s included."""
        super().__init__(name="follower", daemon=True)
        self._client = client
        self._mirror = mirror
        self._post = post
        self._kinds = {*KINDS, *kinds}
        self._hear = hear
        self._ended = Flag()
        self._cursor = ""
        """Where it stands; empty if everything must be asked for."""
        self._doubts = 0
        self._looked = monotonic()

    def stop(self) -> None:
        """Follow no longer; the thread ends when the server has answered."""
        self._ended.set()

    def run(self) -> None:
        """Follow until it is stopped."""
        pause = FIRST_PAUSE_S
        while not self._ended.is_set():
            try:
                self._go_on()
                pause = FIRST_PAUSE_S
            except ControlError as error:
                self._post(partial(setattr, self._mirror, "trouble", str(error)))
                self._ended.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        self._client.close()

    def _go_on(self) -> None:
        if not self._cursor:
            self._fill()
        self._read(WAIT_S)
        if self._cursor and monotonic() - self._looked >= LOOK_S:
            self._look()

    def _fill(self) -> None:
        """Ask for everything. What happens from the cursor on is heard again: that changes nothing."""
        cursor = self._client.read().cursor
        bans = [banned(said) for said in self._client.ask("banned")["bans"]]
        self._post(partial(self._mirror.fill, bans))
        self._post(partial(setattr, self._mirror, "trouble", ""))
        self._cursor, self._doubts = cursor, 0

    def _read(self, wait_s: float) -> Batch:
        batch = self._client.read(self._cursor, kinds=self._kinds, wait=wait_s)
        missed = any(event.event == "gap" for event in batch.events)
        self._cursor = "" if missed else batch.cursor
        if batch.events:
            if not missed:
                self._post(partial(self._mirror.apply, batch.events))
            if self._hear:
                self._post(partial(self._hear, batch.events))
        self._post(partial(setattr, self._mirror, "trouble", ""))
        return batch

    def _look(self) -> None:
        """Compare how many each jail keeps out, if nothing happens meanwhile."""
        self._looked = monotonic() - LOOK_S + AGAIN_S
        self._read(0.0)
        jails: Iterable[Mapping[str, object]] = self._client.ask("summary")["jails"]
        if not self._cursor or any(event.event in KINDS for event in self._read(0.0).events):
            return  # later, then
        self._looked = monotonic()
        said = {jail["name"]: jail["banned"] for jail in jails if jail["banned"]}
        self._post(lambda: self._compare(said))
        if self._doubts >= _DOUBTS:
            self._cursor = ""

    def _compare(self, said: Mapping[object, object]) -> None:
        self._doubts = 0 if self._mirror.counts() == said else self._doubts + 1
