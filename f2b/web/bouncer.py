"""CrowdSec's local API as far as bouncers use it: f2b's bans for firewalls, web servers and proxies that speak it.

The interface is that of localapi_swagger.yaml, as CrowdSec publishes it: `GET /v1/decisions` asks for one address,
`GET /v1/decisions/stream` for all, and then for what has changed. Errors have CrowdSec's status and words.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice

from anyio import Lock, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from f2b.errors import ConfigError
from f2b.web import decision
from f2b.web.decision import Delta, QueryError, Wanted
from f2b.web.handout import Bouncer, Handout, Name
from f2b.web.mirror import Mirror

FULLY_S = 60.0
"""How often all is looked through for a bouncer although nothing changed: bans end, and long ones are told anew."""
PIECE = 500
"""Decisions that are put into words at once: others are answered in between."""
LONGEST_REPORT = 1 << 20
"""Bytes of what a bouncer may report of itself; nobody reads it."""
LONGEST_AGENT = 200
RETRY_S = 5
"""When to come again while the server does not answer."""
DELETES_FIRST = "crowdsec-firewall-bouncer"
"""It keeps the first timeout of an element, and lets go before it takes in: a longer ban is told to it as both.
Others take the new end as it is; some let go last, so that they must not be told both."""


class Keys:
    """The keys with which bouncers may ask."""

    def __init__(self, text: str) -> None:
        """`text`: one key a line; blank lines and `#` lines are passed over. Raises ConfigError if none is left."""
        lines = [line.strip() for line in text.splitlines()]
        self._digests = [_digest(line) for line in lines if line and not line.startswith("#")]
        if not self._digests:
            raise ConfigError("bouncer_key_file holds no key", cure="put one there: openssl rand -hex 32")

    def name(self, given: str) -> str:
        """Return what stands for a key, the same after a restart; nothing if it is none of ours."""
        digest = _digest(given)
        fits = [hmac.compare_digest(digest, each) for each in self._digests]  # all: time must not tell which
        return digest.hex()[:16] if any(fits) else ""


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


class Bouncers:
    """Answers bouncers. In one thread, but for the disk and for what takes long to put into words."""

    def __init__(self, mirror: Mirror, keys: Keys, handout: Handout, now: Callable[[], float] = time.time) -> None:
        self._mirror = mirror
        self._keys = keys
        self._handout = handout
        self._now = now
        self._writing = Lock()

    def routes(self) -> Sequence[Route]:
        """Return what an application must answer."""
        return [
            Route("/v1/decisions", self._decisions, methods=["GET"]),
            Route("/v1/decisions/stream", self._stream, methods=["GET"]),
            Route("/v1/usage-metrics", self._usage, methods=["POST"]),
        ]

    # ---- who asks ----

    def _bouncer(self, request: Request) -> Bouncer | None:
        """Return who asks; None if he has no key."""
        key = self._keys.name(request.headers.get("x-api-key", ""))
        if not key:
            return None
        agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
        address = request.client.host if request.client else ""
        return self._handout.meet(Name(key, address, agent.partition("/")[0]), agent, self._now())

    def _refusal(self) -> Response | None:
        """Return why nobody is answered now; before all bans are known, an empty answer would lift them all."""
        if self._mirror.filled:
            return None
        return _failed(503, "f2b's server does not answer yet", {"Retry-After": str(RETRY_S)})

    # ---- what is asked ----

    def _admitted(self, request: Request) -> Bouncer | Response:
        """Return who asks for decisions, or what is answered instead of them."""
        bouncer = self._bouncer(request)
        if bouncer is None:
            return _failed(403, "access forbidden")
        if request.method == "HEAD":
            return PlainTextResponse("")
        return self._refusal() or bouncer

    async def _decisions(self, request: Request) -> Response:
        bouncer = self._admitted(request)
        if isinstance(bouncer, Response):
            return bouncer
        now = self._now()
        try:
            found = decision.asked(self._mirror, request.query_params, now)
        except QueryError as error:
            return _failed(400, str(error))
        if not found:
            return _json("null")  # no empty list: that is what live bouncers look for
        pieces = _pieces(map(decision.writer(now), found))
        return _streamed(_framed("[", pieces, "]"))

    async def _stream(self, request: Request) -> Response:
        bouncer = self._admitted(request)
        if isinstance(bouncer, Response):
            return bouncer
        query = {"scopes": "ip,range", **request.query_params}
        starts = query.get("startup") == "true"
        if starts:
            bouncer.start()
        return _streamed(self._told(bouncer, decision.wanted(query), starts))

    async def _usage(self, request: Request) -> Response:
        """Take what newer bouncers count; nobody reads it."""
        if self._bouncer(request) is None:
            return _failed(403, "access forbidden")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST_REPORT:
                return _failed(413, "too long")
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return _failed(400, "invalid JSON")
        return Response(status_code=201)

    # ---- what has changed ----

    async def _told(self, bouncer: Bouncer, want: Wanted, starts: bool) -> AsyncIterator[str]:
        """Yield the answer that tells a bouncer what it does not know, and note that it does then."""
        now = self._now()
        seen, found = self._mirror.number, await self._found(bouncer, want, now)
        over = [(value, bouncer.held[value]) for value in found.over if value in bouncer.held]
        new = [(ban.id, decision.until(ban, now)) for ban in found.new]
        longer = [] if starts else [value for value, _ in new if value in bouncer.held]
        fresh = bouncer.unsure([value for value, _ in new])
        if fresh:
            await self._save(bouncer, [(value, decision.UNSURE) for value in fresh])
        both = longer if bouncer.name.product == DELETES_FIRST else []
        yield '{"deleted":['
        async for piece in _pieces(map(decision.ended, [*found.over, *both])):
            yield piece
        yield '],"new":['
        async for piece in _pieces(map(decision.writer(now), found.new)):
            yield piece
        yield "]}"
        # All of it is sent: whoever went away before is told again.
        bouncer.told(new)
        gone = bouncer.let_go(over)
        bouncer.seen, bouncer.asked, bouncer.good = seen, want, min(found.first, now + FULLY_S)
        if new or gone:
            await self._save(bouncer, new, gone)

    async def _found(self, bouncer: Bouncer, want: Wanted, now: float) -> Delta:
        """Return what to tell; nothing without a look if nothing can have changed."""
        if (bouncer.seen, bouncer.asked) == (self._mirror.number, want) and now < bouncer.good:
            return Delta((), (), bouncer.good)
        bans, held = list(self._mirror), dict(bouncer.held)  # for a thread: others are answered meanwhile
        return await to_thread.run_sync(decision.delta, bans, want, held, now)

    async def _save(self, bouncer: Bouncer, held: Sequence[tuple[str, float]], gone: Sequence[str] = ()) -> None:
        """Write in the order in which things happened."""
        async with self._writing:
            await to_thread.run_sync(partial(self._handout.save, bouncer, held, gone))


async def _pieces(texts: Iterable[str]) -> AsyncIterator[str]:
    """Yield texts with commas between, many at once; in a thread, for others are to be answered meanwhile."""
    comma = ""
    texts = iter(texts)
    while piece := await to_thread.run_sync(_piece, texts):
        yield comma + piece
        comma = ","


def _piece(texts: Iterator[str]) -> str:
    return ",".join(islice(texts, PIECE))


async def _framed(before: str, pieces: AsyncIterator[str], after: str) -> AsyncIterator[str]:
    yield before
    async for piece in pieces:
        yield piece
    yield after


def _streamed(pieces: AsyncIterator[str]) -> Response:
    return StreamingResponse(pieces, media_type="application/json")


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _failed(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, headers)
