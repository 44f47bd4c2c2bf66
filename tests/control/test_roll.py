"""Long lists in answers: the same bytes as if they were lists, however they are cut."""

from __future__ import annotations

import json
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.ban.ledger import Ledger
from f2b.control import pickles, protocol, roll, testimony
from f2b.control.protocol import END, Answer
from f2b.control.roll import SLICE, Roll
from f2b.events import FLEET, PERMANENT, Ban

NUMBERS = st.integers(0, 2**40) | st.floats(0, 1e12) | st.just(float("inf"))
BANS = st.builds(
    Ban,
    jail=st.sampled_from(["sshd", 'odd "jail"']),
    id=st.sampled_from(["192.0.2.1", "2001:db8::/64", 'some"one\\', "jürgen\x00\ud800"]),
    time=NUMBERS,
    duration=NUMBERS | st.just(PERMANENT),
    failures=st.integers(0) | st.booleans(),
    matches=st.sampled_from([(), ("a line",)]),
    captures=st.sampled_from([{}, {"user": "root"}, {FLEET: 'web"1'}]),
    count=st.integers(0),
    restored=st.booleans(),
    listed=st.booleans(),
)
TEXTS = st.lists(st.text(max_size=3), max_size=4) | st.integers(0, 2 * SLICE + 1).map(lambda n: ["x"] * n)


def whole(answer: Answer) -> bytes:
    """All of an answer."""
    return b"".join([answer.first, *(answer.rest or ())])


@settings(max_examples=60)
@given(st.lists(BANS, max_size=3))
def test_bans_when_rolled_then_they_read_as_answers_tell_them(bans: list[Ban]) -> None:
    ledger = Ledger()
    for ban in bans:
        ledger.put(ban)
    told = [
        {"jail": ban.jail, "listed": ban.listed, "fleet": ban.captures.get(FLEET), **testimony.shown(ban)}
        for ban in ledger
    ]
    assert whole(protocol.done({"bans": roll.bans([ledger, Ledger()])})) == whole(protocol.done({"bans": told}))


@settings(max_examples=25)
@given(TEXTS, TEXTS)
def test_answer_when_it_holds_rolls_then_it_is_as_with_lists(some: list[str], others: list[str]) -> None:
    def answer(first: object, second: object) -> object:
        return [("Filter", 3), ("Actions", [("n", None), {"ids": first, "x": 1.5}, second, (), {}])]

    for pickled in (True, False):
        plain = whole(protocol.done_words(answer(some, others), pickled))
        rolled = answer(Roll(some, len(some)), Roll(others, len(others)))
        assert whole(protocol.done_words(rolled, pickled)) == plain


def test_answer_when_it_is_long_then_it_is_made_in_pieces_and_is_whole_in_the_end() -> None:
    ids = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(50_000)]
    for pickled in (True, False):
        answer = protocol.done_words(Roll(ids, len(ids)), pickled)
        assert answer.rest is not None
        pieces = [answer.first, *answer.rest]
        assert max(map(len, pieces)) < 2 * protocol.PIECE
        assert len(answer.first) < 2 * protocol.FIRST
        got = b"".join(pieces)
        assert (pickle.loads(got.removesuffix(END))[1] if pickled else json.loads(got)["result"]) == ids


def test_answer_when_its_list_is_short_then_nothing_is_left_to_be_made() -> None:
    answer = protocol.done({"bans": Roll(["a"], 1)})
    assert answer == (b'{"ok":true,"result":{"bans":["a"]}}\n', None, 0)
    assert pickles.dumps(Roll([], 0)) == pickles.dumps([])
