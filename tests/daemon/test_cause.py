"""Why a ban may not bite, from what is known of firewall and traffic."""

from __future__ import annotations

import pytest

from f2b.daemon.cause import Flow, Traffic, in_the_way, lost, reaches
from f2b.events import Ban
from f2b.firewall import Ahead, Reach

TCP, UDP = 6, 17
BOTH = frozenset({4, 6})
SSH = Reach(BOTH, (TCP,), ((22, 22),), "input", True)
ALL = Reach(BOTH, (), (), "input", True)
HERE = Flow(TCP, 22, 22, forwarded=False, standing=True)
CONTAINER = Flow(TCP, 8080, 80, forwarded=True, standing=True)


def causes(reach: Reach, *flows: Flow, listening: frozenset[tuple[int, int]] = frozenset()) -> list[str]:
    return [remark.cause for remark in in_the_way(reach, [], Traffic(flows, listening))]


@pytest.mark.parametrize(
    ("reach", "flow", "cause"),
    [
        (SSH, HERE._replace(port=2222, inner=2222), "it is connected to port 2222/tcp, and only port 22 is shut"),
        (SSH, HERE._replace(protocol=UDP), "it uses port 22/udp, and only tcp is shut"),
        (SSH, HERE, "its connection to port 22/tcp stood before the ban; nothing more of it comes in"),
        (ALL, CONTAINER, "its connection to port 8080 is forwarded, to a container maybe"),
        (ALL._replace(hook="forward"), HERE, "it is connected to port 22/tcp of this host itself"),
        (ALL._replace(new_only=True), HERE, "stood before the ban, which is for new ones only"),
        (
            ALL._replace(hook="prerouting", translated=False, ports=((80, 80), (443, 445))),
            CONTAINER,
            "it is connected to port 8080/tcp, and only port 80, 443-445 is shut",
        ),
        (
            ALL._replace(hook="forward", ports=((8080, 8080),)),
            CONTAINER,
            "it is connected to port 80/tcp, and only port 8080 is shut",
        ),
    ],
)
def test_connection_when_a_ban_does_not_reach_it_then_it_is_said_why(reach: Reach, flow: Flow, cause: str) -> None:
    (found,) = causes(reach, flow)
    assert cause in found


@pytest.mark.parametrize("ports", [(80, 80), (8080, 8080)])
@pytest.mark.parametrize("standing", [True, False])
def test_connection_to_a_container_when_prerouting_shuts_either_port_then_it_is_reached(
    ports: tuple[int, int], standing: bool
) -> None:
    found = causes(Reach(BOTH, (TCP,), (ports,), "prerouting", True), CONTAINER._replace(standing=standing))
    assert ["stood before the ban" in cause for cause in found] == [True] * standing


def test_ports_when_nobody_listens_there_then_it_is_said_unless_somebody_is_connected() -> None:
    listening = frozenset({(TCP, 2222), (UDP, 53)})
    (found,) = causes(SSH, listening=listening)
    assert found == "nobody on this host listens on port 22, which is shut; listened on are 2222"
    assert causes(SSH, listening=listening | {(TCP, 22)}) == []
    assert causes(SSH, HERE._replace(standing=False), listening=listening) == []
    assert causes(ALL, listening=listening) == []
    assert causes(SSH._replace(hook="prerouting"), listening=listening) == []


def test_rule_in_front_when_it_is_there_then_it_is_told_with_a_cure() -> None:
    both = [Ahead("-A INPUT -j ACCEPT", False), Ahead("-A INPUT --ctstate ESTABLISHED -j ACCEPT", True)]
    first, second = map(str, in_the_way(SSH, both, Traffic()))
    assert first.startswith("a rule in front of ours lets it in: -A INPUT -j ACCEPT; put that rule behind ours")
    assert second.startswith("a rule in front of ours lets running connections in: ")


@pytest.mark.parametrize(
    ("ban", "cause"),
    [
        (Ban("sshd", "192.0.2.66", 0, 60), "somebody took them out"),
        (Ban("sshd", "2001:db8::/64", 0, 60), "it keeps no IPv6 out"),
        (Ban("sshd", "alice", 0, 60), "alice is no address"),
    ],
)
def test_ban_when_it_is_not_in_force_then_it_is_said_why(ban: Ban, cause: str) -> None:
    only_v4 = SSH._replace(families=frozenset({4}))
    assert cause in lost(ban, only_v4).cause
    assert reaches(ban, only_v4) == ("took" in cause)
