"""Servers that targets are sent to: HTTP, and mail with TLS, on loopback, with a certificate of the test's own."""

from __future__ import annotations

import json
import ssl
import subprocess
from asyncio.base_events import Server
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Request(NamedTuple):
    """What an HTTP server was sent."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """What it answers."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: tuple[tuple[str, str], ...] = ()


class Web:
    """An HTTP server that remembers what it was sent, and answers as it is told: once each, then with 200."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # its sender was killed in the middle
                answer = web.answers.pop(0) if web.answers else Answer()
                web.requests.append(Request(self.path, dict(self.headers), body))
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def web() -> Iterator[Web]:
    """Serve HTTP."""
    found = Web()
    thread = Thread(target=found.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
        thread.join()


class Mailbox:
    """What a mail server took, and who may log in."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.encrypted: list[bool] = []
        self.users: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        self.letters.append(message_from_bytes(envelope.content))
        self.encrypted.append(session.ssl is not None or _is_tls(server))
        return "250 OK"

    def login(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: object) -> AuthResult:
        """Let in whoever knows the password."""
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"secret", handled=False)


class Anywhere(Controller):
    """Listens on whatever port is free; the original only knows the port that it asked for."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd has no types there


def _is_tls(server: SMTP) -> bool:
    return server.transport is not None and server.transport.get_extra_info("sslcontext") is not None


@contextmanager
def mail(folder: Path, tls: str) -> Iterator[tuple[Mailbox, int]]:
    """Serve mail on loopback: with `starttls` or `tls`, and a password; or with neither (`no`)."""
    box = Mailbox()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    options: dict[str, Any] = {"auth_required": True, "authenticator": box.login} if tls != "no" else {}
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if tls == "tls":
        options |= {"ssl_context": context, "auth_require_tls": False}
    controller = Anywhere(box, hostname="127.0.0.1", port=0, ready_timeout=60, **options)
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


def certificate(folder: Path) -> str:
    """Make a key and a certificate for localhost; return the file that clients must trust."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return str(folder / "cert.pem")
