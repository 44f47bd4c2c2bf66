from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.control import protocol
from f2b.control.pickles import Raised
from f2b.control.protocol import CLOSE, END, Closing, Inbox, Malformed, Message, Request, Words, WordsError
from f2b.errors import ControlError

WORD = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: END.decode() not in text)


def requests() -> st.SearchStrategy[tuple[bytes, Message]]:
    """Messages on the wire in all framings, and what they are to be read as."""

    def ours(name: str, ids: list[str]) -> tuple[bytes, Message]:
        return json.dumps({"request": name, "ids": ids}).encode() + b"\n", Request(name, {"ids": ids})

    def words(listed: list[str]) -> tuple[bytes, Message]:
        return json.dumps({"words": listed}).encode() + b"\r\n", Words(listed, False)

    def pickled(listed: list[str], version: int) -> tuple[bytes, Message]:
        return pickle.dumps(listed, version) + END, Words(listed, True)

    lists = st.lists(WORD, max_size=4)
    return (
        st.builds(ours, WORD, lists)
        | st.builds(words, lists)
        | st.builds(pickled, lists, st.integers(0, 5))
        | st.just((CLOSE + END, Closing()))
    )


def taken(inbox: Inbox) -> list[Message]:
    """Everything that is complete."""
    messages = []
    while (message := inbox.take()) is not None:
        messages.append(message)
    return messages


@given(st.lists(requests(), max_size=5), st.data())
def test_inbox_when_bytes_arrive_in_any_pieces_then_it_hands_out_the_same_requests(
    sent: list[tuple[bytes, Message]], data: st.DataObject
) -> None:
    stream = b"".join(raw for raw, _ in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    inbox, got = Inbox(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        inbox.feed(stream[start:stop])
        got += taken(inbox)
    assert got == [message for _, message in sent]


BYTES = st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 3))
"""Where in a stream something is put, what, and how many bytes go for it."""


@given(
    st.lists(requests(), min_size=1, max_size=5), st.lists(BYTES, max_size=4), st.lists(st.floats(0, 1), max_size=6)
)
def test_inbox_when_requests_are_mutated_then_until_one_is_refused_pieces_say_what_the_whole_says(
    sent: list[tuple[bytes, Message]], changes: list[tuple[float, bytes, int]], cuts: list[float]
) -> None:
    stream = b"".join(raw for raw, _ in sent)
    for place, instead, gone in changes:
        at = int(place * len(stream))
        stream = stream[:at] + instead + stream[at + gone :]
    whole, pieces, begin, got = Inbox(), Inbox(), 0, list[Message]()
    whole.feed(stream)
    expected = taken(whole)
    for end in sorted([*(int(cut * len(stream)) for cut in cuts), len(stream)]):
        pieces.feed(stream[begin:end])
        begin = end
        got += taken(pieces)
        if got and isinstance(got[-1], Malformed):  # what follows it in the same piece is gone, too
            break
    refused = next((at for at, message in enumerate(got) if isinstance(message, Malformed)), len(got))
    assert repr(got[: refused + 1]) == repr(expected[: refused + 1])


@given(st.binary(max_size=300))
def test_inbox_when_given_garbage_then_it_never_raises(raw: bytes) -> None:
    inbox = Inbox()
    inbox.feed(raw)
    assert all(isinstance(message, (Request, Words, Malformed, Closing)) for message in taken(inbox))


@pytest.mark.parametrize("raw", [b"{nonsense\n", b'{"request": 1}\n', b"{}\n", b'{"words": "ping"}\n', b"{\xff\n"])
def test_inbox_when_a_line_is_no_request_then_the_answer_says_so(raw: bytes) -> None:
    inbox = Inbox()
    inbox.feed(raw)
    message = inbox.take()
    assert isinstance(message, Malformed)
    answer = json.loads(message.answer)
    assert answer["ok"] is False
    assert answer["error"]["status"] == 2
    assert "request" in answer["error"]["message"]


def test_inbox_when_a_pickle_is_refused_then_the_answer_is_a_pickled_error() -> None:
    inbox = Inbox()
    inbox.feed(pickle.dumps([ValueError("x")]) + END)
    message = inbox.take()
    assert isinstance(message, Malformed)
    assert message.answer.endswith(END)
    assert pickle.loads(message.answer).startswith("ERROR: ")


@pytest.mark.parametrize("first", [b"{", b"]", b"x"])
def test_inbox_when_a_request_never_ends_then_it_is_refused(first: bytes) -> None:
    inbox = Inbox()
    inbox.feed(first + b"x" * protocol.MAX_REQUEST)
    assert isinstance(inbox.take(), Malformed)
    assert inbox.take() is None


def test_inbox_when_a_pickle_is_a_bare_string_then_it_is_a_command_of_one_word() -> None:
    inbox = Inbox()
    inbox.feed(pickle.dumps("ping") + END)
    assert inbox.take() == Words(["ping"], True)


def test_failed_words_when_the_error_is_fail2bans_then_both_framings_carry_it() -> None:
    error = WordsError("there is none", Raised("builtins", "LookupError", ("x",)))
    answer = json.loads(protocol.failed_words(error, False))
    assert answer["error"] == {"message": "there is none", "status": 1, "type": "LookupError", "args": ["x"]}
    status, raised = pickle.loads(protocol.failed_words(error, True))
    assert (status, type(raised), raised.args) == (1, LookupError, ("x",))


def test_failed_words_when_the_error_is_ours_then_fail2bans_client_gets_an_exception() -> None:
    status, raised = pickle.loads(protocol.failed_words(ControlError("no such thing"), True))
    assert (status, type(raised), str(raised)) == (1, Exception, "no such thing")


def test_done_when_there_is_a_newline_in_it_then_the_answer_is_still_one_line() -> None:
    answer = protocol.done({"reason": "a\nb"}).first
    assert answer.count(b"\n") == 1
    assert json.loads(answer) == {"ok": True, "result": {"reason": "a\nb"}}
