"""ipset's sets in the kernel: pyroute2 makes, lists and destroys them, our own batches fill them.

pyroute2 sends a request for each member: 50,000 would take 12 s, ours 0.2 s.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from f2b.errors import ActionError
from f2b.firewall import ipset_wire
from f2b.firewall.netlink import Netlink, NetlinkError
from f2b.firewall.wire import Message
from f2b.named import NamedTuple

MAX_MEMBERS = 1 << 24
"""ipset's own default, 65,536, is soon reached; a larger number costs nothing."""
_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_HEADER_ONLY = 1 << 2
LETS_GO_S = 0.25
"""nftables frees a deleted rule a moment after it says so, and until then the set counts as used."""
_LOOK_S = 0.01
_BUSY = 4100
_CODES = {1: "it is not allowed (CAP_NET_ADMIN is missing)", ipset_wire.FULL: "it is full", _BUSY: "a rule uses it"}


class Shape(NamedTuple):
    """What a set is."""

    type: str
    """`hash:ip` or `hash:net`."""
    family: int


class Header(NamedTuple):
    """What the kernel says of a set."""

    shape: Shape
    members: int
    timed: bool
    """Whether members can time out."""


class _UsedError(ActionError):
    """A rule looks at a set that is to go."""


class Sets:
    """The sets of this network namespace, as everything in this process sees them."""

    def __init__(self, link: Netlink) -> None:
        self._link = link
        self._control: Any = None

    def header(self, name: str) -> Header | None:
        """Return what a set is, None if there is none."""
        answers = self._do(lambda control: list(control.list(name, flags=_HEADER_ONLY)), name, missing=())
        return _header(answers[0]) if answers else None

    def fill(self, name: str, shape: Shape, members: Mapping[str, int]) -> None:
        """Make a set with exactly these members; in between, packets meet the old set or the new one.

        A set of another shape must be gone before.
        """
        if self.header(name) is None:
            self._create(name, shape)
            self.add(name, members)
            return
        fresh = f"f2b-new-{os.getpid()}"
        self.destroy(fresh)
        self._create(fresh, shape)
        try:
            self.add(fresh, members)
            self._do(lambda control: control.swap(fresh, name), name)
        finally:
            self.destroy(fresh)

    def add(self, name: str, members: Mapping[str, int]) -> None:
        """Put members in, each with the seconds that it stays, 0 for ever; for those in it, this counts from now."""
        self._send(name, ipset_wire.add(name, members))

    def remove(self, name: str, members: Collection[str]) -> None:
        """Take members out, as far as they are in."""
        self._send(name, ipset_wire.remove(name, members))

    def members(self, name: str) -> dict[str, int]:
        """Return who is in a set, with the seconds that they stay yet; 0 is for ever."""
        try:
            bodies = self._link.dump(ipset_wire.members(name))
        except NetlinkError as refusal:
            raise _told(name, refusal.errno, refusal.strerror) from refusal
        return {who: left for body in bodies for who, left in ipset_wire.read_members(body)}

    def holds(self, name: str, who: str) -> bool:
        """Return whether somebody is in a set."""
        try:
            self._link.send([ipset_wire.test(name, who)])
        except NetlinkError as refusal:
            if refusal.errno in (ipset_wire.ABSENT, errno.ENOENT):
                return False
            raise _told(name, refusal.errno, refusal.strerror) from refusal
        return True

    def flush(self, name: str) -> None:
        """Take everybody out."""
        self._do(lambda control: control.flush(name), name)

    def destroy(self, name: str) -> None:
        """Remove a set, if there is one; no rule may look at it."""
        deadline = time.monotonic() + LETS_GO_S
        while self.header(name):
            try:
                self._do(lambda control: control.destroy(name), name)
            except _UsedError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_S)
            else:
                return

    def close(self) -> None:
        """Give the descriptors back; a later use opens them again."""
        if self._control:
            self._control.close()
            self._control = None

    def _create(self, name: str, shape: Shape) -> None:
        family = _FAMILIES[shape.family]

        def create(control: Any) -> None:
            # Without a timeout of its own, here none, no member could have one.
            control.create(name, stype=shape.type, family=family, timeout=0, maxelem=MAX_MEMBERS)

        self._do(create, name)

    def _send(self, name: str, messages: Sequence[Message]) -> None:
        try:
            self._link.send(messages)
        except NetlinkError as refusal:
            raise _told(name, refusal.errno, refusal.strerror) from refusal

    def _do(self, act: Callable[[Any], Any], name: str, missing: Any = None) -> Any:
        """Do something about a set; return `missing`, if that is given, when there is no such set."""
        # Only here, for it takes 150 ms and 12 MB, and only hosts that use ipset need it.
        from pyroute2 import IPSet  # type: ignore[import-untyped]
        from pyroute2 import NetlinkError as Refused

        try:
            if self._control is None:
                self._control = IPSet()
            return act(self._control)
        except Refused as refusal:
            if refusal.code == errno.ENOENT and missing is not None:
                return missing
            raise _told(name, refusal.code, str(refusal.args[-1])) from refusal
        except OSError as refusal:
            raise _told(name, refusal.errno or 0, refusal.strerror or str(refusal)) from refusal


def _header(answer: Any) -> Header:
    data = answer.get_attr("IPSET_ATTR_DATA")
    family = next(number for number, known in _FAMILIES.items() if known == answer.get_attr("IPSET_ATTR_FAMILY"))
    shape = Shape(answer.get_attr("IPSET_ATTR_TYPENAME"), family)
    timed = data.get_attr("IPSET_ATTR_TIMEOUT") is not None
    return Header(shape, data.get_attr("IPSET_ATTR_ELEMENTS") or 0, timed)


def _told(name: str, code: int, words: str) -> ActionError:
    return (_UsedError if code == _BUSY else ActionError)(f"ipset {name}: {_CODES.get(code, words)}")
