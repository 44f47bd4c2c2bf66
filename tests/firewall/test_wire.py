from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from f2b.firewall import wire
from f2b.firewall.wire import Message, Reply

Tree = list[tuple[int, "bytes | Tree"]]

KINDS = st.integers(1, 0x3FFF)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.lists(st.tuples(KINDS, st.binary(max_size=9)), max_size=4),
    lambda inner: st.lists(st.tuples(KINDS, inner), max_size=4),
    max_leaves=12,
)


def encoded(tree: Tree) -> bytes:
    return b"".join(
        wire.attr(kind, value) if isinstance(value, bytes) else wire.nest(kind, encoded(value))
        for kind, value in tree
    )


def decoded(data: bytes, like: Tree) -> Tree:
    pairs = zip(wire.attrs(data), like, strict=True)
    return [(kind, value if isinstance(part, bytes) else decoded(value, part)) for (kind, value), (_, part) in pairs]


@given(TREES)
def test_attributes_when_read_back_then_they_are_the_same(tree: Tree) -> None:
    data = encoded(tree)
    assert len(data) % 4 == 0
    assert decoded(data, tree) == tree


@given(st.binary(max_size=60))
def test_attributes_when_they_are_noise_then_reading_ends(noise: bytes) -> None:
    assert sum(4 + len(value) for _, value in wire.attrs(noise)) <= len(noise) + 4
    list(wire.replies(noise))


@given(st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31 - 1), st.text(st.characters(exclude_characters="\0")))
def test_values_when_read_back_then_they_are_the_same(big: int, signed: int, words: str) -> None:
    if not words.isascii():
        words = words.encode("utf-8", "replace").decode()
    parts = wire.table(wire.u64(1, big) + wire.u32(2, signed) + wire.text(3, words) + wire.u8(4, big & 255))
    assert wire.number(parts[1]) == big
    assert wire.number(parts[2]) == signed % 2**32
    assert wire.string(parts[3]) == words
    assert wire.number(parts[4]) == big & 255
    assert wire.number(parts.get(5), 7) == 7


def test_message_when_framed_then_it_reads_as_a_reply() -> None:
    message = Message(0xA0C, wire.u32(1, 5), wire.CREATE, family=2, resource=0x0102)
    data = message.bytes(77, wire.ACK)
    assert struct.unpack_from("=IHH", data) == (len(data), 0xA0C, wire.REQUEST | wire.CREATE | wire.ACK)
    assert list(wire.replies(data * 2)) == [Reply(0xA0C, 77, 0, b"\x02\x00\x01\x02" + wire.u32(1, 5))] * 2


def test_acknowledgement_when_it_refuses_then_its_code_is_read() -> None:
    assert wire.error_code(Reply(wire.ERROR, 1, 0, struct.pack("=i", -2) + b"header")) == 2
    assert wire.error_code(Reply(wire.ERROR, 1, 0, bytes(4))) == 0
    assert wire.error_code(Reply(wire.DONE, 1, 0, b"")) == 0
