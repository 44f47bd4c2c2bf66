"""From a plan and what stands in the kernel to the messages that make the one of the other. Pure.

Each jail has a set for either family, and further ones for networks, one a prefix length: `addr-set-sshd/24` holds
the first addresses of the banned /24s, and its rule looks at the first 24 bits only. Interval sets would need no
further rules, but they refuse overlaps, lift a whole /8 where a /16 of it is deleted, and miss packets while they are
replaced in kernels before 6.17.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from f2b.firewall.expression import (
    ICMPX_PORT_UNREACHABLE,
    PROTOCOLS,
    RESET,
    drop,
    match_port,
    match_protocol,
    match_published_port,
    match_source,
    reject,
)
from f2b.firewall.nft import FAMILIES, HOOKS, POLICIES, TIMEOUT, Chain, Rule, Set, Table
from f2b.firewall.plan import Plan
from f2b.firewall.wire import Message
from f2b.named import NamedTuple
from f2b.net import BITS, network, packed
from f2b.value import dataclass, field

PortMatch = Callable[[int], list[bytes]]

_TCP = PROTOCOLS["tcp"]
_NO_CHAIN = Chain("")
_JAILS_SET = re.compile(r"addr6?-set-([^/]+)(?:/\d+)?")


class Kind(NamedTuple):
    """Which set: addresses of a family, or networks of a prefix length."""

    family: int
    length: int

    @property
    def key_bytes(self) -> int:
        """The size of its members."""
        return BITS[self.family] // 8


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the kernel of a table."""

    present: bool = False
    owned: bool = False
    """Another program reserved it for itself."""
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, Set] = field(default_factory=dict)
    """Named ones."""
    rules: tuple[Rule, ...] = ()


def target(who: str) -> tuple[Kind, bytes] | None:
    """Return which set an address or a network belongs in, and its member there; None if it is neither."""
    if "/" not in who:
        key = packed(who)
        return None if key is None else (_WHOLE[len(key)], key)
    base, slash, length = (network(who) or "").partition("/")
    key = packed(base)
    if key is None:
        return None
    whole = _WHOLE[len(key)]
    return whole._replace(length=int(length)) if slash else whole, key


_WHOLE = {4: Kind(4, 32), 16: Kind(6, 128)}
"""Sets of single addresses, by the bytes of one."""


def table(plan: Plan) -> Table:
    """Return the plan's table."""
    return Table(FAMILIES[plan.family], plan.table)


def kinds(plan: Plan) -> frozenset[Kind]:
    """Return the sets that a plan has even before anybody is banned."""
    return frozenset(Kind(family, BITS[family]) for family in plan.sets)


def set_name(plan: Plan, kind: Kind) -> str:
    """Return the name of a set."""
    name = plan.sets[kind.family]
    return name if kind.length == BITS[kind.family] else f"{name}/{kind.length}"


def standing_kinds(plan: Plan, standing: Standing) -> frozenset[Kind]:
    """Return which of the plan's sets stand, by their names; whether they are of use, `fits` says."""
    found = (_kind(plan, name) for name in standing.sets)
    return frozenset(kind for kind in found if kind)


def fits(plan: Plan, kind: Kind, standing: Standing) -> bool:
    """Return whether a set stands as it should, so that its members can stay."""
    present = standing.sets.get(set_name(plan, kind))
    if present is None or present.size:  # one with a size may be full when it matters
        return False
    return present.flags == TIMEOUT and present.key_bytes == kind.key_bytes


def frame(plan: Plan, wanted: Collection[Kind], standing: Standing) -> list[Message]:
    """Return what makes table, chain, the sets `wanted` and no other, and their rules; a set that fits stays."""
    nf = table(plan)
    messages = [nf.add()]
    if _conflict(plan, standing):
        messages += [nf.delete_rule(rule) for rule in standing.rules if _of(plan, rule) or rule.chain == plan.chain]
        messages.append(nf.delete_chain(plan.chain))
    else:
        messages += _without_rules(plan, standing)
    messages.append(_chain(plan))
    for kind in sorted(standing_kinds(plan, standing)):
        if kind not in wanted or not fits(plan, kind, standing):
            messages.append(nf.delete_set(set_name(plan, kind)))
    messages += [nf.add_set(set_name(plan, kind), kind.key_bytes) for kind in sorted(wanted)]
    for kind in sorted(wanted, key=lambda kind: (kind.family, -kind.length)):
        messages += _rules(plan, kind)
    return messages


def stands(plan: Plan, wanted: Collection[Kind], standing: Standing) -> bool:
    """Return whether the chain is there, the sets `wanted`, and as many rules as these take."""
    rules = sum(len(list(_wanted_rules(plan, kind))) for kind in wanted)
    return (
        plan.chain in standing.chains
        and not _conflict(plan, standing)
        and all(fits(plan, kind, standing) for kind in wanted)
        and sum(rule.chain == plan.chain and _of(plan, rule) for rule in standing.rules) >= rules
    )


def removal(plan: Plan, standing: Standing) -> list[Message]:
    """Return what takes the plan's rules and sets out, and chain and table if nothing else is in them."""
    if not standing.present:
        return []
    nf = table(plan)
    ours = standing_kinds(plan, standing)
    messages = _without_rules(plan, standing)
    messages += [nf.delete_set(set_name(plan, kind)) for kind in sorted(ours)]
    others = [rule for rule in standing.rules if rule.chain == plan.chain and not _of(plan, rule)]
    chains = set(standing.chains)
    if plan.chain in chains and not others:
        messages.append(nf.delete_chain(plan.chain))
        chains.remove(plan.chain)
    if not chains and len(standing.sets) == len(ours):
        messages.append(nf.delete())
    return messages


def blocker(plan: Plan, standing: Standing, first: bool) -> str:
    """Return why the plan cannot be carried out beside what stands, empty if it can.

    `first`: nobody in this process uses the chain yet, so what is in it was left behind and may go.
    """
    where = f"table {plan.family} {plan.table}"
    if standing.owned:
        return f"{where} is reserved by another program; set table = another name"
    others = [rule for rule in standing.rules if rule.chain == plan.chain and not _of(plan, rule)]
    left_behind = first and all(rule.sets & standing.sets.keys() for rule in others)
    if not _conflict(plan, standing) or not others or left_behind:
        return ""
    cure = f"give all its users the same, or set chain = another name, or remove it (nft delete chain {plan.place})"
    return f"chain {plan.place} is there with another hook, type or priority, and with others' rules; {cure}"


def shared_set(plan: Plan, other: Plan) -> str:
    """Return the name of a set that both would fill, empty if there is none."""
    if table(plan) != table(other):
        return ""
    return min(set(plan.sets.values()) & set(other.sets.values()), default="")


def leftovers(plans: Collection[Plan], standing: Standing, gone: Collection[str]) -> list[Message]:
    """Return what takes out the rules and sets of the jails `gone`; `plans`, all in one table, are in use."""
    nf = table(next(iter(plans)))
    old = {
        name
        for name, kept in standing.sets.items()
        if kept.flags == TIMEOUT and _jail(name) in gone and not any(_kind(plan, name) for plan in plans)
    }
    rules = [nf.delete_rule(rule) for rule in standing.rules if rule.sets & old]
    return rules + [nf.delete_set(name) for name in sorted(old)]


def _jail(name: str) -> str:
    """Return whose set it is, by the names that they have where nobody chose others; empty if it is nobody's."""
    found = _JAILS_SET.fullmatch(name)
    return found[1] if found else ""


def _kind(plan: Plan, name: str) -> Kind | None:
    for family, base in plan.sets.items():
        bits = BITS[family]
        if name == base:
            return Kind(family, bits)
        length = name[len(base) + 1 :]
        if name.startswith(f"{base}/") and length.isdigit() and int(length) < bits:
            return Kind(family, int(length))
    return None


def _of(plan: Plan, rule: Rule) -> bool:
    """Whether a rule looks at one of the plan's sets: then it is ours, or was left behind under our names."""
    return any(_kind(plan, name) for name in rule.sets)


def _without_rules(plan: Plan, standing: Standing) -> list[Message]:
    nf = table(plan)
    return [nf.delete_rule(rule) for rule in standing.rules if _of(plan, rule)]


def _conflict(plan: Plan, standing: Standing) -> bool:
    """Whether the plan's chain is there, and is another one: it can be replaced only."""
    chain = standing.chains.get(plan.chain, _NO_CHAIN)
    wanted = Chain(plan.chain, plan.chain_type, HOOKS[plan.hook], plan.priority)
    return chain not in (_NO_CHAIN, wanted)


def _chain(plan: Plan) -> Message:
    nf, policy = table(plan), POLICIES[plan.policy]
    return nf.add_chain(plan.chain, plan.chain_type, HOOKS[plan.hook], plan.priority, policy)


def _rules(plan: Plan, kind: Kind) -> Iterator[Message]:
    nf = table(plan)
    source = match_source(set_name(plan, kind), kind.key_bytes, kind.length)
    for number, (protocol, port, also, verdict) in enumerate(_wanted_rules(plan, kind)):
        # Ports first: most packets are for somebody else's, and comparing two bytes is cheaper than a look-up.
        match = [] if protocol is None else match_protocol(protocol)
        if port:
            ticket = kind.family << 24 | kind.length << 16 | number  # unique in its transaction
            yield from nf.add_ports(ticket, plan.ports)
            match += port(ticket)
        yield nf.add_rule(plan.chain, [*match, *source, *also, verdict])


def _wanted_rules(plan: Plan, kind: Kind) -> Iterator[tuple[int | None, PortMatch | None, list[bytes], bytes]]:
    """Yield what the rules of a set are made of: protocol, port, a further match, the verdict."""
    for protocol in _protocols(plan):
        for port in _port_matches(plan):
            for also, verdict in _verdicts(plan, kind.family, protocol):
                yield protocol, port, also, verdict


def _port_matches(plan: Plan) -> Sequence[PortMatch | None]:
    """Return how a rule looks at the port. A container's goes by two: its own, and the one that is published."""
    if not plan.ports:
        return [None]
    return [match_port, match_published_port] if plan.hook == "prerouting" and plan.translated else [match_port]


def _protocols(plan: Plan) -> tuple[int, ...] | tuple[None]:
    """Return the protocols that take rules of their own; None is all in one."""
    return plan.protocols or (None,)


def _verdicts(plan: Plan, family: int, protocol: int | None) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield what becomes of the banned: a further match, and the verdict on whom it matches."""
    answer, codes = plan.block
    if answer == "drop":
        yield [], drop()
    elif answer == "icmp":
        yield [], reject(0, codes[family == 6])
    elif protocol == _TCP:
        yield [], reject(*RESET)
    else:
        # A reset ends running connections and refuses IPv6 at once; unreachable messages do neither.
        if protocol is None:
            yield match_protocol(_TCP), reject(*RESET)
        port_unreachable = {"ip": (0, 3), "ip6": (0, 4)}
        yield [], reject(*port_unreachable.get(plan.family, ICMPX_PORT_UNREACHABLE))
