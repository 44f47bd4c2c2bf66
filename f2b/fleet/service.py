"""The fleet at work: events of this server out, entries of other hosts in, failures of all counted together.

Whatever fails, Redis or the server, this begins anew with all that both have. Nothing is lost by that: the server
keeps its events for ten minutes, and all its bans; Redis keeps the stream, and what holds. And nothing is done twice:
an entry says what is to hold, not what is to be done.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.exceptions import OutOfMemoryError, RedisError

from f2b import __version__
from f2b.control.client import NO_SERVER
from f2b.daemon.fleet import BANNED
from f2b.errors import ControlError
from f2b.fleet.book import Book
from f2b.fleet.entry import WINDOW_S, Entry, sign
from f2b.fleet.gate import Gate
from f2b.fleet.hand import Hand
from f2b.fleet.herald import KINDS, Herald, Said
from f2b.fleet.link import Link
from f2b.fleet.setting import Spec
from f2b.fleet.stream import Standing, Stream, field, order
from f2b.fleet.tally import Failure, count
from f2b.notify.state import State

BEAT_S = 3.0
"""How often it is looked whether Redis is still the same, and told that this host is there."""
SWEEP_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between attempts: twice as long each time."""
SPREAD_S = 1.0
"""When all hosts have something to put back, each waits up to so long: most find that others have done it."""
WAIT_S = 25.0
FULL = "Redis is full; hosts cannot tell each other anything"
TROUBLES = (RedisError, OSError, asyncio.TimeoutError, ControlError)


class ChangedError(Exception):
    """Redis, or the server, is not what it was: all that holds must be looked at anew."""


class Service:
    """Follows one server, and one fleet."""

    def __init__(
        self,
        stream: Stream,
        socket: str,
        spec: Spec,
        host: str,
        key: bytes,
        state: State,
        tell: Callable[[str, str], object],
    ) -> None:
        """`tell` hears what goes wrong: its kind, and what it is. Raises F2bError if the state cannot be read."""
        self._stream = stream
        self._events, self._server = Link(socket), Link(socket)
        self._spec = spec
        self._host = host
        self._key = key
        self._state = state
        self._tell = tell
        self._cursor: str | None = state.load().get("cursor")
        self._book = Book(host, spec.quorum)
        self._gate = Gate(spec, host, key, self._book, tell)
        self._herald = Herald(host, spec.share, self._book)
        self._hand = Hand(self._server, self._book, host, spec.maxbans, tell)
        self._position = ""
        """How far the stream was read; empty if all that holds must be looked at anew."""
        self._unsaved = asyncio.Event()
        self._seen: Standing | None = None
        self._jails: Mapping[str, Mapping[str, Any]] = {}
        self._contact: float | None = None
        self._lag = 0.0
        self._swept = 0.0

    async def run(self) -> None:
        """Go on for ever. Raises ControlError if the server refuses, F2bError if the state cannot be saved."""
        pause = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                await self._session()
            except ChangedError:
                continue
            except TROUBLES as error:
                if isinstance(error, ControlError) and error.status != NO_SERVER:
                    raise
                self._tell(type(error).__name__, f"{error}; tried again")
            finally:
                self._hand.forget()
            if time.monotonic() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _session(self) -> None:
        """Catch up, and go on as long as all goes well."""
        await self._learn()
        if self._cursor is None:
            self._cursor = (await self._events.ask("events"))["cursor"]
        standing = await self._stream.standing()
        await self._sweep()  # first of all, for it makes room in a Redis that is full
        if self._goes_on(standing):
            if not await self._drain():
                self._position = ""
                raise ChangedError
        else:
            if self._seen:
                await asyncio.sleep(SPREAD_S * random.random())
                standing = await self._stream.standing()
            await self._reconcile(standing)
        self._seen, self._contact = standing, time.time()
        self._hand.want(list(self._book), news=False)
        await _together(self._announce(), self._follow(), self._hand.run(), self._beat(), self._save())

    def _goes_on(self, standing: Standing) -> bool:
        """Return whether it is enough to read on from where we are."""
        seen = self._seen
        if seen is None or not self._position or (standing.epoch, standing.run) != (seen.epoch, seen.run):
            return False
        return order(standing.first) <= order(self._position) <= order(standing.last)

    async def _learn(self) -> bool:
        """Ask the server for its jails; return whether they are the same as before."""
        before = self._jails.keys()
        self._jails = {jail["name"]: jail for jail in (await self._server.ask("summary"))["jails"]}
        self._gate.jails = self._jails.keys()
        return self._jails.keys() == before

    # ---- from this host to all ----

    async def _announce(self) -> None:
        while True:
            if await self._tell_others(WAIT_S) is None:
                self._position = ""
                raise ChangedError

    async def _drain(self) -> bool:
        """Tell the others what happened meanwhile, before what they did is done here; return whether that was all."""
        found: int | None = 1
        while found:
            found = await self._tell_others(0.0)
        return found is not None

    async def _tell_others(self, wait: float) -> int | None:
        """Tell what has happened here; return how many events that was, None if some are missing."""
        kinds = [*KINDS, *(["found"] if self._spec.counts else [])]
        batch = await self._events.ask("events", cursor=self._cursor, kinds=kinds, wait=wait)
        events = [event for event in batch["events"] if event["event"] != "gap"]
        try:
            await self._post(self._herald.entries(events, time.time()))
            await self._count(events)
        except BaseException:
            self._position = ""  # what was told is not known
            raise
        if batch["cursor"] != self._cursor:
            self._cursor = batch["cursor"]
            self._unsaved.set()
        return len(events) if len(events) == len(batch["events"]) else None

    async def _post(self, entries: Sequence[Entry]) -> None:
        if entries:
            await self._stream.post(entries)
        lifted = [(entry.jail, entry.id) for entry in entries if entry.kind == "unban"]
        if lifted and self._spec.counts:
            await self._stream.uncount(lifted)

    async def _count(self, events: Sequence[Said]) -> None:
        """Add this host's failures to those of all, and ban who has failed too often."""
        now = time.time()
        failures = [found for event in events if (found := self._failure(event, now))]
        if not failures:
            return
        guilty = {}
        for failure, members in await self._stream.count(failures, self._host, now):
            jail = self._jails[failure.jail]
            since = now - jail["findtime"]
            if count(members, failure.jail, failure.id, since, self._key) >= jail["maxretry"]:
                guilty[failure.jail, failure.id] = {"jail": failure.jail, "id": failure.id, "counted": True}
        if guilty:
            results = await self._hand.give(list(guilty.values()))
            banned = [key for key, result in zip(guilty, results, strict=True) if result == BANNED]
            if banned:
                await self._stream.uncount(banned)

    def _failure(self, event: Said, now: float) -> tuple[Failure, int, float] | None:
        """Return a failure to count, its jail's maxretry and findtime."""
        key = (event["jail"], event["id"])
        jail = self._jails.get(key[0])
        if event["event"] != "found" or jail is None or not self._gate.usable(*key, self._spec.share):
            return None
        if self._book.verdict(key, now):
            return None  # he is banned already
        return Failure(*key, event["time"], event["cursor"]), jail["maxretry"], jail["findtime"]

    async def _save(self) -> None:
        """Note how far all was told: beside it, for a disk may take its time."""
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            await asyncio.to_thread(self._state.save, {"cursor": self._cursor})

    # ---- from all to this host ----

    async def _follow(self) -> None:
        while True:
            found = await self._stream.read(self._position)
            self._contact = time.time()
            self._hand.want([key for taken in found if (key := self._gate.take(taken))], news=True)
            if found:
                self._position = found[-1].position
                self._lag = max(0.0, self._contact - found[-1].stamp)

    async def _reconcile(self, standing: Standing) -> None:
        """Learn all that holds, and put back what is known here and no longer there."""
        now = time.time()
        registers = await self._stream.registers()
        for taken in await self._stream.latest(now - 2 * WINDOW_S, standing.last):
            self._gate.remember(taken)
        known = {field(entry): entry for text in registers.values() if (entry := self._gate.register(text, now))}
        await self._drain()
        bans = (await self._server.ask("banned"))["bans"]
        for ban in bans:
            if not ban["listed"] and self._gate.usable(ban["jail"], ban["id"], self._spec.share):
                self._herald.claim(ban, now)
        held = self._herald.all(now, lambda: secrets.token_hex(8))
        lost = [it for it in held if field(it) not in known or known[field(it)].made < it.made]
        await self._post(lost)
        self._position = standing.last  # only now, or what could not be told would be forgotten

    async def _beat(self) -> None:
        while True:
            standing = await self._stream.standing()
            self._contact = now = time.time()
            if not self._goes_on(standing):
                raise ChangedError
            if now - self._swept > SWEEP_S:
                await self._sweep()
            held = await self._stream.held()
            said = {"hosts": standing.hosts, "bans": held, "lag": round(self._behind(standing), 3)}
            report = {"kind": "host", "host": self._host, "time": now, "version": __version__, **said}
            await self._show(report)
            await self._server.ask("impose", fleet={"name": self._host, **said}, contact=self._contact)
            if not await self._learn():
                self._position = ""  # what was told of a new jail went by
                raise ChangedError
            await asyncio.sleep(BEAT_S)

    async def _sweep(self) -> None:
        """Clear away what is over."""
        await self._stream.sweep()
        self._swept = time.time()
        self._book.purge(self._swept)

    async def _show(self, report: Mapping[str, object]) -> None:
        """Say that this host is there; not being able to is no reason to hear of nobody."""
        try:
            await self._stream.beat(self._host, sign(report, self._key))
        except OutOfMemoryError as error:
            self._tell("full", f"{FULL}: {error}")

    def _behind(self, standing: Standing) -> float:
        """Return by how many seconds: of what is still to be read, or of what was read last."""
        if order(standing.last) <= order(self._position):
            return self._lag
        return max(0.0, (order(standing.last)[0] - order(self._position)[0]) / 1000)


async def _together(*loops: Any) -> None:
    """Run until one of them fails, then end the others."""
    tasks = {asyncio.ensure_future(each) for each in loops}
    try:
        await asyncio.gather(*tasks)
    finally:
        while tasks:
            for task in tasks:
                task.cancel()  # again, for a library may lose one that comes together with an answer
            _, tasks = await asyncio.wait(tasks, timeout=1.0)
