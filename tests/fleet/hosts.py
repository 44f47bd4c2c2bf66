"""A real redis-server, real servers (dry), and the satellite of each, as processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from f2b.client import Client, ControlError
from tests.daemon.running import Server, wait_for

KEY = "0123456789abcdef" * 4


AT_ONCE = 10
"""So many hosts are started together."""


class Store:
    """A redis-server on a Unix socket, which can be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` are those of redis-server, besides."""
        self.folder = folder
        self._options = options
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.client: Any = Redis(unix_socket_path=str(self.socket), protocol=2)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it had written, and wait until it answers."""
        words = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        words += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", *self._options]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def pid(self) -> int:
        """Return its process."""
        assert self._process
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process:
            self.client.connection_pool.disconnect()
            self._process.kill()
            self._process.wait()
            self._process = None


class Host:
    """One server and its satellite."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.log = server.folder / "app.log"
        self.said = server.folder / "fleet.err"
        self._satellite: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> list[str]:
        """Return a command of the fleet's."""
        here = str(self.server.folder)
        return [sys.executable, "-m", "f2b", "fleet", "-c", here, "-s", self.server.socket, *words]

    def begin(self) -> None:
        """Let the satellite run."""
        with self.said.open("ab") as out:
            self._satellite = subprocess.Popen(
                self.command("run", "--state", f"{self.server.folder}/state"), stderr=out
            )

    def pid(self) -> int:
        """Return its satellite's process."""
        assert self._satellite
        return self._satellite.pid

    def leave(self) -> None:
        """Kill the satellite."""
        if self._satellite:
            self._satellite.kill()
            self._satellite.wait()
            self._satellite = None

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the fleet's."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, check=False)

    def ban(self, ids: Sequence[str], seconds: float | None = None) -> None:
        """Ban in the jail that is shared."""
        with Client(self.server.socket) as client:
            client.ban(ids, "app", seconds)

    def unban(self, ids: Sequence[str]) -> None:
        """Let in again."""
        with Client(self.server.socket) as client:
            client.unban(ids)

    def banned(self) -> set[str]:
        """Return who is banned."""
        return set(self.server.banned())

    def contact(self) -> bool:
        """Return whether its server has heard of the fleet."""
        try:
            with Client(self.server.socket) as client:
                return client.ask("summary")["fleet"] is not None
        except ControlError:
            return False


def configure(server: Server, store: Store, name: str, **options: object) -> None:
    """Write the configuration of a host."""
    key = server.write("fleet.key", KEY)
    key.chmod(0o600)
    lines: Mapping[str, object] = {"url": store.url, "name": name, "keyfile": key, "share": "app", **options}
    server.write("f2b.conf", "[fleet]\n" + "".join(f"{option} = {value}\n" for option, value in lines.items()))


@contextmanager
def hosts(
    folder: Path, store: Store, size: int, prefix: Sequence[str] = (), **options: object
) -> Iterator[list[Host]]:
    """Give hosts that share the jail `app`, and have found each other.

    With `prefix` they ban for real: it must put each server into a network namespace of its own.
    """
    action = "nftables-allports" if prefix else "dry"
    with ExitStack() as stack:
        found = [Host(Server(folder / f"web{number}", prefix, not prefix), f"web{number}") for number in range(size)]
        for at in range(0, size, AT_ONCE):
            _start(stack, found[at : at + AT_ONCE], store, action, options)
        yield found


def _start(stack: ExitStack, found: Sequence[Host], store: Store, action: str, options: Mapping[str, object]) -> None:
    for host in found:
        server = host.server
        stack.callback(_end, server)
        server.jail(bantime=3600, maxretry=3, ignoreself="no", action=action).touch()
        configure(server, store, host.name, **options)
        server.process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(host.leave)
        host.begin()  # it waits for its server
    for host in found:
        wait_for(host.contact, 300)


def _end(server: Server) -> None:
    if server.process and server.process.poll() is None:
        server.process.kill()
        server.process.wait()


def agree(hosts: Sequence[Host], expected: set[str]) -> Callable[[], bool]:
    """Return whether all ban exactly these."""
    return lambda: all(host.banned() == expected for host in hosts)
