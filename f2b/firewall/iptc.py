"""iptables' legacy tables by python-iptables, for hosts that have the libraries and no iptables programs.

It understands the lines of iptables-restore that `f2b.firewall.xtables` writes, and no others. Loaded only where an
action asks for it (`f2b[iptc]`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import iptc  # type: ignore[import-untyped]  # it has no types
from iptc import easy

from f2b.errors import ActionError
from f2b.firewall.xtables import Half

_TRIES = 5
"""Others may change the table while we do; then all of ours is refused."""
_SHORT = {"-s": "src", "-p": "protocol", "-i": "in-interface"}
_LONG = {name: option for option, name in _SHORT.items()}

Words = dict[str, Any]
"""A rule as `iptc.easy` has it."""


class Iptc:
    """Reads and changes tables. See `xtables.Driver`."""

    def listing(self, half: Half) -> list[str]:
        """Return the table as iptables-save has it; of our own chains, only whom each rule is about."""
        table = _table(half)
        try:
            return [line for chain in table.chains for line in _listed(chain, half)]
        except (iptc.IPTCError, iptc.XTablesError) as error:
            raise ActionError(f"iptc: {error}") from error

    def commit(self, half: Half, lines: Sequence[str]) -> None:
        """Carry out lines of iptables-restore, all or nothing."""
        refusal: Exception | None = None
        for _ in range(_TRIES if lines else 0):
            try:
                table = _table(half)
                change = _Change(table, six=isinstance(table, iptc.Table6))
                for line in lines:
                    change.carry_out(line)
                table.commit()
            except (iptc.IPTCError, iptc.XTablesError, ValueError) as error:
                refusal = error
            else:
                return
        if refusal:
            raise ActionError(f"iptc: {refusal}")


class _Change:
    """One transaction."""

    def __init__(self, table: Any, six: bool) -> None:
        self._table = table
        self._six = six
        self._made: dict[str, Any] = {}
        """Rules by their words behind the source: of many bans, only that differs."""

    def carry_out(self, line: str) -> None:
        """Put one line into the transaction."""
        if line.startswith(":"):
            self._empty(line[1:].split()[0])
            return
        verb, name, rule = (*line.split(" ", 2), "")[:3]
        chain = iptc.Chain(self._table, name)
        if verb == "-A":
            chain.append_rule(self._rule(rule))
        elif verb == "-I":
            chain.insert_rule(self._rule(rule.removeprefix("1 ")))
        elif verb == "-D":
            chain.delete_rule(self._rule(rule))
        elif verb == "-F":
            chain.flush()
        else:
            self._table.delete_chain(name)

    def _empty(self, name: str) -> None:
        if self._table.is_chain(name):
            iptc.Chain(self._table, name).flush()
        else:
            self._table.create_chain(name)

    def _rule(self, text: str) -> Any:
        if not text.startswith("-s "):
            return easy.encode_iptc_rule(_words(text), ipv6=self._six)
        _, source, rest = text.split(" ", 2)
        if rest not in self._made:
            self._made[rest] = easy.encode_iptc_rule(_words(rest), ipv6=self._six)
        self._made[rest].src = source
        return self._made[rest]


def _table(half: Half) -> Any:
    """Return the table as it is now: changes go into one transaction."""
    kind = iptc.Table6 if "ip6tables" in half.program else iptc.Table
    try:
        table = kind(half.table)
        table.autocommit = False
        table.refresh()
    except (iptc.IPTCError, iptc.XTablesError) as error:
        raise ActionError(
            f"iptc: {error}; this host has no legacy table {half.table}, or it is not allowed"
        ) from error
    return table


def _words(text: str) -> Words:
    """Return the words of a rule as `iptc.easy` wants them."""
    words = iter(shlex.split(text))
    rule: Words = {}
    here: Words = rule
    for word in words:
        if word in _SHORT:
            rule[_SHORT[word]] = next(words)
        elif word == "-m":
            here = rule.setdefault(next(words), {})
        elif word == "-j":
            here = {}
            rule["target"] = {next(words): here}
        else:
            here[word.removeprefix("--")] = _value(here, word, words)
    goal, options = next(iter(rule["target"].items()))
    rule["target"] = {goal: options} if options else goal
    return {name: value for name, value in rule.items() if (name, value) != ("protocol", "all")}


def _value(here: Words, word: str, words: Iterator[str]) -> Any:
    if word == "--match-set":
        return [next(words), next(words)]
    return next(words)


def _listed(chain: Any, half: Half) -> Iterator[str]:
    yield f":{chain.name} - [0:0]"
    for rule in chain.rules:
        if chain.name in half.fixed:
            yield f"-A {chain.name} " + ("" if rule.src.startswith(("0.0.0.0/0", "::/0")) else f"-s {_source(rule)} ")
        elif rule.target.name in half.fixed:
            yield f"-A {chain.name} {_text(easy.decode_iptc_rule(rule, ipv6=isinstance(rule, iptc.Rule6)))}"


def _source(rule: Any) -> str:
    """Return whom a rule is about, with the length of the network as a number."""
    address, _, mask = rule.src.partition("/")
    if "." in mask:
        mask = str(sum(int(part).bit_count() for part in mask.split(".")))
    return f"{address}/{mask}"


def _text(rule: Words) -> str:
    """Return the words of a rule as one line."""
    parts = [f"{_LONG[name]} {rule[name]}" for name in _LONG if name in rule]
    for name, options in rule.items():
        if name not in (*_LONG, "target", "counters"):
            parts.append(f"-m {name} " + " ".join(f"--{option} {value}" for option, value in options.items()))
    return " ".join([*parts, f"-j {rule['target']}"])
