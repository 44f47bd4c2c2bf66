"""A way to this host's server, for who does several things at once. One question at a time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from f2b.control.client import NO_SERVER
from f2b.errors import ControlError

PATIENCE_S = 60.0
LONGEST = 1 << 28
"""Bytes of an answer: a hundred thousand bans are 20 MB."""


class Link:
    """Connects when asked first, and again after `close`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, request: str, **fields: object) -> Any:
        """Return the answer to a request. Raises ControlError; its `status` is 3 if no server answers."""
        async with self._turn:
            try:
                line = await self._line({"request": request, **fields})
            except (OSError, ValueError) as error:
                self.close()
                raise ControlError(f"no server on {self._path}: {error}", NO_SERVER) from None
            except BaseException:
                self.close()  # half an answer may be on its way
                raise
        return _result(line)

    async def _line(self, message: dict[str, object]) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self._path, limit=LONGEST)
        reader, writer = self._streams
        # No wait_for: before Python 3.12 a cancellation that comes together with the answer is lost in it.
        timer = asyncio.get_running_loop().call_later(PATIENCE_S, writer.transport.abort)
        try:
            writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("it hung up, or does not answer")
        return line

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def _result(line: bytes) -> Any:
    answer = json.loads(line)
    if not answer["ok"]:
        raise ControlError(answer["error"]["message"], answer["error"]["status"])
    return answer["result"]
