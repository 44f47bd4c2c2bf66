"""Who asked: the peer of an HTTP connection, or whom trusted proxies name in its place."""

from __future__ import annotations

import re
from functools import lru_cache

from f2b import net
from f2b.filter.option import Options
from f2b.filter.request import Request

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+").fullmatch


class Client:
    """Finds the client of a request (`hostfield`, `trustedproxies`)."""

    def __init__(self, options: Options) -> None:
        text = options.given("hostfield")
        self.field = _field(text.value.strip()) if text else ""
        """The field that names it; empty: the peer is the client."""
        self._trusted = options.networks("trustedproxies")
        if self.field and not self._trusted:
            options.doubt(
                "hostfield", "nobody is trusted to name the client, so it is never used", "set trustedproxies"
            )

    def of(self, request: Request) -> str:
        """Return the client, an address in its one form where it is one.

        Who writes the field can write anything, so it counts only from right to left, as far as proxies are trusted.
        """
        peer = bare(request.host)
        if not self.field or not self._trusts(peer):
            return peer
        found = peer
        for entry in reversed(request.more.get(self.field, "").split(",")):
            address = net.address(bare(entry.strip()))
            if address is None:
                break
            found = address
            if not self._trusts(address):
                break
        return found

    def _trusts(self, address: str) -> bool:
        return address in self._trusted


def _field(name: str) -> str:
    """Return a header's name as nginx's variables have it: `X-Forwarded-For` is `http_x_forwarded_for`."""
    return f"http_{name.lower().replace('-', '_')}" if "-" in name else name


@lru_cache(4096)
def bare(text: str) -> str:
    """Return an address without port and brackets; anything else as it is."""
    found = _WITH_PORT(text)
    base = (found[1] or found[2]) if found else text
    return net.address(base) or base
