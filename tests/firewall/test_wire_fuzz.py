"""Whatever stands in a datagram from the kernel, reading it ends, and raises nothing but what the callers expect."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterable

from hypothesis import example, given
from hypothesis import strategies as st

from f2b import net
from f2b.errors import ActionError
from f2b.firewall import ipset_wire, nft, wire
from f2b.firewall.monitor import foreign
from f2b.firewall.netlink import Netlink
from f2b.firewall.nft import Chain, Element, Table
from f2b.firewall.wire import Message, Reply

TABLE = Table(1, "f2b-table")
READERS: tuple[Callable[[bytes], object], ...] = (
    nft.read_generation,
    nft.read_owned,
    nft.read_table_name,
    nft.read_chain,
    nft.read_set,
    nft.read_rule,
    lambda body: list(nft.read_elements(body)),
    lambda body: list(ipset_wire.read_members(body)),
)
SOUND = [
    TABLE.add(),
    TABLE.add_chain("chain", "filter", 1, -1, 1),
    TABLE.add_rule("chain", [wire.nest(1, wire.text(1, "lookup"), wire.nest(2, wire.text(1, "set")))]),
    TABLE.add_set("set", 4),
    *TABLE.add_ports(1, [(22, 22), (80, 90)]),
    *TABLE.add_elements("set", [(bytes((192, 0, 2, number)), number * 1000) for number in range(4)]),
    *ipset_wire.add("set", {"192.0.2.1": 0, "2001:db8::/32": 60}),
    Message(wire.ERROR, struct.pack("=i", -errno.EPERM) + bytes(16) + wire.text(1, "words")),
    Message(wire.DONE, bytes(4)),
]
VERBS: tuple[Callable[[Netlink], object], ...] = (
    lambda link: link.transact([TABLE.add(), TABLE.get()]),
    lambda link: link.dump(TABLE.sets()),
    lambda link: link.ask([TABLE.add(), TABLE.get()]),
    lambda link: link.send([TABLE.add(), TABLE.get()]),
)
ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda it: net.address(str(it)) or "")
SECONDS = st.integers(0, 2**31)


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """Noise, or messages that are sound but for some of their bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=120))
    several = draw(st.lists(st.sampled_from(SOUND), min_size=1, max_size=3))
    raw = bytearray(b"".join(one.bytes(draw(st.integers(0, 4)), 0) for one in several))
    for at, byte in draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=6)):
        raw[at] = byte
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw)


@given(datagrams())
def test_datagram_whatever_it_holds_when_read_then_nothing_raises(raw: bytes) -> None:
    for reply in wire.replies(raw):
        assert len(reply.body) <= len(raw)
        for read in READERS:
            read(reply.body[4:])


@given(st.binary(max_size=80))
def test_noise_when_read_as_what_a_message_holds_then_nothing_raises(noise: bytes) -> None:
    for read in READERS:
        read(noise)
        read(wire.nest(8, wire.nest(7, wire.nest(1, noise))) + wire.nest(3, wire.nest(1, noise)))


@given(datagrams())
def test_news_whatever_they_hold_then_they_are_foreign_tables(raw: bytes) -> None:
    for family, name in foreign(wire.replies(raw), {1, 2}):
        assert 0 <= family <= 255
        assert isinstance(name, str)


def test_news_when_they_are_our_own_or_of_a_new_generation_then_they_are_passed_over() -> None:
    made = b"\x01\0\0\0" + wire.text(1, "t")
    news = [
        Reply(nft.SUBSYSTEM | nft.NEWSET, 1, 7, made),
        Reply(nft.SUBSYSTEM | nft.NEWGEN, 1, 8, made),
        Reply(nft.SUBSYSTEM | nft.DELTABLE, 1, 9, made),
        Reply(nft.SUBSYSTEM | nft.DELTABLE, 1, 9, b""),
    ]
    assert foreign(news, {7}) == {(1, "t")}


@given(st.dictionaries(st.binary(min_size=4, max_size=4), st.integers(0, 2**63)))
def test_elements_when_read_back_then_they_are_the_same(members: dict[bytes, int]) -> None:
    messages = TABLE.add_elements("set", members.items())
    assert [each for one in messages for each in nft.read_elements(one.body)] == [
        Element(key, left) for key, left in members.items()
    ]


@given(st.text(st.characters(codec="ascii", exclude_characters="\0")), st.integers(0, 4), st.integers(-999, 999))
def test_chain_when_read_back_then_it_is_the_same(name: str, hook: int, priority: int) -> None:
    made = TABLE.add_chain(name, "filter", hook, priority, 1)
    assert nft.read_chain(made.body) == Chain(name, "filter", hook, priority)


@given(st.dictionaries(ADDRESSES, SECONDS, max_size=8), st.integers(0, 128))
def test_members_when_read_back_then_they_are_the_same(hosts: dict[str, int], length: int) -> None:
    members = {net.network(f"{host}/{length}") or host: left for host, left in hosts.items()}
    found: Iterable[tuple[str, int]] = (
        each for one in ipset_wire.add("set", members) for each in ipset_wire.read_members(one.body)
    )
    assert dict(found) == members


@given(st.lists(datagrams(), min_size=1, max_size=3), st.sampled_from(VERBS))
@example([Message(wire.ERROR, bytes(16)).bytes(2, 0)[:20]], VERBS[0])
@example([struct.pack("=IHHIIi", 20, wire.ERROR, 0, 1, 0, -(2**31))], VERBS[3])
def test_link_whatever_the_kernel_answers_then_an_answer_or_an_error_that_says_so(
    answers: list[bytes], verb: Callable[[Netlink], object]
) -> None:
    link = Netlink()
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    link._socket = ours
    try:
        for raw in answers:
            kernel.send(raw or b"\0")
        verb(link)
    except ActionError:
        pass
    finally:
        link.close()
        kernel.close()
