"""`fail2ban-client` as its callers find it: `ping` at once, everything else by `compat_client`.

Monitoring asks for `ping` in loops. Whatever the whole client imports takes several times as long as the question, so
nothing of it is imported here.
"""

from __future__ import annotations

import os
import sys

# What `socket` is made of: its names of 500 constants take 5 ms to make.
from _socket import AF_UNIX, socket

from f2b.control.plain import Unclear, plain_socket

_WHERE = {"-c": "directory", "--conf": "directory", "-s": "path", "--socket": "path"}
_QUESTION = b'{"words":["ping"]}\n'
_ANSWER = b'{"ok":true,"result":"pong"}\n'
PATIENCE_S = 1.0
"""A server that takes longer is asked once more by who waits longer."""


def main() -> None:
    """Run the command line and exit: 0 done, 255 anything else."""
    if answers(sys.argv[1:]):
        print("Server replied: pong", flush=True)
        os._exit(0)  # taking an interpreter down in good order takes a third as long as all of the above
    from f2b.cli import compat_client  # late: that is what this module is for

    compat_client.main()


def answers(argv: list[str]) -> bool:
    """Return whether this is a plain `ping` that the server has answered; if not, somebody else must see why."""
    *given, command = argv or [""]
    names = [_WHERE.get(word) for word in given[::2]]
    if command != "ping" or len(given) % 2 or None in names:
        return False
    where = dict(zip(names, given[1::2], strict=True))
    try:
        path = where.get("path") or plain_socket(where.get("directory"))
        return bool(path) and _asked(path)
    except (Unclear, OSError):
        return False


def _asked(path: str) -> bool:
    connection = socket(AF_UNIX)
    try:
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        connection.sendall(_QUESTION)
        return connection.recv(len(_ANSWER) + 1) == _ANSWER
    finally:
        connection.close()
