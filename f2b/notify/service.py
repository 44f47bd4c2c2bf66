"""The notifier at work: events in, messages out, and what it must not forget on disk in between.

The cursor is saved together with what the events led to, before anything is sent; each delivery is saved when it is
done. Killed at any moment, it goes on with the next event, and sends again only what was taken by a target a moment
before, and not noted yet.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from f2b.client import Client, ControlError, Event
from f2b.control.client import NO_SERVER
from f2b.notify.news import News, Origin, news
from f2b.notify.outbox import Outbox
from f2b.notify.pace import Pace
from f2b.notify.post import UndeliveredError
from f2b.notify.setting import Spec
from f2b.notify.state import State
from f2b.notify.target import Send
from f2b.notify.wording import message

WAIT_S = 25.0
PAUSE_S = 1.0
"""Between attempts to reach a server that is away."""
SILENT_S = 60.0
"""A server that does not answer for so long is told of."""
AWAY = "the server does not answer, so nobody is banned"

Tell = Callable[[str], object]


class Service:
    """Follows one server."""

    def __init__(
        self,
        client: Client,
        spec: Spec,
        host: str,
        targets: Mapping[str, Send],
        origin: Origin,
        state: State,
        tell: Tell,
    ) -> None:
        """`tell` hears what goes wrong. Raises F2bError if the state cannot be read."""
        self._client = client
        self._spec = spec
        self._host = host
        self._targets = targets
        self._origin = origin
        self._state = state
        self._tell = tell
        saved = state.load()
        self._cursor: str | None = saved.get("cursor")
        self._pace = Pace(spec.limit, spec.window, spec.quiet, saved.get("pace"))
        boxes = saved.get("outboxes", {})
        self._boxes = {name: Outbox(spec.limit, spec.window, boxes.get(name)) for name in targets}
        self._lost_at: float | None = None
        """Since when the server is away."""
        self._told_away = False
        self._idle = False
        self._stopping = False

    def run(self) -> None:
        """Go on until `stop`. Raises ControlError if the server refuses, F2bError if the state cannot be saved."""
        while not self._stopping:
            self.turn()

    def stop(self) -> None:
        """End when what was begun is done and noted: for a signal. Raises SystemExit if it only waits."""
        self._stopping = True
        if self._idle:
            raise SystemExit(0)

    def turn(self) -> None:
        """Wait for events, or until something is to be sent, and do what follows."""
        letters = self._pace.take(self._heard(self._wait_s()), time.time())
        for name, box in self._boxes.items():
            dropped = box.put([message(letter, self._host, str(uuid.uuid4())) for letter in letters])
            if dropped:
                self._tell(f"{name}: {dropped} messages were dropped, for it takes none")
        self._save()
        for name, box in self._boxes.items():
            self._deliver(name, box)

    def _wait_s(self) -> float:
        now = time.time()
        waits = [self._pace.wait_s(now), *(box.wait_s(now) for box in self._boxes.values())]
        return min([WAIT_S, *(wait for wait in waits if wait is not None)])

    # ---- in ----

    def _heard(self, wait_s: float) -> list[News]:
        kinds = [kind for kind in self._spec.events if kind != "gap"]
        self._idle = True
        try:
            batch = self._client.read(self._cursor, kinds=kinds, wait=wait_s)
        except ControlError as error:
            if error.status != NO_SERVER:
                raise
            return self._away(str(error))
        finally:
            self._idle = False
        found = [*self._back(), *self._wanted(batch.events)]
        self._cursor = batch.cursor
        return found

    def _wanted(self, events: Iterable[Event]) -> list[News]:
        return [
            each
            for event in events
            if event.event in self._spec.events
            and (not self._spec.jails or not event.jail or event.jail in self._spec.jails)
            and (each := news(event, self._origin))
        ]

    def _away(self, why: str) -> list[News]:
        now = time.time()
        if self._lost_at is None:
            self._tell(why)
            self._lost_at = now
        time.sleep(PAUSE_S)
        if self._told_away or now - self._lost_at < SILENT_S or "down" not in self._spec.events:
            return []
        self._told_away = True
        return [News("down", now, reason=AWAY)]

    def _back(self) -> list[News]:
        told, self._told_away, self._lost_at = self._told_away, False, None
        return [News("up", time.time(), reason="the server answers again")] if told else []

    # ---- out ----

    def _deliver(self, name: str, box: Outbox) -> None:
        while letter := box.next(time.time()):
            try:
                self._targets[name](letter)
            except UndeliveredError as error:
                pause = box.failed(time.time(), error.wait_s)
                self._tell(f"{name}: {error}; tried again in {pause:.0f} s")
            else:
                box.done(time.time())
            self._save()

    def _save(self) -> None:
        boxes: dict[str, Any] = {name: box.saved() for name, box in self._boxes.items()}
        self._state.save({"cursor": self._cursor, "pace": self._pace.saved(), "outboxes": boxes})
