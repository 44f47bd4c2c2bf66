"""What stands before every page: which names we answer to, how long a request may be, what browsers must not do."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
LONGEST_BODY = 1 << 20
"""Bytes: what a bouncer may report of itself."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: then browsers hide from us which site a form came from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Guard:
    """Lets a request through to the application, or refuses it."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """`hosts`: other names than loopback's that browsers may know us by."""
        self._app = app
        self._hosts = LOOPBACK | set(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal:
            await refusal(scope, receive, _hardened(send))
            return
        await self._app(scope, _limited(receive), _hardened(send))

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        if host_of(headers) not in self._hosts:
            # A name of somebody else's that was made to lead here (DNS rebinding): his page would be ours.
            said = "This page goes by other names; the option hosts in [web] says which.\n"
            return PlainTextResponse(said, 421)
        if method in _CHANGING and not _from_here(headers):
            return PlainTextResponse("This came from another site's page.\n", 403)
        return None


def host_of(headers: Headers) -> str:
    """Return by which name a browser came, without the port; nothing if it is none."""
    names = headers.getlist("host")
    if len(names) != 1:
        return ""
    host = names[0].strip().lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and (not name.startswith("[") or name.endswith("]")) else host


def _from_here(headers: Headers) -> bool:
    """Return whether a browser says that this is from one of our own pages; what is no browser says nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers["host"].strip().lower()


def _hardened(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


def _limited(receive: Receive) -> Receive:
    left = LONGEST_BODY

    async def received() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return received
