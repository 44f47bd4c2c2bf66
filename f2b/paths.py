"""Where the server's own files lie if nobody says otherwise: what `serve` makes and clients look for."""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` and `collections` take as long to import as `fail2ban-client ping` takes without
if TYPE_CHECKING:
    from collections.abc import Mapping

FAIL2BAN_SOCKET = "/run/fail2ban/fail2ban.sock"
"""Where Fail2Ban's own configuration puts it (by its other name, /var/run/fail2ban)."""


FOLDERS = ("/etc/f2b", "/etc/fail2ban")
"""Where the configuration is looked for if nobody says where it is."""


class Paths:
    """The default places of one user's server."""

    __slots__ = ("log", "pidfile", "socket", "state")

    def __init__(self, socket: str, pidfile: str, log: str, state: str) -> None:
        """`state` is the folder of the database."""
        self.socket = socket
        self.pidfile = pidfile
        self.log = log
        self.state = state

    @property
    def database(self) -> str:
        """The database."""
        return f"{self.state}/f2b.sqlite3"


def defaults(uid: int, env: Mapping[str, str]) -> Paths:
    """Return the default places for user `uid` with environment `env` (XDG base directories, if not root)."""
    if uid == 0:
        return Paths("/run/f2b/f2b.sock", "/run/f2b/f2b.pid", "/var/log/f2b.log", "/var/lib/f2b")
    state = (_absolute(env, "XDG_STATE_HOME") or f"{env.get('HOME', '')}/.local/state") + "/f2b"
    runtime = _absolute(env, "XDG_RUNTIME_DIR")
    run = f"{runtime}/f2b" if runtime else state
    return Paths(f"{run}/f2b.sock", f"{run}/f2b.pid", f"{state}/f2b.log", state)


def _absolute(env: Mapping[str, str], name: str) -> str:
    """Return the folder that a variable names; the XDG specification has relative ones ignored."""
    value = env.get(name, "")
    return value.rstrip("/") if value.startswith("/") else ""
