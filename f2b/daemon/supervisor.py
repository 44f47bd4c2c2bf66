"""Whoever supervises the server: systemd, or anybody who gives it a socket in NOTIFY_SOCKET (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping


class Supervisor:
    """Hears how the server does. Without one, telling does nothing; one that does not listen delays nothing."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """The variables are taken out of `environ`: the commands of actions are not the server."""
        self._address = environ.pop("NOTIFY_SOCKET", "")
        usec, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        ours = self._address and usec.isdecimal() and pid in ("", str(os.getpid()))
        self.patience_s = int(usec) / 1e6 if ours else 0.0
        """Seconds without a beat after which it ends the server; 0: it does not wait for any."""
        self._status = ""

    def ready(self) -> None:
        """All is set up, or set up anew."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` says when that is over."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The server ends."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line what people want to see; the same again is not sent."""
        line = " ".join(text.split())
        if line != self._status and self._tell(f"STATUS={line}"):
            self._status = line

    def beat(self) -> None:
        """All is well."""
        self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> bool:
        """Return whether it can have been heard."""
        if not self._address:
            return False
        # "@" stands for the NUL byte of an address that is in no file system (unix(7)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sink:
            try:
                sink.sendto(text.encode("utf-8", "backslashreplace"), address)
            except OSError:  # nobody listens, or not now; the log has it
                return False
        return True
