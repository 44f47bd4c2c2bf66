"""Whose failure it is: from what a match caught to the id that is counted and banned.

The order is Fail2Ban's: an IPv4 address, an IPv6 address, a host name, and `<F-ID>`, which names the id beside an
address. Host names are not looked up here: they leave as `unresolved`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from f2b import net
from f2b.config.model import UseDns
from f2b.named import NamedTuple

LATEST = 256
"""So many addresses are remembered in their one form: whoever fails, fails again."""
LONG = 64
"""Characters beyond which a text is not remembered: more than an address has."""


class Identity(NamedTuple):
    """Who failed."""

    id: str
    host: str | None
    """The address, or the name as it stands; None if only `<F-ID>` says who."""
    unresolved: str = ""
    """A host name to look up: its addresses are the ids."""


def identify(captures: Mapping[str, str], usedns: UseDns) -> Identity | None:
    """Return whose failure the captures tell of, or None if they do not."""
    fid = captures.get("fid")
    text = captures.get("ip4") or captures.get("ip6")
    if text:
        host = _address(text, captures.get("cidr"))
    else:
        name = captures.get("dns")
        if not name:
            return Identity(_parsed(fid, usedns), None) if fid else None
        host = net.address(name) or ""
        if not host:
            if usedns != "raw":
                return None if usedns == "no" else Identity(name, name, name)
            host = name
    return Identity(_parsed(fid, usedns) if fid else host, host)


def known(captures: Mapping[str, str]) -> bool:
    """Return whether the captures hold an address, a name or an id at all."""
    get = captures.get
    return bool(get("ip4") or get("ip6") or get("dns") or get("fid"))


def _address(text: str, cidr: str | None) -> str:
    """Return an address, or with a length its network; what is none (`999.1.1.1`) stays as it is."""
    if cidr:
        return _network(f"{text}/{cidr}") or text
    return _canonical(text) if len(text) <= LONG else net.address(text) or text


@lru_cache(LATEST)
def _canonical(text: str) -> str:
    return net.address(text) or text


def _parsed(fid: str, usedns: UseDns) -> str:
    """Return the id that `<F-ID>` caught: an address or a network in its one form, anything else as it stands."""
    if usedns == "raw":
        return fid
    if fid.startswith("[") and fid.endswith("]"):
        fid = fid[1:-1]
    return _network(fid) or fid


def _network(text: str) -> str | None:
    """Return the canonical text of an address or a network; the network of all addresses loses its `/0`."""
    base, slash, _ = text.partition("/")
    if slash and ":" in base and net.family(base) == 4:
        return None  # a network of mapped addresses has no form of its own
    found = net.network(text)
    return found.removesuffix("/0") if found and found.endswith("/0") else found
