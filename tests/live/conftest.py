"""What live tests stand on: hosts in network namespaces. Needs root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.net import Host, two_hosts


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """The guarded host and its peer."""
    with two_hosts() as pair:
        yield pair


@pytest.fixture
def guarded(hosts: tuple[Host, Host]) -> Host:
    """The host with the firewall."""
    return hosts[0]


@pytest.fixture
def peer(hosts: tuple[Host, Host]) -> Host:
    """The host where attacker and bystander are."""
    return hosts[1]
