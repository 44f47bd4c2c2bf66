"""The web server itself: its socket, its application, and the thread that follows f2b."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from f2b.client import Client, ControlError
from f2b.errors import ConfigError
from f2b.web import change, pulse
from f2b.web.api import Api
from f2b.web.bouncer import Bouncers
from f2b.web.follow import Follower
from f2b.web.guard import Guard
from f2b.web.pages import Pages
from f2b.web.site import Site

LOOPBACK = ("localhost", "127.0.0.1", "::1")
AT_ONCE = 200
"""Connections: whoever comes then is told to come later."""
KEPT_S = 10
"""How long a connection may be silent."""
HOUR_S = 3600.0


def application(site: Site, bouncers: Bouncers | None = None) -> ASGIApp:
    """Return everything that is answered, behind its guard."""

    async def missing(request: Request, error: Exception) -> Response:
        visit = site.guest(request).visit
        return Response(change.wrong(visit, "No such page", "There is no such page."), 404, media_type="text/html")

    async def broken(request: Request, error: Exception) -> Response:
        sys.stderr.write(f"f2b web: a mistake of ours: {error!r}\n")
        visit = site.guest(request).visit
        told = "A mistake of f2b's; its own log says more."
        return Response(change.wrong(visit, "Not done", told), 500, media_type="text/html")

    routes = [*Pages(site).routes(), *Api(site).routes(), *(bouncers.routes() if bouncers else ())]
    inner = Starlette(routes=routes, exception_handlers={404: missing, 500: broken})
    return Guard(inner, site.spec.hosts)


def listening(where: str) -> socket.socket:
    """Return a socket at 127.0.0.1:PORT, [::1]:PORT or unix:PATH. Raises ConfigError."""
    try:
        made = _unix(where.removeprefix("unix:")) if where.startswith("unix:") else _tcp(where)
        made.listen(AT_ONCE)  # at once: who was told where it is may come before anybody answers
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {where}: {error.strerror}", cure="name another place: --listen"
        ) from None
    return made


def _unix(path: str) -> socket.socket:
    with suppress(FileNotFoundError):
        if Path(path).is_socket():
            Path(path).unlink()  # an earlier one's
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    return made


def _tcp(where: str) -> socket.socket:
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    if host not in LOOPBACK or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(
            f"cannot listen at {where!r}",
            cure="write 127.0.0.1:PORT, [::1]:PORT or unix:PATH; others come by a proxy that speaks TLS",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else each page waits 40 ms for an ACK.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, int(port)))
    return made


def place(listener: socket.socket) -> str:
    """Return where it answers, as a browser is told."""
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"http://[{name[0]}]:{name[1]}/" if ":" in name[0] else f"http://{name[0]}:{name[1]}/"


def serve(site: Site, listener: socket.socket, bouncers: Bouncers | None = None) -> None:
    """Answer until a signal ends it."""
    asyncio.run(_serve(site, [listener], bouncers))


async def _serve(site: Site, listeners: Sequence[socket.socket], bouncers: Bouncers | None) -> None:
    loop = asyncio.get_running_loop()
    client = Client(site.where.socket)
    await loop.run_in_executor(None, _remember, site)
    follower = Follower(client, site.mirror, loop.call_soon_threadsafe, pulse.KINDS, site.pulse.hear)
    follower.start()
    config = uvicorn.Config(
        application(site, bouncers),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=KEPT_S,
        timeout_graceful_shutdown=2,
    )
    await uvicorn.Server(config).serve(list(listeners))
    follower.stop()


def _remember(site: Site) -> None:
    """Hear what happened before: what the server has kept of the last hour."""
    with suppress(ControlError), Client(site.where.socket, timeout=5) as client:
        batch = client.read(since=time.time() - HOUR_S, wait=0)
        while batch.events:
            site.pulse.hear(batch.events)
            batch = client.read(batch.cursor, wait=0)
