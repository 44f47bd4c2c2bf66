"""A server without logs or firewall, for tests of the control socket: `stand_in.py SOCKET [JAIL=FILE,FILE ...]`.

Its desk keeps bans in memory; everything between it and a client is the real thing. Prints a line once it listens.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Sequence

from f2b import __version__, net
from f2b.config.model import ActionSpec, FilterSpec, JailSpec
from f2b.control.endpoint import Endpoint
from f2b.daemon.desk import JailView, ServerView
from f2b.errors import ControlError, F2bError, Place
from f2b.events import Ban
from f2b.log import Log
from f2b.loop import Loop

HERE = Place("stand-in")


def spec(name: str) -> JailSpec:
    """Return a jail with one action that does nothing."""
    actions = (ActionSpec("dummy", "dummy", HERE),)
    return JailSpec(name, HERE, FilterSpec("nothing", HERE, usedns="no"), actions, maxretry=5)


class MemoryDesk:
    """Jails that only know who is banned."""

    def __init__(self, loop: Loop, files: dict[str, tuple[str, ...]]) -> None:
        self._loop = loop
        self._started = time.time()
        self._specs = {name: spec(name) for name in files}
        self._files = dict(files)
        self._bans: dict[str, dict[str, Ban]] = {name: {} for name in files}
        self._totals = dict.fromkeys(files, 0)

    def view(self) -> ServerView:
        jails = tuple(self.jail(name) for name in self._specs)
        return ServerView(__version__, os.getpid(), self._started, False, "a stand-in for tests", jails, ())

    def jail(self, name: str) -> JailView:
        if name not in self._specs:
            raise ControlError(f"there is no jail {name!r}; 'f2b status' lists them")
        bans = tuple(self._bans[name].values())
        jail = self._specs[name]
        return JailView(name, "up", "", jail, "polling", self._files[name], (), 0, 0, bans, self._totals[name])

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> int:
        name = self.jail(jail).name if jail else self._manual()
        seconds = self._specs[name].bantime if duration is None else duration
        now = time.time()
        fresh = [one for one in dict.fromkeys(ids) if one not in self._bans[name]]
        self._bans[name].update({one: Ban(name, one, now, seconds) for one in fresh})
        self._totals[name] += len(fresh)
        return len(fresh)

    def _manual(self) -> str:
        self._specs.setdefault("manual", spec("manual"))
        self._files.setdefault("manual", ())
        self._bans.setdefault("manual", {})
        self._totals.setdefault("manual", 0)
        return "manual"

    def unban(self, ids: Sequence[str] | None, jail: str = "") -> int:
        lifted = 0
        for name in [self.jail(jail).name] if jail else list(self._specs):
            held = self._bans[name]
            gone = list(held) if ids is None else [one for one in held if any(covers(wanted, one) for wanted in ids)]
            for one in gone:
                del held[one]
            lifted += len(gone)
        return lifted

    def set_bantime(self, jail: str, seconds: float) -> None:
        self._specs[jail] = dataclasses.replace(self._specs[jail], bantime=seconds)
        held = self._bans[jail]
        held.update({one: dataclasses.replace(ban, duration=seconds) for one, ban in held.items()})

    def reload(self, jail: str = "", unban: bool = False) -> Sequence[str]:
        if jail:
            self.jail(jail)
        if unban:
            self.unban(None, jail)
        return ["a warning"]

    def flush_log(self) -> bool:
        return False

    def stop(self, keep: bool = False) -> None:
        self._loop.soon(self._loop.stop)


def covers(wanted: str, held: str) -> bool:
    """Return whether lifting `wanted` lifts `held` too."""
    return wanted == held or (net.network(wanted) is not None and held in net.NetSet([wanted]))


def main(path: str, jails: Sequence[str]) -> int:
    """Serve until told to stop."""
    files = {name: tuple(logs.split(",")) for name, _, logs in (jail.partition("=") for jail in jails)}
    loop = Loop()
    endpoint = Endpoint(loop, MemoryDesk(loop, files), Log(), path)
    try:
        endpoint.open()
    except F2bError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.write(1, b"ready\n")
    try:
        loop.run()
    finally:
        endpoint.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
