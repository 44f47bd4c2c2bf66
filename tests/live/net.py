"""Two hosts in network namespaces, joined by a cable; and what a client finds at the other end."""

from __future__ import annotations

import ctypes
import os
import select
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Literal

GUARDED = ("192.0.2.1", "2001:db8::1")
"""The addresses of the host with the firewall, of either family."""
ATTACKER = ("192.0.2.66", "2001:db8::66")
BYSTANDER = ("192.0.2.77", "2001:db8:77::77")
"""Both are addresses of the other host; those of IPv6 do not count as one."""
CONTAINER = ("172.30.0.2", "fd30::2")
"""The addresses of a host behind the guarded one."""
_BRIDGE = ("172.30.0.1", "fd30::1")
_PUBLISHED = """
table inet published {{
    chain in {{
        type nat hook prerouting priority dstnat
        fib daddr type local tcp dport {outer} dnat ip to {v4}:{inner}
        fib daddr type local tcp dport {outer} dnat ip6 to [{v6}]:{inner}
    }}
}}
"""

PATIENCE_S = 20.0
SILENCE_S = 0.2
"""How long who is to get no answer waits for one."""
_PAIRS = count()
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)

Answer = Literal["open", "refused", "timeout"]


class Host:
    """A network namespace. Inside `with host:` this thread is on it, and sockets made there stay there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before: list[int] = []

    def __enter__(self) -> Host:
        self._before.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        with Path(f"/run/netns/{self.name}").open("rb") as there:
            _enter(there.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        before = self._before.pop()
        _enter(before)
        os.close(before)

    def run(self, *command: str) -> str:
        """Run a command on the host; return what it prints."""
        inside = ["ip", "netns", "exec", self.name, *command]
        return subprocess.run(inside, check=True, capture_output=True, text=True, timeout=60).stdout

    def set(self, setting: str, value: int) -> None:
        """Change a setting of the host's network, as sysctl(8) does."""
        with self:
            Path(f"/proc/sys/net/{setting}").write_text(f"{value}\n")

    def listen(self, port: int) -> socket.socket:
        """Return a TCP server for both families."""
        with self:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)

    def listen_udp(self, port: int, address: str) -> socket.socket:
        """Return a UDP server on an address."""
        with self:
            server = socket.socket(_family(address), socket.SOCK_DGRAM)
        server.bind((address, port))
        return server

    def connected(self, source: str, target: str, port: int, timeout_s: float = PATIENCE_S) -> socket.socket:
        """Return a TCP connection from the host. Raises OSError if there is none."""
        with self:
            client = socket.socket(_family(target), socket.SOCK_STREAM)
        client.settimeout(timeout_s)
        try:
            client.bind((source, 0))
            client.connect((target, port))
        except OSError:
            client.close()
            raise
        return client

    def connects(self, source: str, target: str, port: int, timeout_s: float = PATIENCE_S) -> Answer:
        """Return what becomes of a TCP connection from the host."""
        try:
            self.connected(source, target, port, timeout_s).close()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "timeout"
        return "open"

    def asks_udp(self, source: str, server: socket.socket, timeout_s: float = PATIENCE_S) -> Answer:
        """Return whether a datagram from the host arrives at a UDP server."""
        with self:
            client = socket.socket(server.family, socket.SOCK_DGRAM)
        with client:
            client.bind((source, 0))
            client.connect(server.getsockname()[:2])
            client.send(b"?")
            heard, _, _ = select.select([server, client], [], [], timeout_s)
            if server in heard:
                server.recv(10)
                return "open"
            return "refused" if client in heard else "timeout"


def patience(expected: str) -> float:
    """Return how long to wait for this answer, in seconds: silence only is soon believed."""
    return SILENCE_S if expected == "timeout" else PATIENCE_S


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Make the guarded host and its peer, and take both away again."""
    number = next(_PAIRS)
    names = [f"f2b-{os.getpid()}-{end}{number}" for end in ("guarded", "peer")]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
        for name, addresses in zip(names, (GUARDED, ATTACKER + BYSTANDER), strict=True):
            for address in addresses:
                length, more = ("/32", ["nodad"]) if ":" in address else ("/24", [])
                _ip("-n", name, "address", "add", address + length, "dev", "cable", *more)
            # Both ends have one hardware address and ask nobody for it: IPv6 would begin with a second of silence.
            _ip("-n", name, "link", "set", "cable", "address", "02:00:00:00:00:01", "arp", "off", "up")
        yield Host(names[0]), Host(names[1])
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=60)


@contextmanager
def container(guarded: Host, outer: int, inner: int) -> Iterator[Host]:
    """Make a host on a bridge of the guarded one, whose port `inner` the guarded host publishes as its `outer`."""
    name = f"f2b-{os.getpid()}-container"
    try:
        _ip("netns", "add", name)
        for either in (guarded, Host(name)):
            either.set("ipv6/conf/default/accept_dad", 0)  # addresses are to be good at once
        _ip("-n", guarded.name, "link", "add", "bridge", "type", "bridge")
        _ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", "plug", "netns", guarded.name)
        _ip("-n", guarded.name, "link", "set", "plug", "master", "bridge", "up")
        for host, device, addresses in ((guarded.name, "bridge", _BRIDGE), (name, "eth0", CONTAINER)):
            for address in addresses:
                length, more = ("/64", ["nodad"]) if ":" in address else ("/24", [])
                _ip("-n", host, "address", "add", address + length, "dev", device, *more)
            _ip("-n", host, "link", "set", device, "up")
        for gateway in _BRIDGE:
            _ip("-n", name, "route", "add", "default", "via", gateway)
        guarded.set("ipv4/ip_forward", 1)
        guarded.set("ipv6/conf/all/forwarding", 1)
        rules = _PUBLISHED.format(outer=outer, inner=inner, v4=CONTAINER[0], v6=CONTAINER[1])
        guarded.run("nft", rules)
        yield Host(name)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=60)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
