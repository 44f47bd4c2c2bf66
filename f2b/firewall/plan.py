"""What a jail's nftables action is to do: one plan, whoever asks for it. Pure.

Options have the names of Fail2Ban's own nftables action. They come from an action of type `nftables`, or from the
resolved commands of a stock action (`f2b.firewall.stock`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.errors import ConfigError, Place
from f2b.firewall.expression import PROTOCOLS
from f2b.firewall.nft import FAMILIES, HOOKS, POLICIES
from f2b.firewall.port import PORTS, Service, ports
from f2b.named import NamedTuple
from f2b.value import dataclass

DEFAULTS = {
    "type": "multiport",
    "table": "f2b-table",
    "table_family": "inet",
    "chain": "f2b-chain",
    "chain_type": "filter",
    "chain_hook": "input",
    "chain_priority": "-1",
    "chain_policy": "accept",
    "addr_set": "addr-set-<name>",
    "addr6_set": "addr6-set-<name>",
    "port": "ssh",
    "protocol": "tcp",
    "blocktype": "reject",
}

PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_PRIORITY = re.compile(r"([a-z]+)?\s*(?:([+-]?)\s*(\d+))?")
_TAG = re.compile(r"<(known/)?(\w+)>")
_MAX_PASSES = 5
_NAME = re.compile(r"[A-Za-z_][\w./-]{0,240}", re.ASCII)
_WITH_PORTS = ("tcp", "udp", "dccp", "sctp", "udplite")
_REJECT = re.compile(r"reject\s+with\s+(?:icmpx?|icmpv6)(?:\s+type)?\s+([a-z-]+)")
_REASONS = {
    "net-unreachable": (0, 0),
    "host-unreachable": (1, 3),
    "addr-unreachable": (1, 3),
    "prot-unreachable": (2, 4),
    "port-unreachable": (3, 4),
    "no-route": (0, 0),
    "net-prohibited": (9, 1),
    "host-prohibited": (10, 1),
    "admin-prohibited": (13, 1),
    "policy-fail": (13, 5),
    "reject-route": (0, 6),
}
"""The codes of ICMP and ICMPv6 for a word of either."""


class Block(NamedTuple):
    """What becomes of a banned packet."""

    answer: str
    """`drop`: nothing; `refuse`: TCP is reset, the rest told that the port is closed; `icmp`: told `codes`."""
    codes: tuple[int, int] = (0, 0)
    """Of ICMP and of ICMPv6."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which table, chain, sets and rules keep a jail's banned out."""

    family: str
    table: str
    chain: str
    chain_type: str
    hook: str
    priority: int
    policy: str
    sets: Mapping[int, str]
    """The name of the set of single addresses by family, 4 or 6; only those that the table can hold."""
    protocols: tuple[int, ...]
    """By number; none is every protocol."""
    ports: tuple[tuple[int, int], ...]
    """Ranges; none is every port."""
    block: Block

    @property
    def translated(self) -> bool:
        """Whether it sees the ports that address translation has put, not those that the sender wrote."""
        return self.hook not in ("prerouting", "output") or self.priority > PRIORITIES["dstnat"]

    @property
    def place(self) -> str:
        """The chain as nft(8) names it."""
        return f"{self.family} {self.table} {self.chain}"


def plan(options: Mapping[str, str], place: Place, service: Service) -> Plan:
    """Return the plan that these options ask for. Raises ConfigError; its first word is the option at fault."""
    given = {**DEFAULTS, **options}
    given["addr6_set"] = options.get("addr6_set") or options.get("addr_set?family=inet6") or DEFAULTS["addr6_set"]
    try:
        return _plan({option: filled(given[option], given, DEFAULTS) for option in DEFAULTS}, service)
    except ValueError as fault:
        raise ConfigError(str(fault), place) from None


def _plan(values: Mapping[str, str], service: Service) -> Plan:
    family = _choice(values, "table_family", FAMILIES)
    protocols = _protocols(values["protocol"])
    ranges = _ports(values, service)
    if ranges:
        protocols = protocols or (PROTOCOLS["tcp"], PROTOCOLS["udp"])
        portless = set(protocols) - {PROTOCOLS[name] for name in _WITH_PORTS}
        if portless:
            raise ValueError(f"protocol = {values['protocol']} has no ports; use nftables-allports")
    sets = {4: _name(values, "addr_set"), 6: _name(values, "addr6_set")}
    sets[6] += "6" if sets[4] == sets[6] else ""  # no set holds both families
    return Plan(
        family=family,
        table=_name(values, "table"),
        chain=_name(values, "chain"),
        chain_type=_choice(values, "chain_type", ("filter", "route", "nat")),
        hook=_choice(values, "chain_hook", HOOKS),
        priority=priority(values["chain_priority"]),
        policy=_choice(values, "chain_policy", POLICIES),
        sets={size: name for size, name in sets.items() if family in ("inet", "ip" if size == 4 else "ip6")},
        protocols=protocols,
        ports=ranges,
        block=block(values["blocktype"]),
    )


def filled(text: str, options: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    """Return an option's value with the options that it names filled in: `<name>`, and `<known/chain>` by default."""

    def value(tag: re.Match[str]) -> str:
        return (defaults if tag[1] else options).get(tag[2], tag[0])

    for _ in range(_MAX_PASSES):
        before, text = text, _TAG.sub(value, text)
        if before == text:
            break
    return text


def priority(text: str) -> int:
    """Return a chain's priority: a number, or nft's word for one (`filter`), or a sum (`filter - 1`)."""
    found = _PRIORITY.fullmatch(text.strip())
    name, sign, digits = found.groups() if found else (None, None, None)
    if found is None or not (name or digits) or (name and digits and not sign) or (name or "raw") not in PRIORITIES:
        raise ValueError(f"chain_priority = {text} is neither a number nor one of {', '.join(PRIORITIES)}")
    offset = int(digits or 0)
    return (PRIORITIES[name] if name else 0) + (-offset if sign == "-" else offset)


def block(text: str) -> Block:
    """Return what `blocktype` asks for: `drop`, `reject`, or `reject with ...`."""
    words = " ".join(text.split())
    if words == "drop":
        return Block("drop")
    if words in ("reject", "reject with tcp reset"):
        return Block("refuse")
    found = _REJECT.fullmatch(words)
    if found is None or found[1] not in _REASONS:
        raise ValueError(f"blocktype = {text} is neither drop nor reject nor reject with a reason of nft")
    return Block("icmp", _REASONS[found[1]])


def _protocols(text: str) -> tuple[int, ...]:
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("protocol is empty")
    if "all" in words:
        return ()
    return tuple(dict.fromkeys(_protocol(word) for word in words))


def _protocol(word: str) -> int:
    number = int(word[:4]) if word.isascii() and word.isdigit() else PROTOCOLS.get(word.lower(), 256)
    if number > 255:
        raise ValueError(f"protocol = {word} is not known; use tcp, udp, tcp,udp or all")
    return number


def _ports(values: Mapping[str, str], service: Service) -> tuple[tuple[int, int], ...]:
    kind = values["type"]
    if kind == "allports":
        return ()
    if kind not in ("multiport", "oneport"):
        raise ValueError(f"type = {kind} is not known; use multiport or allports")
    try:
        ranges = ports(values["port"], service)
    except ValueError as fault:
        raise ValueError(f"port = {values['port']}: {fault}") from None
    return () if ranges == PORTS else ranges


def _choice(values: Mapping[str, str], option: str, known: Mapping[str, int] | tuple[str, ...]) -> str:
    value = values[option].strip()
    if value not in known:
        raise ValueError(f"{option} = {value} is not known; use {', '.join(known)}")
    return value


def _name(values: Mapping[str, str], option: str) -> str:
    value = values[option].strip()
    if not _NAME.fullmatch(value):
        raise ValueError(f"{option} = {value} is no name for nftables; use letters, digits, - and _")
    return value
