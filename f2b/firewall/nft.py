"""nf_tables' own messages: tables, chains, sets, rules, elements, as bytes and back. Pure.

Numbers and shapes: Linux `include/uapi/linux/netfilter/nf_tables.h`. Names here are the ones of nft(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from f2b.firewall.wire import (
    APPEND,
    CREATE,
    EXCL,
    NONREC,
    Message,
    attr,
    attrs,
    nest,
    number,
    string,
    table,
    text,
    u32,
    u64,
)
from f2b.named import NamedTuple
from f2b.value import dataclass

SUBSYSTEM = 10 << 8
NEWTABLE, GETTABLE, DELTABLE = 0, 1, 2
NEWCHAIN, GETCHAIN, DELCHAIN = 3, 4, 5
NEWRULE, GETRULE, DELRULE = 6, 7, 8
NEWSET, GETSET, DELSET = 9, 10, 11
NEWSETELEM, GETSETELEM, DELSETELEM = 12, 13, 14
NEWGEN, GETGEN = 15, 16

FAMILIES = {"inet": 1, "ip": 2, "ip6": 10}
HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
POLICIES = {"drop": 0, "accept": 1}

_ELEMENTS_PER_MESSAGE = 1000
"""An attribute holds 65,535 bytes: about 1,600 IPv6 elements."""

# Sets: flags, and nft's numbers for the types of keys (which only listings need).
ANONYMOUS, CONSTANT, INTERVAL, TIMEOUT = 0x1, 0x2, 0x4, 0x10
KEY_TYPES = {4: 7, 16: 8}
_PORT_TYPE, _PORT_BYTES = 13, 2
_INTERVAL_END = 1
_OWNED = 0x2


# ---- what there is -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as it stands; `hook` None is one that only other chains jump to."""

    name: str
    type: str = ""
    hook: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Set:
    """A set as it stands."""

    name: str
    flags: int
    key_bytes: int
    size: int = 0
    """So many members it takes; 0: any number."""

    @property
    def anonymous(self) -> bool:
        """Whether it is part of a rule."""
        return bool(self.flags & ANONYMOUS)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stands: which chain, and which sets it looks at."""

    chain: str
    handle: int
    sets: frozenset[str]


class Element(NamedTuple):
    """A member of a set."""

    key: bytes
    left_ms: int | None
    """How long it stays; None for ever."""


# ---- messages ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A table's address, and every request that concerns it."""

    family: int
    name: str

    def _message(self, kind: int, *parts: bytes, flags: int = 0) -> Message:
        return Message(SUBSYSTEM | kind, text(1, self.name) + b"".join(parts), flags, self.family)

    def add(self) -> Message:
        """Make the table, or wake it if it is dormant; harmless if it is there."""
        return self._message(NEWTABLE, u32(2, 0), flags=CREATE)

    def delete(self) -> Message:
        """Remove the table; refused while a chain or a set is in it."""
        return self._message(DELTABLE, flags=NONREC)

    def get(self) -> Message:
        """Ask for the table."""
        return self._message(GETTABLE)

    def add_chain(self, name: str, kind: str, hook: int, priority: int, policy: int) -> Message:
        """Make a base chain; harmless if it is there alike."""
        place = nest(4, u32(1, hook), u32(2, priority))
        return self._message(NEWCHAIN, text(3, name), place, u32(5, policy), text(7, kind), flags=CREATE)

    def delete_chain(self, name: str) -> Message:
        """Remove a chain; refused while a rule is in it."""
        return self._message(DELCHAIN, text(3, name), flags=NONREC)

    def chains(self) -> Message:
        """List the chains of every table of this family: the kernel offers no choice."""
        return Message(SUBSYSTEM | GETCHAIN, family=self.family)

    def add_rule(self, chain: str, expressions: Iterable[bytes]) -> Message:
        """Append a rule."""
        return self._message(NEWRULE, text(2, chain), nest(4, *expressions), flags=CREATE | APPEND)

    def delete_rule(self, rule: Rule) -> Message:
        """Remove a rule."""
        return self._message(DELRULE, text(2, rule.chain), u64(3, rule.handle))

    def rules(self) -> Message:
        """List the rules."""
        return self._message(GETRULE)

    def add_set(self, name: str, key_bytes: int) -> Message:
        """Make a set of addresses whose members may time out. No size and no default: both have traps."""
        return self._add_set(name, TIMEOUT, KEY_TYPES[key_bytes], key_bytes, 0)

    def delete_set(self, name: str) -> Message:
        """Remove a set with all its members; refused while a rule looks at it."""
        return self._message(DELSET, text(2, name))

    def sets(self) -> Message:
        """List the sets."""
        return self._message(GETSET)

    def add_ports(self, ticket: int, ports: Sequence[tuple[int, int]]) -> list[Message]:
        """Make the nameless set of port ranges that a rule of the same transaction refers to by `ticket`."""
        ranges = any(first != last for first, last in ports)
        flags = ANONYMOUS | CONSTANT | (INTERVAL if ranges else 0)
        made = self._add_set(NAMELESS, flags, _PORT_TYPE, _PORT_BYTES, ticket)
        parts = [part for first, last in ports for part in _port_range(first, last, ranges)]
        filled = self._message(NEWSETELEM, text(2, NAMELESS), u32(4, ticket), nest(3, *parts), flags=CREATE)
        return [made, filled]

    def _add_set(self, name: str, flags: int, kind: int, key_bytes: int, ticket: int) -> Message:
        shape = u32(3, flags) + u32(4, kind) + u32(5, key_bytes) + u32(10, ticket)
        return self._message(NEWSET, text(2, name), shape, flags=CREATE)

    def add_elements(
        self, name: str, elements: Iterable[tuple[bytes, int]], exclusively: bool = False
    ) -> list[Message]:
        """Add members, each with the milliseconds that it stays. Of one that is there, kernels before 6.12
        ignore the new time; with `exclusively`, all is refused."""
        parts = map(_timed_element, elements)
        return self._about_elements(NEWSETELEM, name, parts, CREATE | (EXCL if exclusively else 0))

    def delete_elements(self, name: str, keys: Iterable[bytes]) -> list[Message]:
        """Remove members; refused if one is missing."""
        return self._about_elements(DELSETELEM, name, (_element(key) for key in keys), 0)

    def get_element(self, name: str, key: bytes) -> Message:
        """Ask for a single member."""
        return self._message(GETSETELEM, text(2, name), nest(3, _element(key)))

    def elements(self, name: str) -> Message:
        """List the members."""
        return self._message(GETSETELEM, text(2, name))

    def flush_set(self, name: str) -> Message:
        """Remove all members."""
        return self._message(DELSETELEM, text(2, name))

    def _about_elements(self, kind: int, name: str, parts: Iterator[bytes], flags: int) -> list[Message]:
        """Return messages; of 100,000 elements no more are made at a time than go into one."""
        chunks = iter(lambda: tuple(islice(parts, _ELEMENTS_PER_MESSAGE)), ())
        return [self._message(kind, text(2, name), nest(3, *chunk), flags=flags) for chunk in chunks]


NAMELESS = "__set%d"
"""The kernel fills in a number of its own."""

GENERATION = Message(SUBSYSTEM | GETGEN)


def _element(key: bytes, more: bytes = b"") -> bytes:
    return nest(1, nest(1, attr(1, key)), more)


def _timed_element(element: tuple[bytes, int]) -> bytes:
    """As `_element` with a timeout; from ready-made pieces, because there may be 100,000 at once."""
    key, left_ms = element
    before, between = _TIMED[len(key)]
    return b"".join((before, key, between, left_ms.to_bytes(8, "big")))


def _pieces(key_bytes: int) -> tuple[bytes, bytes]:
    whole = _element(bytes(key_bytes), u64(4, 0))
    return whole[:_KEY_AT], whole[_KEY_AT + key_bytes : -8]


_KEY_AT = 12
"""Three attribute heads stand before a key."""
_TIMED = {key_bytes: _pieces(key_bytes) for key_bytes in KEY_TYPES}


def _port_range(first: int, last: int, ranges: bool) -> Iterator[bytes]:
    yield _element(first.to_bytes(2, "big"))
    if ranges and last < 0xFFFF:  # a range up to the last port has no end
        yield _element((last + 1).to_bytes(2, "big"), u32(3, _INTERVAL_END))


# ---- reading -----------------------------------------------------------------------------------------------


def read_generation(body: bytes) -> int:
    """Return the number of the ruleset's present state."""
    return number(table(body).get(1))


def read_owned(body: bytes) -> bool:
    """Return whether a table belongs to one program, and nobody else may change it."""
    return bool(number(table(body).get(2)) & _OWNED)


def read_table_name(body: bytes) -> str:
    """Return which table a message about a table, chain, set, rule or element concerns."""
    return string(table(body).get(1))


def read_chain(body: bytes) -> Chain:
    """Return a chain of a listing."""
    parts = table(body)
    if 4 not in parts:
        return Chain(string(parts.get(3)))
    place = table(parts[4])
    priority = int.from_bytes(place.get(2, b""), "big", signed=True)
    return Chain(string(parts.get(3)), string(parts.get(7)), number(place.get(1)), priority)


def read_set(body: bytes) -> Set:
    """Return a set of a listing."""
    parts = table(body)
    size = number(table(parts.get(9, b"")).get(1))  # NFTA_SET_DESC, NFTA_SET_DESC_SIZE
    return Set(string(parts.get(2)), number(parts.get(3)), number(parts.get(5)), size)


def read_rule(body: bytes) -> Rule:
    """Return a rule of a listing."""
    parts = table(body)
    return Rule(string(parts.get(2)), number(parts.get(3)), frozenset(_looked_up(parts.get(4, b""))))


def _looked_up(expressions: bytes) -> Iterator[str]:
    for _, expression in attrs(expressions):
        parts = table(expression)
        if string(parts.get(1)) == "lookup":
            yield string(table(parts.get(2, b"")).get(1))


def read_elements(body: bytes) -> Iterator[Element]:
    """Yield the members that one message of a listing, or an answer, holds."""
    for _, member in attrs(table(body).get(3, b"")):
        parts = table(member)
        left = parts.get(5, parts.get(4))
        # A key holds a single value, so that it begins behind that one's head.
        yield Element(parts.get(1, b"")[4:], None if left is None else number(left))
