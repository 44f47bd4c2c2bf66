"""How far an action's rules reach: which packets they look at, and which of others' rules come before them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from f2b import net
from f2b.firewall import Ahead, Reach
from f2b.firewall.expression import PROTOCOLS
from f2b.firewall.plan import Plan
from f2b.firewall.xtables import HOOKS, Half, Xtables, jumps

_SEES_OWN_PORTS = ("raw", "mangle", "nat")
"""Tables whose PREROUTING comes before address translation, or does it."""
_SOURCE = re.compile(r"(?P<no>! )?-s (?P<who>\S+)")
_INTERFACE = re.compile(r"(?<!! )-i lo\b")
_PROTOCOL = re.compile(r"(?<!! )-p (\S+)")
_PORTS = re.compile(r"(?<!! )--dports? (\S+)")
_STATE = re.compile(r"--(?:ct)?state (\S+)")
_MATCH = re.compile(r"-m (\S+)")
_TARGET = re.compile(r"-[jg] (\S+)")
_KNOWN = {"tcp", "udp", "multiport", "state", "conntrack", "comment"}
"""Matches that narrow a rule in ways that are looked at here, or not at all."""
_SERVED = (PROTOCOLS["tcp"], PROTOCOLS["udp"])
"""Whatever else is let in is no attempt that a log tells of."""
_DEEPEST = 8
_MOST = 3
"""So many rules are named: one would do."""


def reach_of(plan: Plan | Xtables) -> Reach:
    """Return which packets of the banned a plan keeps out."""
    if isinstance(plan, Plan):
        return Reach(frozenset(plan.sets), plan.protocols, plan.ports, plan.hook, plan.translated)
    hook = HOOKS.get(plan.parent, "input")
    table = next(iter(plan.halves.values())).table
    numbers = () if "all" in plan.protocols else tuple(_number(word) for word in plan.protocols)
    translated = hook != "prerouting" or table not in _SEES_OWN_PORTS
    return Reach(frozenset(plan.halves), numbers, plan.ports, hook, translated, bool(plan.prefix))


def ahead_of(plan: Xtables, half: Half, who: str, listing: Sequence[str]) -> list[Ahead]:
    """Return the rules in `listing` (of iptables-save) that accept packets of `who` before ours is asked."""
    ours = {f"-A {rule}" for rule in jumps(half, listing)}
    chains: dict[str, list[str]] = {}
    for line in listing:
        if line.startswith("-A "):
            chains.setdefault(line.split(" ", 2)[1], []).append(line)
    if not any(line in ours for line in chains.get(plan.parent, [])):
        return []  # nobody comes before what is not there
    found = []
    for line in _before(plan.parent, chains, ours, _DEEPEST):
        if _may_meet(line, reach_of(plan), who):
            state = _STATE.search(line)
            found.append(Ahead(line, state is not None and "NEW" not in state[1].split(",")))
    return found[:_MOST]


def _before(chain: str, chains: Mapping[str, list[str]], ours: Collection[str], depth: int) -> Iterator[str]:
    """Yield the rules that accept, of a chain and of those that it leads to, up to the first of ours."""
    for line in chains.get(chain, []):
        if line in ours:
            return
        target = _TARGET.search(line)
        if target and target[1] == "ACCEPT":
            yield line
        elif target and depth:
            yield from _before(target[1], chains, (), depth - 1)


def _may_meet(line: str, reach: Reach, who: str) -> bool:
    """Whether a rule may be about packets of `who` that ours would shut out; where we do not know, it may not."""
    source, protocol, ports = _SOURCE.search(line), _PROTOCOL.search(line), _PORTS.search(line)
    if _INTERFACE.search(line) or not _KNOWN.issuperset(_MATCH.findall(line)):
        return False
    if source and (who in net.NetSet([source["who"]])) == bool(source["no"]):
        return False
    if protocol and _number(protocol[1]) not in (reach.protocols or _SERVED):
        return False
    if not ports or not reach.ports:
        return True
    wanted = [_range(word) for word in ports[1].split(",")]
    return any(first <= last2 and first2 <= last for first, last in wanted for first2, last2 in reach.ports)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else PROTOCOLS.get(word, -1)


def _range(word: str) -> tuple[int, int]:
    first, _, last = word.partition(":")
    return int(first or 0), int(last or first or 0)
