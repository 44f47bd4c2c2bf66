"""How a client finds the server: the socket it was told, the configuration's, or the usual place."""

from __future__ import annotations

import os

from f2b import paths
from f2b.control import client


def socket_path(socket: str | None = None, directory: str | None = None) -> str:
    """Return the socket to talk to. Raises ConfigError if `directory` has no readable configuration."""
    if socket:
        return socket
    usual = paths.defaults(os.geteuid(), os.environ).socket
    if os.geteuid() == 0 and not client.answers(usual) and client.answers(paths.FAIL2BAN_SOCKET):
        return paths.FAIL2BAN_SOCKET
    return usual
