"""Recognises iptables and ipset actions of an unmodified Fail2Ban configuration by what their commands do. Pure.

The commands of start are read as operations (make this chain, lead these packets there); those of stop and check must
take out, and ask for, just that. Loops and guards of Fail2Ban's own files are understood; any other word that means
something to a shell, and any operation that is not of this kind, is not, and the action runs its own commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from f2b.errors import ConfigError, Place
from f2b.firewall.port import Service
from f2b.firewall.render import Recipe
from f2b.firewall.ticket import Context
from f2b.firewall.xtables import Half, Xtables, checked, traffic, verdict
from f2b.named import NamedTuple

_FAMILIES = {4: "inet4", 6: "inet6"}
_NO = ("no", "false", "off", "0")
_UNUSED = ("repair", "prolong", "reban", "reload")
_VERBS = ("start", "stop", "flush", "check", "ban", "unban")

_PROGRAM = r"(?P<program>(?:/[\w./-]+/)?ip6?tables(?:-nft|-legacy)?)(?P<options>(?: -w(?: \d+)?| --wait| -t \w+)*)"
_OPERATION = re.compile(rf"{_PROGRAM} -(?P<verb>[NAIDCFX]) (?P<chain>[\w-]+)(?: (?P<rule>.+))?")
_LISTED = re.compile(rf"{_PROGRAM} (?:-n -L|-L -n) [\w-]+(?: >/dev/null(?: 2>&1)?| \| grep -q '[\w-]+\[ \\t\]')")
_TABLE = re.compile(r" -t (\w+)")
_LOOP = re.compile(r"for proto in \$\(echo '([^']*)' \| sed 's/,/ /g'\); do\n(.*?)\ndone", re.DOTALL)
_GUARDED = re.compile(r"\{ (?P<ask>.*) >/dev/null 2>&1; \} \|\| \{ (?P<otherwise>.*); \}")
_SHORTENED = re.compile(r"\"\$\(expr ([\w.-]+) : '\\\(\.\\\{1,(\d+)\\\}\\\)'\)")
"""How a log prefix is made of the beginning of a name."""
_SHELL = re.compile(r"[;&|$`<>(){}*?~#\\']")
_JUMP = re.compile(
    r"(?P<prefix>(?:-m (?:state --state|conntrack --ctstate) NEW )?(?:-i [\w.+-]+ )?)-p (?P<protocol>\S+)"
    r"(?: -m multiport --dports (?P<ports>\S+)| --dport (?P<port>\S+))?"
    r" (?:-m set --match-set (?P<set>\S+) src )?-j (?P<goal>\S+.*)"
)
_BAN = re.compile(r"-s <ip> (-j .+)")

_TIMEOUT = r'(?: timeout (?:0|<bantime>|\$\(\[ "<bantime>" -le 2147483 \] && echo "<bantime>" \|\| echo 0\)))?'
_EXIST = r"(?: -exist| -!)?"
_CREATE = re.compile(
    rf"ipset{_EXIST} (?:--)?create (?P<set>\S+) (?:hash:ip|hash:net|iphash)"
    rf"(?: timeout \d+| family (?P<family>inet6?)| maxelem \d+| hashsize \d+)*{_EXIST}"
)
_TESTED = r"(?:ipset --test {set} <ip> (?:\|\||&&) )?"
_ADD = rf"{_TESTED}ipset{_EXIST} (?:--)?add {{set}} <ip>{_TIMEOUT.replace('{', '{{').replace('}', '}}')}{_EXIST}"
_DELETE = rf"{_TESTED}ipset{_EXIST} (?:--)?del {{set}} <ip>{_EXIST}"
_EMPTY = r"ipset (?:--)?{verb} {set}"


class Operation(NamedTuple):
    """One call of iptables."""

    verb: str
    chain: str
    rule: str = ""


class Script(NamedTuple):
    """What one verb's commands of one family do."""

    programs: frozenset[tuple[str, str]]
    """Which programs it runs on which tables."""
    operations: tuple[Operation, ...]
    others: tuple[str, ...]
    """Lines that do something else."""


class Reading(NamedTuple):
    """What the commands of one family amount to."""

    half: Half
    parent: str
    prefix: str
    protocols: str
    ports: str


def xtables(options: Mapping[str, str], place: Place, service: Service) -> Xtables | None:
    """Return the plan that does what these commands do, or None if there is none.

    Raises ConfigError if it would be one, were it not for the ports, say.
    """
    if options.get("native", "").lower() in _NO or "norestored" in options:
        return None
    recipe = Recipe(options, Context())
    some, six = (_reading(recipe, family) for family in _FAMILIES)
    if some is None or six is None or some[1:] != six[1:]:
        return None
    halves = {4: some.half} if _in_one(some.half, six.half) else {4: some.half, 6: six.half}
    try:
        protocols, ranges = traffic(some.protocols, some.ports, service)
        return checked(Xtables(halves, some.parent, protocols, ranges, some.prefix))
    except ValueError as fault:
        raise ConfigError(str(fault), place) from None


def _in_one(four: Half, six: Half) -> bool:
    """Whether both families would go into one set, or through one program: only IPv4 ever worked."""
    return four.program == six.program or four.set == six.set != ""


def _reading(recipe: Recipe, family: int) -> Reading | None:
    kind = _FAMILIES[family]
    if any(recipe.text(verb, kind).strip() for verb in _UNUSED):
        return None
    scripts = {verb: _script(recipe.text(verb, kind)) for verb in _VERBS}
    programs = {program for script in scripts.values() for program in script.programs}
    if len(programs) != 1:
        return None
    ((program, table),) = programs
    return _with_set(scripts, program, table, family) or _with_chain(scripts, program, table, family)


# ---- the two kinds of actions ----------------------------------------------------------------------------------


def _with_chain(scripts: Mapping[str, Script], program: str, table: str, family: int) -> Reading | None:
    """Read an action that has a rule for each of the banned."""
    if any(script.others for script in scripts.values()):
        return None
    start = scripts["start"].operations
    own = {step.chain for step in start if step.verb == "N"}
    bans, unbans = scripts["ban"].operations, scripts["unban"].operations
    ban = _BAN.fullmatch(bans[0].rule.removeprefix("1 ")) if len(bans) == 1 else None
    if not ban or bans[0].verb != "I" or bans[0].chain not in own:
        return None
    chain = bans[0].chain
    if unbans != (Operation("D", chain, bans[0].rule.removeprefix("1 ")),):
        return None
    leads = [step for step in start if step.verb == "I" and step.chain not in own]
    fixed = _fixed(start, own)
    if fixed is None or not _undoes(scripts, leads, own):
        return None
    half = Half(program, table, verdict(ban[1].removeprefix("-j "), family), chain, fixed)
    return _read_leads(leads, half, chain)


def _with_set(scripts: Mapping[str, Script], program: str, table: str, family: int) -> Reading | None:
    """Read an action that has a set of the banned."""
    created = [_CREATE.fullmatch(line) for line in scripts["start"].others]
    made = created[0] if len(created) == 1 else None
    leads = list(scripts["start"].operations)
    moves = (*scripts["ban"].operations, *scripts["unban"].operations)
    if made is None or moves or any(step.verb != "I" for step in leads) or not _undoes(scripts, leads, ()):
        return None
    name = re.escape(made["set"])
    flush, destroy = (_EMPTY.format(verb=verb, set=name) for verb in ("flush", "destroy"))
    wanted = {
        "ban": [_ADD.format(set=name)],
        "unban": [_DELETE.format(set=name)],
        "flush": [flush],
        "stop": [flush, destroy],
        "check": [],
    }
    for verb, patterns in wanted.items():
        lines = scripts[verb].others
        if len(lines) != len(patterns) or not all(map(re.fullmatch, patterns, lines)):
            return None
    jump = _JUMP.fullmatch(leads[0].rule.removeprefix("1 ")) if leads else None
    if not jump or (made["family"] == "inet6" and family == 4):
        return None
    half = Half(program, table, verdict(jump["goal"], family), set=made["set"])
    return _read_leads(leads, half, jump["goal"])


def _fixed(start: tuple[Operation, ...], own: set[str]) -> dict[str, tuple[str, ...]] | None:
    """Return the rules of our own chains; None if start does more than make them and lead packets there."""
    rules: dict[str, list[str]] = {chain: [] for chain in own}
    for step in start:
        if step.verb == "A" and step.chain in own:
            rules[step.chain].append(step.rule)
        elif step.verb == "I" and step.chain in own:
            rules[step.chain].insert(0, step.rule.removeprefix("1 "))
        elif step.verb not in ("N", "I"):
            return None
    return {chain: tuple(kept) for chain, kept in rules.items()}


def _undoes(scripts: Mapping[str, Script], leads: list[Operation], own: set[str] | tuple[()]) -> bool:
    """Whether flush, stop and check concern just what start made."""
    empty = {Operation("F", chain) for chain in own}
    away = {Operation("D", step.chain, step.rule.removeprefix("1 ")) for step in leads}
    asked = {Operation("C", step.chain, step.rule.removeprefix("1 ")) for step in leads}
    stop = set(scripts["stop"].operations)
    return (
        bool(leads)
        and set(scripts["flush"].operations) <= empty
        and away <= stop <= away | empty | {Operation("X", chain) for chain in own}
        and set(scripts["check"].operations) <= asked
    )


def _read_leads(leads: list[Operation], half: Half, goal: str) -> Reading | None:
    """Return what the rules that lead packets to us have in common, with all their protocols."""
    jumps = [_JUMP.fullmatch(step.rule.removeprefix("1 ")) for step in leads]
    known = [jump for jump in jumps if jump and jump["goal"] == goal and (jump["set"] or "") == half.set]
    alike = {
        (step.chain, jump["prefix"], jump["ports"] or jump["port"] or "")
        for step, jump in zip(leads, known, strict=False)
    }
    if len(known) != len(leads) or len(alike) != 1:
        return None
    ((parent, prefix, ports),) = alike
    return Reading(half, parent, prefix, ",".join(jump["protocol"] for jump in known), ports)


# ---- from commands to operations -------------------------------------------------------------------------------


def _script(text: str) -> Script:
    programs = set()
    operations = []
    others = []
    for line in _lines(text):
        found = _OPERATION.fullmatch(line)
        if _LISTED.fullmatch(line):
            continue
        if found is None or _SHELL.search(line.replace("<ip>", "")):
            others.append(line)
            continue
        table = _TABLE.search(found["options"])
        programs.add((found["program"], table[1] if table else "filter"))
        operations.append(Operation(found["verb"], found["chain"], found["rule"] or ""))
    return Script(frozenset(programs), tuple(operations), tuple(others))


def _lines(text: str) -> Iterator[str]:
    """Yield single commands: loops unrolled, guards (make it unless it is there) left out."""
    text = "\n".join(" ".join(line.split()) for line in text.replace("<sp>", " ").splitlines())
    text = _LOOP.sub(lambda loop: "\n".join(loop[2].replace("$proto", word) for word in _words(loop[1])), text)
    text = _SHORTENED.sub(lambda name: '"' + name[1][: int(name[2])], text)
    for line in text.splitlines():
        guarded = _GUARDED.fullmatch(line)
        asked = _OPERATION.fullmatch(guarded["ask"]) if guarded else None
        for part in guarded["otherwise"].split("; ") if guarded and asked and asked["verb"] == "C" else [line]:
            if part:
                yield part.removesuffix(" || true")


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
