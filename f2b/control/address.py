"""How a client finds the server: the socket it was told, the configuration's, or the usual place."""

from __future__ import annotations

import os

from f2b import paths
from f2b.control import client
from f2b.control.plain import Unclear, plain_socket


def socket_path(socket: str | None = None, directory: str | None = None) -> str:
    """Return the socket to talk to. Raises ConfigError if `directory` does not exist."""
    if socket:
        return socket
    try:
        configured = plain_socket(directory)
    except Unclear:
        configured = _read_socket(directory) or ""
    if configured:
        return configured
    usual = paths.defaults(os.geteuid(), os.environ).socket
    if os.geteuid() == 0 and not client.answers(usual) and client.answers(paths.FAIL2BAN_SOCKET):
        return paths.FAIL2BAN_SOCKET
    return usual


def _read_socket(directory: str | None) -> str | None:
    # Late: all of the reader takes twice as long to import as asking the server does.
    from pathlib import Path

    from f2b.config import search

    return search.load(Path(directory) if directory else None, only=search.NO_JAIL).server.socket
