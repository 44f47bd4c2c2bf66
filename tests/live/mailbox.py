"""A mail server that takes everything and keeps it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator


class Mailbox:
    """Serves SMTP on a listening socket, in a thread, until the socket is closed."""

    def __init__(self, server: socket.socket) -> None:
        self.mails: list[str] = []
        self.port: int = server.getsockname()[1]
        self._server = server
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def about(self, *words: str) -> list[str]:
        """Return the mails that say all of these."""
        return [mail for mail in self.mails if all(word in mail for word in words)]

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rwb") as stream:

            def say(text: bytes) -> None:
                stream.write(text + b"\r\n")
                stream.flush()

            say(b"220 here")
            for line in stream:
                verb = line[:4].upper().strip()
                if verb == b"DATA":
                    say(b"354 go on")
                    self.mails.append(_body(iter(stream.readline, b"")))
                say(b"221 bye" if verb == b"QUIT" else b"250 ok")
                if verb == b"QUIT":
                    return


def _body(lines: Iterator[bytes]) -> str:
    body = []
    for line in lines:
        if line == b".\r\n":
            break
        body.append(line.decode("utf-8", "replace").rstrip("\r\n"))
    return "\n".join(body)
