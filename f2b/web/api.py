"""The same for programs, as JSON: how the server stands, who is banned, ban and let in again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from math import ceil, inf

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from f2b.cli.argument import WRONG_USAGE
from f2b.control.client import NO_SERVER
from f2b.errors import ControlError
from f2b.web.mirror import Banned
from f2b.web.openapi import DESCRIPTION
from f2b.web.site import Site, peer

_STATUS = {WRONG_USAGE: 400, NO_SERVER: 503}
"""What of HTTP's an exit code is; else the server refused."""
REFUSED = 409
Call = Callable[[Request], Awaitable[Response]]


class Api:
    """The interface for programs of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Return what leads to it."""
        return [
            Route("/api/openapi.json", _described, methods=["GET"]),
            Route("/api/status", self._answering(self._status, not self._site.spec.private), methods=["GET"]),
            Route("/api/banned", self._answering(self._banned, not self._site.spec.private), methods=["GET"]),
            Route("/api/ban", self._answering(self._ban), methods=["POST"]),
            Route("/api/unban", self._answering(self._unban), methods=["POST"]),
        ]

    def _answering(self, call: Call, free: bool = False) -> Call:
        """Return what answers a request: a refusal to who has no token, errors as JSON."""

        async def answer(request: Request) -> Response:
            refused = None if free else self._refusal(request)
            if refused is not None:
                return refused
            try:
                return await call(request)
            except ControlError as error:
                return _wrong(_STATUS.get(error.status, REFUSED), str(error))
            except ValueError as error:
                return _wrong(400, str(error))

        return answer

    def _refusal(self, request: Request) -> Response | None:
        """Return what is answered without the right token."""
        door, now, who = self._site.door, time.time(), peer(request)
        if not door.lockable:
            return _wrong(403, "this page is read-only; set token_file in [web] of f2b.conf")
        wait = door.wait(who, now)
        if wait:
            return _wrong(429, "too many wrong tokens", {"Retry-After": str(ceil(wait))})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        asks = {"WWW-Authenticate": 'Bearer realm="f2b"'}
        if scheme.lower() != "bearer" or not token:
            return _wrong(401, "send the token: Authorization: Bearer TOKEN", asks)
        return None if door.opens(token.strip(), who, now) else _wrong(401, "this is not the token", asks)

    async def _status(self, request: Request) -> Response:
        return _json(await self._site.summary())

    async def _banned(self, request: Request) -> Response:
        """Bans, newest first: all, or those that a query names."""
        query, mirror = request.query_params, self._site.mirror
        if not mirror.filled:
            raise ControlError("the server has not told yet who is banned; try again", NO_SERVER)
        offset, limit = _number(query.get("offset", "0")), _number(query.get("limit", str(10**9)))
        found = mirror.page(query.get("q", ""), query.get("jail", ""), offset=offset, limit=limit)
        return await run_in_threadpool(lambda: _json({"total": found.total, "bans": list(map(_ban, found.bans))}))

    async def _ban(self, request: Request) -> Response:
        asked = await _asked(request)
        seconds = asked.get("seconds")
        answer = await self._site.ask("ban", **_whom(asked), duration=seconds, force=asked.get("force", False))
        return _json({"banned": answer["banned"], "hits": answer["hits"]})

    async def _unban(self, request: Request) -> Response:
        answer = await self._site.ask("unban", **_whom(await _asked(request)))
        return _json({"unbanned": answer["unbanned"]})


async def _described(request: Request) -> Response:
    return _json(DESCRIPTION)


async def _asked(request: Request) -> Mapping[str, object]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ValueError("send JSON: Content-Type: application/json")
    try:
        found = json.loads(await request.body())
    except ValueError:
        raise ValueError("this is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError('send an object, as {"ip": "192.0.2.7"}')
    return found


def _whom(asked: Mapping[str, object]) -> Mapping[str, object]:
    ip = asked.get("ip")
    if not isinstance(ip, str) or not ip.strip():
        raise ValueError('say whom: {"ip": "192.0.2.7"}')
    return {"ids": [ip.strip()], "jail": asked.get("jail", "")}


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError("offset and limit are numbers")
    return int(text)


def _ban(ban: Banned) -> Mapping[str, object]:
    said = ban._asdict()
    return {**said, "end": None if ban.end == inf else ban.end}


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(value).encode(), status, headers, "application/json")


def _wrong(status: int, what: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json({"error": what}, status, headers)
