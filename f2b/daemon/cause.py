"""Why a ban may not bite: the causes, and their cures, from what is known of firewall and traffic. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from f2b import net
from f2b.events import Ban
from f2b.firewall import Ahead, Reach
from f2b.firewall.expression import PROTOCOLS
from f2b.named import NamedTuple
from f2b.value import dataclass

_NAMES = {PROTOCOLS[name]: name for name in ("tcp", "udp")}
_SHOWN = 6
"""So many ports are named."""


class Flow(NamedTuple):
    """A connection from somebody to this host, or through it."""

    protocol: int
    port: int
    """The port that the sender wrote."""
    inner: int
    """The port that address translation made of it; the same, if there was none."""
    forwarded: bool
    """It went on to another host, or to a container."""
    standing: bool
    """It is established now."""


class Traffic(NamedTuple):
    """What the kernel knows of traffic."""

    flows: tuple[Flow, ...] = ()
    """Of the banned address."""
    listening: frozenset[tuple[int, int]] = frozenset()
    """(protocol, port) that somebody on this host listens on."""


class Remark(NamedTuple):
    """What may be wrong, and what helps."""

    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cause}; {self.cure}"


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one ban in one action."""

    ban: Ban
    action: str
    held: bool | None
    """Whether the kernel keeps it out; None: nobody can tell."""
    left_s: float | None = None
    """For how long yet; None is for ever, or not at all."""
    remarks: tuple[Remark, ...] = ()


DRY = Remark("this is a dry run", "set an action that bans, or leave --dry-run out")
COMMANDS = Remark(
    "it runs commands of its own, which cannot be asked",
    "use an action that f2b carries out itself (docs/firewalls.md)",
)
UNSEEN = Remark(
    "no connection from it is known here, so its packets may come from another address, such as a proxy's",
    "let the proxy keep it out, or the service log the address of its peer",
)
"""What is likely if nothing else is."""


def reaches(ban: Ban, reach: Reach) -> bool:
    """Return whether an action can keep this one out at all."""
    return _family(ban) in reach.families


def lost(ban: Ban, reach: Reach) -> Remark:
    """Say why a ban is not in force."""
    family = _family(ban)
    if not family:
        return Remark(f"{ban.id} is no address", "let the filter find one, or use an action that knows such ids")
    if family not in reach.families:
        cure = "use an action for both families (nftables-multiport, table_family = inet)"
        return Remark(f"it keeps no IPv{family} out", cure)
    return Remark("the kernel lacked the ban or its rules, somebody took them out", "f2b has just put them back")


def _family(ban: Ban) -> int:
    return net.family(ban.id) or net.family(ban.ip)


def in_the_way(reach: Reach, ahead: Sequence[Ahead], traffic: Traffic) -> list[Remark]:
    """Say what may let packets of somebody banned pass, although the kernel holds the ban."""
    found = [_in_front(rule) for rule in ahead]
    found += dict.fromkeys(remark for flow in traffic.flows if (remark := _passes(flow, reach)))
    if not found and not traffic.flows:
        found += _unheard(reach, traffic.listening)
    return found


def _in_front(rule: Ahead) -> Remark:
    who = "running connections" if rule.running else "it"
    return Remark(
        f"a rule in front of ours lets {who} in: {rule.rule}",
        "put that rule behind ours, or use nftables (banaction = nftables-multiport), where none is in front",
    )


def _passes(flow: Flow, reach: Reach) -> Remark | None:
    known = _known_by(flow, reach)
    name = f"port {known[0]}/{_NAMES.get(flow.protocol, flow.protocol)}"
    if reach.hook == "input" and flow.forwarded:
        return Remark(
            f"its connection to port {flow.port} is forwarded, to a container maybe, which rules of input do not see",
            f"set chain_hook = prerouting and port = {flow.port} in an nftables action",
        )
    if reach.hook == "forward" and not flow.forwarded:
        return Remark(
            f"it is connected to {name} of this host itself, and rules of forward do not see that",
            "set chain_hook = prerouting in an nftables action",
        )
    if reach.protocols and flow.protocol not in reach.protocols:
        return Remark(f"it uses {name}, and only {_protocols(reach)} is shut", "set protocol = all")
    if reach.ports and not any(first <= port <= last for port in known for first, last in reach.ports):
        return Remark(
            f"it is connected to {name}, and only {_ports(reach.ports)} is shut",
            f"add {known[0]} to port, or use banaction_allports",
        )
    if flow.standing and reach.new_only:
        return Remark(
            f"its connection to {name} stood before the ban, which is for new ones only",
            "use an action without -m state --state NEW",
        )
    if flow.standing:
        return Remark(
            f"its connection to {name} stood before the ban; nothing more of it comes in, but the service has it",
            "blocktype = reject (nftables) tells the client; ss --kill dst ADDRESS ends it here",
        )
    return None


def _known_by(flow: Flow, reach: Reach) -> tuple[int, ...]:
    """Return the ports by which an action's rules know a connection."""
    if not reach.translated:
        return (flow.port,)
    return (flow.port, flow.inner) if reach.hook == "prerouting" else (flow.inner,)


def _unheard(reach: Reach, listening: Collection[tuple[int, int]]) -> Iterator[Remark]:
    """Say so if nobody listens on what is shut: the port is another one, or a container's."""
    protocols = reach.protocols or tuple(_NAMES)
    here = sorted({port for protocol, port in listening if protocol in protocols})
    shut = any(first <= port <= last for port in here for first, last in reach.ports)
    if reach.hook == "input" and reach.ports and not shut:
        yield Remark(
            f"nobody on this host listens on {_ports(reach.ports)}, which is shut; "
            f"listened on are {', '.join(map(str, here[:_SHOWN])) or 'none'}",
            "set port to what the service uses; if a container does, set chain_hook = prerouting too",
        )


def _protocols(reach: Reach) -> str:
    return ",".join(str(_NAMES.get(protocol, protocol)) for protocol in reach.protocols)


def _ports(ranges: Sequence[tuple[int, int]]) -> str:
    names = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    more = ", ..." if len(names) > _SHOWN else ""
    return f"port {', '.join(names[:_SHOWN])}{more}"
