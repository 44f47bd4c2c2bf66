"""A container's published port, as Docker makes it: a bridge, and address translation to a host behind ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest

from f2b.errors import Place
from f2b.events import Ban
from f2b.firewall import Firewall
from f2b.firewall.native import Native
from f2b.firewall.plan import plan
from f2b.firewall.xtables import xtables
from tests.live.net import ATTACKER, BYSTANDER, GUARDED, Host, container, patience, two_hosts

OUTER, INNER, LOCAL = 8080, 80, 2222
FAMILIES = pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])


class Site(NamedTuple):
    """Who is there."""

    guarded: Host
    peer: Host
    native: Native


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A service in a container, another one beside it on the host itself, and those who come to them."""
    with ExitStack() as stack:
        guarded, peer = stack.enter_context(two_hosts())
        inside = stack.enter_context(container(guarded, OUTER, INNER))
        for host, port in ((inside, INNER), (guarded, LOCAL), (peer, OUTER)):
            stack.enter_context(host.listen(port))
        native = Native(time.time, (4, 6))
        yield Site(guarded, peer, native)
        native.kernel.link.close()
        native.sets.close()


@contextmanager
def started(site: Site, kind: str, **options: str) -> Iterator[Firewall]:
    """Give a jail's firewall."""
    place = Place("jail.conf")
    given = {"name": "web", "port": f"{OUTER},{LOCAL}", **options}
    wanted = plan(given, place, lambda _: None) if kind == "nftables" else xtables(given, kind, place, lambda _: None)
    firewall = site.native.make(kind, wanted, print)
    firewall.start([])
    yield firewall
    firewall.stop(keep=False)


@FAMILIES
@pytest.mark.parametrize(
    ("kind", "options", "published", "local"),
    [
        ("nftables", {}, "open", "refused"),
        ("iptables", {}, "open", "refused"),
        ("nftables", {"chain_hook": "prerouting"}, "refused", "refused"),
        ("nftables", {"chain_hook": "prerouting", "port": str(INNER)}, "refused", "open"),
        ("nftables", {"chain_hook": "prerouting", "chain_priority": "-150"}, "refused", "refused"),
        ("nftables", {"chain_hook": "prerouting", "type": "allports"}, "refused", "refused"),
        ("nftables", {"chain_hook": "forward", "port": str(INNER)}, "refused", "open"),
        ("iptables", {"chain": "FORWARD", "type": "allports"}, "refused", "open"),
        ("ipset", {"chain": "PREROUTING", "table": "raw", "blocktype": "DROP"}, "timeout", "timeout"),
    ],
    ids=str,
)
def test_ban_when_the_port_is_a_containers_then_its_hook_decides(
    kind: str, options: dict[str, str], published: str, local: str, family: int, site: Site
) -> None:
    attacker, target = ATTACKER[family], GUARDED[family]
    reject = {"blocktype": "REJECT --reject-with tcp-reset"} if kind == "iptables" else {}
    with site.guarded, started(site, kind, **{**reject, **options}) as firewall:
        assert site.peer.connects(attacker, target, OUTER) == "open"
        with site.peer.connected(attacker, target, OUTER) as running:
            firewall.ban([Ban("web", attacker, time.time(), 600)])
            assert site.peer.connects(attacker, target, OUTER, patience(published)) == published
            assert site.peer.connects(attacker, target, LOCAL, patience(local)) == local
            assert site.peer.connects(BYSTANDER[family], target, OUTER) == "open"
            assert site.peer.connects(BYSTANDER[family], target, LOCAL) == "open"
            if options.get("type") != "allports":  # what the host itself begins goes on
                assert site.guarded.connects(target, attacker, OUTER) == "open"
            if published == "refused":
                running.send(b"more")
                with pytest.raises(ConnectionResetError):
                    running.recv(1)
    assert site.peer.connects(attacker, target, OUTER) == "open"
