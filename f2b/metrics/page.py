"""The page that Prometheus scrapes: on loopback or a Unix socket, nowhere else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from f2b.errors import ConfigError

TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE_S = 5.0
"""How long a client may take to ask."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    text: Callable[[], bytes]

    def do_GET(self) -> None:
        """Answer a scrape."""
        if self.path.partition("?")[0] not in ("/", "/metrics"):
            self.send_error(404)
            return
        body = type(self).text()
        self.send_response(200)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Return nothing: on a Unix socket there is none."""
        return ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep quiet: a line every 15 s helps nobody."""


class _Page(HTTPServer):
    def server_bind(self) -> None:
        """Bind without asking a name server for our name, as the original does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()


class _Page6(_Page):
    address_family = socket.AF_INET6


class _PageUnix(_Page):
    address_family = socket.AF_UNIX


def serve(where: str, text: Callable[[], bytes]) -> HTTPServer:
    """Return a server that listens at HOST:PORT or unix:PATH. Raises ConfigError."""
    handler = type("Handler", (_Handler,), {"text": staticmethod(text)})
    kind, address = _address(where)
    try:
        return kind(address, handler)  # type: ignore[arg-type]  # a Unix socket's address is a path, of which its types do not know
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {where}: {error.strerror}", cure="name another place: --listen"
        ) from None


def place(page: HTTPServer) -> str:
    """Return where a server answers, as people write it."""
    address: Any = page.server_address
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}/metrics" if ":" in host else f"http://{host}:{port}/metrics"


def _address(where: str) -> tuple[type[_Page], tuple[str, int] | str]:
    if where.startswith("unix:"):
        path = where.removeprefix("unix:")
        if Path(path).is_socket():
            os.unlink(path)  # noqa: PTH108 - an earlier one's
        return _PageUnix, path
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    if host not in _LOOPBACK or not port.isdecimal():
        raise ConfigError(
            f"cannot listen at {where!r}",
            cure="write 127.0.0.1:PORT, [::1]:PORT or unix:PATH; others come by a proxy",
        )
    return (_Page6 if ":" in host else _Page), (host, int(port))
