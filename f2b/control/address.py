"""How a client finds the server: the socket it was told, the configuration's, or the usual place."""

from __future__ import annotations

import os
from pathlib import Path

from f2b import paths
from f2b.config import search
from f2b.control import client

_NO_JAIL = ("",)
"""What to read of the configuration: the server's settings only."""


def socket_path(socket: str | None = None, directory: str | None = None) -> str:
    """Return the socket to talk to. Raises ConfigError if `directory` does not exist."""
    if socket:
        return socket
    configured = search.load(Path(directory) if directory else None, only=_NO_JAIL).server.socket
    if configured:
        return configured
    usual = paths.defaults(os.geteuid(), os.environ).socket
    if os.geteuid() == 0 and not client.answers(usual) and client.answers(paths.FAIL2BAN_SOCKET):
        return paths.FAIL2BAN_SOCKET
    return usual
