"""What an iptables or ipset action is to do, and the words that `iptables-restore` takes for it. Pure.

One plan, whoever asks for it: an action of type `iptables`, `ipset` or `iptc`, or the resolved commands of a stock
action (`f2b.firewall.stock_xtables`). Each address family has its own programs, chains and sets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from f2b.errors import ConfigError, Place
from f2b.firewall.expression import PROTOCOLS
from f2b.firewall.plan import filled
from f2b.firewall.port import PORTS, Service, ports
from f2b.value import dataclass, field

DEFAULTS = {
    "type": "multiport",
    "table": "filter",
    "chain": "INPUT",
    "port": "ssh",
    "protocol": "tcp",
    "blocktype": "REJECT",
    "returntype": "RETURN",
    "iptables": "iptables",
    "ip6tables": "ip6tables",
    "jailchain": "f2b-<name>",
    "ipmset": "f2b-<name>",
    "ipmset6": "f2b-<name>6",
}
HOOKS = {"FORWARD": "forward", "DOCKER-USER": "forward", "PREROUTING": "prerouting", "OUTPUT": "output"}
"""Where packets come to a chain, in nft's words; to all others at `input`."""
NETS = "-net"
"""Ends the name of the set that holds a jail's networks."""
MAX_SET_NAME = 31
"""Characters; ipset(8)."""
MAX_CHAIN_NAME = 28
"""Characters; iptables(8)."""

_NAME = re.compile(r"[\w.:@+-]+", re.ASCII)
_PROGRAM = re.compile(r"[\w./-]+", re.ASCII)
_RULE = re.compile(r"[\w ./:,=!%\"-]+", re.ASCII)
_LONGEST_LIST = 15
"""Ports in one multiport match; a range counts as two."""
_WITH_PORTS = ("tcp", "udp", "dccp", "sctp", "udplite")
_SOURCE = re.compile(r"-s (\S+) ")
_GOES_TO = re.compile(r" -[jg] (\S+)")
_LOOKS_AT = re.compile(r"--match-set (\S+) src")
_RESET = "tcp-reset"
_REJECT_V6 = {
    "icmp-net-unreachable": "icmp6-no-route",
    "icmp-host-unreachable": "icmp6-addr-unreachable",
    "icmp-port-unreachable": "icmp6-port-unreachable",
    "icmp-proto-unreachable": "icmp6-port-unreachable",
    "icmp-net-prohibited": "icmp6-adm-prohibited",
    "icmp-host-prohibited": "icmp6-adm-prohibited",
    "icmp-admin-prohibited": "icmp6-adm-prohibited",
}
"""How ip6tables calls what is meant."""


@dataclass(frozen=True, slots=True)
class Half:
    """The part of one address family."""

    program: str
    """`iptables`, or `/usr/sbin/ip6tables-legacy`."""
    table: str
    verdict: str
    """What a rule says of the banned: `-j REJECT`."""
    chain: str = ""
    """Where each of the banned has a rule of its own; empty if they are in a set."""
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Our own chains, with the rules that stand behind the banned."""
    set: str = ""
    """The set of the banned; empty if they have rules."""

    @property
    def sets(self) -> tuple[str, ...]:
        """Every set that there may be: of addresses, and of networks."""
        return (self.set, self.set + NETS) if self.set else ()


@dataclass(frozen=True, slots=True)
class Xtables:
    """Which chains, rules and sets keep a jail's banned out."""

    halves: Mapping[int, Half]
    """By address family, 4 or 6."""
    parent: str
    """The chain that packets come through: `INPUT`."""
    protocols: tuple[str, ...]
    ports: tuple[tuple[int, int], ...]
    """Ranges; none is every port."""
    prefix: str = ""
    """What our rules in `parent` ask of a packet first: `-m state --state NEW `."""
    driver: str = "restore"
    """Who speaks to the kernel: iptables' own programs, or `iptc`."""

    @property
    def matches(self) -> tuple[str, ...]:
        """What packets are led to us, each as the beginning of a rule."""
        return tuple(
            f"{self.prefix}-p {protocol}{chosen}" for protocol in self.protocols for chosen in _port_lists(self.ports)
        )


class Driver(Protocol):
    """Who reads and changes iptables' tables."""

    def listing(self, half: Half) -> list[str]:
        """Return the half's table as iptables-save has it. Raises ActionError."""
        ...

    def commit(self, half: Half, lines: Sequence[str]) -> None:
        """Carry out lines of iptables-restore in the half's table, all or nothing. Raises ActionError."""
        ...


# ---- from options to a plan ----------------------------------------------------------------------------------


def xtables(options: Mapping[str, str], kind: str, place: Place, service: Service) -> Xtables:
    """Return the plan of an action of type `iptables`, `ipset` or `iptc`.

    Raises ConfigError; its first word is the option at fault.
    """
    given = {**DEFAULTS, **options}
    try:
        values = {option: filled(given[option], given, DEFAULTS).strip() for option in DEFAULTS}
        verdict6 = filled(given.get("blocktype?family=inet6", given["blocktype"]), given, DEFAULTS).strip()
        protocols, ranges = traffic(values["protocol"], "" if _all_ports(values) else values["port"], service)
        return checked(
            Xtables(
                halves={4: _half(values, kind, 4, values["blocktype"]), 6: _half(values, kind, 6, verdict6)},
                parent=named(values, "chain", MAX_CHAIN_NAME),
                protocols=protocols,
                ports=ranges,
                driver="iptc" if kind == "iptc" else "restore",
            )
        )
    except ValueError as fault:
        raise ConfigError(str(fault), place) from None


def checked(plan: Xtables) -> Xtables:
    """Return the plan if its parts go together. Raises ValueError."""
    if any(_RESET in half.verdict for half in plan.halves.values()) and plan.protocols != ("tcp",):
        raise ValueError(f"blocktype = REJECT --reject-with {_RESET} is for protocol = tcp only")
    return plan


def _half(values: Mapping[str, str], kind: str, family: int, blocktype: str) -> Half:
    program = values["iptables" if family == 4 else "ip6tables"].split()
    if not program or not _PROGRAM.fullmatch(program[0]):
        raise ValueError(f"iptables = {' '.join(program)} is no program")
    table = named(values, "table", MAX_CHAIN_NAME)
    answer = verdict(blocktype, family)
    if kind == "ipset":
        return Half(
            program[0], table, answer, set=named(values, "ipmset" if family == 4 else "ipmset6", MAX_SET_NAME)
        )
    chain = named(values, "jailchain", MAX_CHAIN_NAME)
    return Half(program[0], table, answer, chain, {chain: (f"-j {named(values, 'returntype', MAX_CHAIN_NAME)}",)})


def _all_ports(values: Mapping[str, str]) -> bool:
    if values["type"] not in ("oneport", "multiport", "allports"):
        raise ValueError(f"type = {values['type']} is not known; use multiport or allports")
    return values["type"] == "allports"


def named(values: Mapping[str, str], option: str, most: int) -> str:
    """Return an option that is a name. Raises ValueError."""
    value = values[option]
    if not _NAME.fullmatch(value) or value.startswith("-"):
        raise ValueError(f"{option} = {value} is no name; use letters, digits, - and _")
    if len(value) > most:
        raise ValueError(f"{option} = {value} is longer than the {most} characters that the kernel allows")
    return value


def verdict(blocktype: str, family: int) -> str:
    """Return the end of a rule for Fail2Ban's `blocktype`: `-j DROP`, `-j REJECT --reject-with ...`."""
    words = blocktype.split()
    if not words or not _RULE.fullmatch(blocktype):
        raise ValueError(f"blocktype = {blocktype} is neither REJECT nor DROP nor another target of iptables")
    return " ".join(["-j", *(_REJECT_V6.get(word, word) if family == 6 else word for word in words)])


def traffic(protocol: str, port: str, service: Service) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Return protocols, and port ranges (none is every port). Raises ValueError that begins with the option."""
    words = tuple(dict.fromkeys(protocol.replace(",", " ").lower().split()))
    unknown = [word for word in words if word != "all" and word not in PROTOCOLS and not word.isdigit()]
    if unknown or not words:
        raise ValueError(f"protocol = {protocol} is not known; use tcp, udp, tcp,udp or all")
    if "all" in words:
        words = ("tcp", "udp") if port else ("all",)
    if not port:
        return words, ()
    portless = set(words) - set(_WITH_PORTS)
    if portless:
        raise ValueError(f"protocol = {protocol} has no ports; use type = allports")
    try:
        ranges = ports(port, service)
    except ValueError as fault:
        raise ValueError(f"port = {port}: {fault}") from None
    return words, () if ranges == PORTS else ranges


def _port_lists(ranges: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield what matches these ports, in as many pieces as it takes."""
    if not ranges:
        yield ""
        return
    chosen: list[str] = []
    room = _LONGEST_LIST
    for first, last in ranges:
        cost = 1 if first == last else 2
        if cost > room:
            yield f" -m multiport --dports {','.join(chosen)}"
            chosen, room = [], _LONGEST_LIST
        chosen.append(str(first) if cost == 1 else f"{first}:{last}")
        room -= cost
    yield f" -m multiport --dports {','.join(chosen)}"


def stand_in(plan: Xtables) -> dict[str, str]:
    """Return the options of the nftables action that keeps the same people out of the same, on other chains."""
    half = plan.halves[min(plan.halves)]
    ranges = ",".join(f"{first}-{last}" for first, last in plan.ports)
    return {
        "chain_hook": HOOKS.get(plan.parent, "input"),
        "chain": "f2b-chain" if plan.parent == "INPUT" else f"f2b-{HOOKS.get(plan.parent, 'chain')}",
        "protocol": ",".join(plan.protocols),
        "blocktype": "drop" if half.verdict.startswith("-j DROP") else "reject",
        "type": "multiport" if ranges else "allports",
        **({"port": ranges} if ranges else {}),
    }


# ---- from a plan and what stands to lines ----------------------------------------------------------------------


def setup(
    plan: Xtables, half: Half, sets: Collection[str], sources: Iterable[str], listing: Iterable[str]
) -> list[str]:
    """Return what makes chains and rules, with exactly these banned, whatever of them stands in `listing`.

    `sets`: which of the half's sets get a rule.
    """
    lines = [f":{chain} - [0:0]" for chain in half.fixed]
    lines += [f"-D {rule}" for rule in jumps(half, listing)]
    lines += members(half, sources)
    for chain, rules in half.fixed.items():
        lines += [f"-A {chain} {rule}" for rule in rules]
    return lines + [f"-I {plan.parent} {rule}" for rule in reversed(_wanted_jumps(plan, half, sets))]


def content(half: Half, sources: Iterable[str]) -> list[str]:
    """Return what makes these, and nobody else, those banned by our chains."""
    lines = [f":{half.chain} - [0:0]", *members(half, sources)]
    return lines + [f"-A {half.chain} {rule}" for rule in half.fixed[half.chain]]


def members(half: Half, sources: Iterable[str]) -> list[str]:
    """Return what bans these behind those who are banned; nothing, if the banned are in a set."""
    return [f"-A {half.chain} {banned(half, source)}" for source in sources] if half.chain else []


def banned(half: Half, source: str) -> str:
    """Return the rule that keeps one out."""
    protocol = "-p tcp " if _RESET in half.verdict else ""  # the kernel insists
    return f"-s {source} {protocol}{half.verdict}"


def removal(half: Half, listing: Sequence[str]) -> list[str]:
    """Return what takes out all of ours that stands in `listing`."""
    present = [chain for chain in half.fixed if any(line.startswith(f":{chain} ") for line in listing)]
    lines = [f"-D {rule}" for rule in jumps(half, listing)]
    # All are emptied before one is removed: they may lead to each other.
    return lines + [f"-F {chain}" for chain in present] + [f"-X {chain}" for chain in present]


def stands(
    plan: Xtables, half: Half, sets: Collection[str], sources: Collection[str], listing: Sequence[str]
) -> bool:
    """Return whether everything is there, and each of these is banned."""
    if len(jumps(half, listing)) != len(_wanted_jumps(plan, half, sets)):
        return False
    present = set(held(half, listing))
    return all(_rest(chain, listing) >= len(rules) for chain, rules in half.fixed.items()) and present >= set(sources)


def held(half: Half, listing: Iterable[str]) -> list[str]:
    """Return who has a rule."""
    head = f"-A {half.chain} "
    found = (_SOURCE.match(line, len(head)) for line in listing if line.startswith(head)) if half.chain else ()
    return [source[1].removesuffix("/32").removesuffix("/128") for source in found if source]


def jumps(half: Half, listing: Iterable[str]) -> list[str]:
    """Return the rules, each behind its chain's name, that lead from others' chains to ours, or look at our sets."""
    own, sets = tuple(f"-A {chain} " for chain in half.fixed), half.sets
    found = []
    for line in listing:
        if not line.startswith("-A ") or line.startswith(own):
            continue
        goal, looked = _GOES_TO.search(line), _LOOKS_AT.search(line)
        if (goal and goal[1] in half.fixed) or (looked and looked[1] in sets):
            found.append(line[3:])
    return found


def _rest(chain: str, listing: Iterable[str]) -> int:
    """Return how many rules of a chain are about nobody in particular; -1 if there is no such chain."""
    rules = [line for line in listing if line.startswith((f"-A {chain} ", f":{chain} "))]
    return sum(not _SOURCE.match(line, len(chain) + 4) for line in rules) - 1


def _wanted_jumps(plan: Xtables, half: Half, sets: Collection[str]) -> list[str]:
    if half.chain:
        return [f"{match} -j {half.chain}" for match in plan.matches]
    looks = [f"-m set --match-set {name} src {half.verdict}" for name in half.sets if name in sets]
    return [f"{match} {look}" for match in plan.matches for look in looks]
