"""Bouncers as tests play them: requests to the application itself, and a client written to the interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any, NamedTuple

import anyio
from starlette.types import ASGIApp, Message

KEY = "9f2b1c7e5a3d4860b1c2d3e4f5061728"
AGENT = "crowdsec-test-bouncer/v1.0.0"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HungUpError(Exception):
    """The client went away."""


def ask(
    app: ASGIApp,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    takes: int = 1 << 30,
    address: str = "127.0.0.1",
) -> Answer:
    """Ask an application. `takes`: so many bytes of its answer, and the client goes away."""
    path, _, query = target.partition("?")
    said = {"x-api-key": KEY, "user-agent": AGENT} if headers is None else headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        "client": (address, 40000),
        "server": ("127.0.0.1", 8680),
        "scheme": "http",
    }
    messages: list[Message] = []
    taken = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal taken
        messages.append(message)
        taken += len(message.get("body", b""))
        if taken > takes:
            raise OSError("the client went away")

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            if takes < 1 << 30:
                raise HungUpError from error
            raise

    anyio.run(run)
    start = messages[0]
    names = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], names, b"".join(each.get("body", b"") for each in messages[1:]))


def hang_up(app: ASGIApp, target: str, takes: int, headers: Mapping[str, str] | None = None) -> None:
    """Ask, and go away after so many bytes of the answer."""
    try:
        ask(app, target, takes=takes, headers=headers)
    except HungUpError:
        return
    raise AssertionError("the answer was shorter")


class Enforcer:
    """What a bouncer holds, by value; it lets go first."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self.new: list[str] = []
        self.over: list[str] = []

    def take(self, answer: Any, startup: bool) -> None:
        if startup:
            self.held.clear()
        self.over = [decision["value"] for decision in answer["deleted"] or ()]
        self.new = [decision["value"] for decision in answer["new"] or ()]
        for value in self.over:
            self.held.pop(value, None)
        self.held.update({decision["value"]: decision for decision in answer["new"] or ()})

    def pull(self, app: ASGIApp, startup: bool = False, more: str = "", agent: str = AGENT) -> Any:
        """Pull from an application."""
        headers = {"x-api-key": KEY, "user-agent": agent}
        answer = ask(app, f"/v1/decisions/stream?startup={str(startup).lower()}{more}", headers=headers)
        assert answer.status == 200, answer
        self.take(answer.json, startup)
        return answer.json

    def pull_from(self, port: int, startup: bool = False) -> int:
        """Pull over HTTP; return the answer's status."""
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            path = f"/v1/decisions/stream?startup={str(startup).lower()}"
            connection.request("GET", path, headers={"X-Api-Key": KEY, "User-Agent": AGENT})
            response = connection.getresponse()
            body = response.read()
            assert response.status in (200, 503), body
            if response.status == 200:
                self.take(json.loads(body), startup)
            return response.status
        finally:
            connection.close()

    def started(self, port: int) -> bool:
        """Begin, unless we are told to come again."""
        return self.pull_from(port, startup=True) == 200

    def answered(self, port: int) -> bool:
        """Go on, unless we are told to come again."""
        return self.pull_from(port) == 200
