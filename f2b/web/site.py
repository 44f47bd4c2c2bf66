"""What pages and API stand on: the server, the mirror of its bans, what happened lately, and the door."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from f2b.control import client
from f2b.named import NamedTuple
from f2b.web.door import Door
from f2b.web.guard import host_of
from f2b.web.layout import Visit
from f2b.web.mirror import Mirror
from f2b.web.pulse import Pulse
from f2b.web.setting import Spec
from f2b.web.work import LIMIT_S, Workshop

PATIENCE_S = 15.0
"""How long the server may take to answer."""
FRESH_S = 1.0
"""So long its word on itself is good for: however many look, it is asked no more often."""
TALLY_S = 60.0
TALLY_LIMIT_S = 60.0
MOST_FIELDS = 50
COOKIE = "f2b"


class Where(NamedTuple):
    """How the server is found, and its configuration."""

    socket: str
    directory: str | None
    database: str | None = None
    """Of bans of the past, if it is not the configuration's."""


class Guest(NamedTuple):
    """A browser that came: its name, whether it must be told, and what pages know of it."""

    name: str
    fresh: bool
    visit: Visit


class Site:
    """One server as the web sees it. For one thread; what takes long is done in others."""

    def __init__(self, where: Where, spec: Spec, token: str) -> None:
        self.where = where
        self.spec = spec
        self.door = Door(token, os.urandom)
        self.mirror = Mirror()
        self.pulse = Pulse()
        self.workshop = Workshop()
        self._name = socket.gethostname()
        self._summary: tuple[float, Mapping[str, Any]] = (float("-inf"), {})
        self._tallies: dict[str, tuple[float, Any]] = {}

    async def ask(self, request: str, **fields: object) -> Any:
        """Return the server's answer. Raises ControlError."""
        return await run_in_threadpool(client.request, self.where.socket, request, PATIENCE_S, **fields)

    async def summary(self) -> Mapping[str, Any]:
        """Return how the server stands. Raises ControlError."""
        asked, answer = self._summary
        if time.monotonic() - asked > FRESH_S:
            answer = await self.ask("summary")
            self._summary = time.monotonic(), answer
        return answer

    async def jails(self) -> list[str]:
        """Return the names of all jails. Raises ControlError."""
        return [jail["name"] for jail in (await self.summary())["jails"]]

    async def work(self, task: str, limit_s: float = LIMIT_S, **fields: object) -> Any:
        """Return the result of long work. Raises WorkError."""
        return await run_in_threadpool(self.workshop.do, task, limit_s, directory=self.where.directory, **fields)

    async def tally(self, span: str, seconds: float) -> Any:
        """Return the bans of the past, counted; of a minute ago, perhaps. Raises WorkError."""
        counted, found = self._tallies.get(span, (float("-inf"), None))
        if time.monotonic() - counted > TALLY_S:
            asked = {
                "seconds": seconds,
                "geoip": self.spec.geoip,
                "socket": self.where.socket,
                "db": self.where.database,
            }
            found = await self.work("tally", TALLY_LIMIT_S, **asked)
            self._tallies[span] = time.monotonic(), found
        return found

    def counts(self, summary: Mapping[str, Any]) -> Mapping[str, int]:
        """Return how many each jail keeps out."""
        if self.mirror.filled:
            return self.mirror.counts()
        return {jail["name"]: jail["banned"] for jail in summary["jails"]}

    # ---- who comes ----

    def guest(self, request: Request) -> Guest:
        """Return who comes with a request."""
        name = request.cookies.get(COOKIE, "")
        inside = self.door.is_in(name, time.time())
        fresh = not name
        if fresh:
            name = self.door.visitor()
        said = self.door.said(name) if inside and request.method == "GET" and _is_page(request) else ""
        mark = self.door.mark(name)
        return Guest(name, fresh, Visit(request.url.path, self._name, mark, inside, self.door.lockable, said))

    def is_proxied(self, request: Request) -> bool:
        """Return whether it came by a name of the proxy's, which speaks TLS."""
        return host_of(request.headers) in self.spec.hosts


def _is_page(request: Request) -> bool:
    """Return whether somebody will read the answer; the script, which refreshes, shows no messages."""
    return request.headers.get("sec-fetch-dest", "document") == "document"


def peer(request: Request) -> str:
    """Return who is at the other end; nothing if it is a Unix socket."""
    return request.client.host if request.client else ""


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises ValueError if it is none."""
    body = await request.body()
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
