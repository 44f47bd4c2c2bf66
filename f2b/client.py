"""f2b from Python: what its own satellites stand on, and scripts may. Nothing is imported but the standard library.

    from f2b.client import Client

    client = Client()
    client.ban(["192.0.2.7"], seconds=3600)
    for event in client.events(kinds=["ban"]):
        print(event.time, event.jail, event.id)

`docs/events.md` says what events there are. Whoever may open the server's socket may do this: root, and whom the
option `socketgroup` names.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from f2b.control.address import socket_path
from f2b.control.client import NO_SERVER, PATIENCE_S, Connection
from f2b.errors import ControlError as ControlError
from f2b.named import NamedTuple

WAIT_S = 25.0
"""How long the server is asked to wait for events."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between attempts to reach a server that is away: twice as long each time."""
_NAMED = ("event", "time", "jail", "id", "cursor")


class Event(NamedTuple):
    """Something that happened."""

    event: str
    """`found`, `ban`, `unban`, `prolong`, `refused`, `error`, `up`, `down`, or `gap`: some before it are missing."""
    time: float
    """Seconds since 1970."""
    jail: str | None
    id: str | None
    """Whom it is about: an address, a network, or what the filter takes for one."""
    cursor: str
    """Where to go on after it."""
    details: Mapping[str, Any]
    """What else there is to say of this kind of event: `failures`, `bantime`, `matches`, ..."""


class Batch(NamedTuple):
    """Several events, and where to go on after them."""

    events: Sequence[Event]
    cursor: str


class JailStatus(NamedTuple):
    """One jail as it stands."""

    name: str
    state: str
    """`up`, `idle`, `waiting` or `down`."""
    reason: str
    failed: int
    failed_total: int
    banned: int
    banned_total: int
    lag: int
    """Bytes of its logs that are written and not read yet; 0 for a journal."""


class Status(NamedTuple):
    """The server as it stands."""

    version: str
    pid: int
    started: float
    enforcing: bool
    reason: str
    """Why it does not enforce; empty if it does."""
    jails: Sequence[JailStatus]
    problems: Sequence[str]


class Client:
    """Talks to one server. Not for several threads at once: give each its own.

    Every method raises ControlError with a sentence that says what to do; its `status` is 3 if no server answers.
    """

    def __init__(self, socket: str | None = None, directory: str | None = None, timeout: float = PATIENCE_S) -> None:
        """`socket` is the server's; else what the configuration in `directory` says, or the usual place.

        `timeout`: seconds that the server has for an answer, beside what it is asked to wait.
        """
        self._path = socket_path(socket, directory)
        self._timeout = timeout
        self._connection: Connection | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def ask(self, request: str, **fields: object) -> Any:
        """Return the answer to any request of the control protocol."""
        kept = self._connection is not None
        try:
            return self._ask(request, fields)
        except ControlError as error:
            if error.status != NO_SERVER:
                raise
            self.close()
            if not kept:
                raise
        return self._ask(request, fields)  # it was restarted meanwhile, perhaps

    def _ask(self, request: str, fields: Mapping[str, object]) -> Any:
        if self._connection is None:
            self._connection = Connection(self._path, self._timeout + WAIT_S)
        return self._connection.ask({"request": request, **fields})

    def status(self) -> Status:
        """Return how the server and its jails stand."""
        answer = self.ask("summary")
        jails = [JailStatus(**{name: jail[name] for name in JailStatus._fields}) for jail in answer["jails"]]
        return Status(**{**{name: answer[name] for name in Status._fields}, "jails": jails})

    def ban(self, ids: Sequence[str], jail: str = "", seconds: float | None = None, force: bool = False) -> int:
        """Keep addresses or networks out; return how many bans are new.

        Without a jail they are kept from every port. `seconds` None is the jail's bantime, -1 for ever. Whoever must
        not be locked out is refused, with all others of the call, unless `force` is given.
        """
        answer = self.ask("ban", ids=list(ids), jail=jail, duration=seconds, force=force)
        return int(answer["banned"])

    def unban(self, ids: Sequence[str], jail: str = "") -> int:
        """Let addresses, or all inside a network, in again, everywhere or in one jail; return how many were out."""
        return int(self.ask("unban", ids=list(ids), jail=jail)["unbanned"])

    def read(
        self,
        cursor: str | None = None,
        since: float | None = None,
        kinds: Collection[str] = (),
        wait: float = WAIT_S,
    ) -> Batch:
        """Return what came after a cursor or since a time, at most 1,000 events, waiting so long for the first.

        Without either it returns at once, with no events and the cursor of now. `kinds` are those wanted; none is
        all.
        """
        wait = min(wait, WAIT_S)
        answer = self.ask("events", cursor=cursor, since=since, kinds=list(kinds), wait=wait)
        return Batch([_event(each) for each in answer["events"]], answer["cursor"])

    def events(
        self, cursor: str | None = None, since: float | None = None, kinds: Collection[str] = ()
    ) -> Iterator[Event]:
        """Yield events for ever, from a cursor, a time or now on; a server that goes away is waited for.

        What happened meanwhile comes then, as far as it is kept; if something is missing, a `gap` comes first.
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                batch = self.read(cursor, since, kinds)
            except ControlError as error:
                if error.status != NO_SERVER or (cursor is None and since is None):
                    raise  # it was not there at all
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            cursor, since = batch.cursor, None
            yield from batch.events


def _event(said: Mapping[str, Any]) -> Event:
    details = {name: value for name, value in said.items() if name not in _NAMED}
    return Event(said["event"], said["time"], said["jail"], said["id"], said["cursor"], details)
