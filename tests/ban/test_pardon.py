"""What a success takes back of a count."""

from __future__ import annotations

import pytest

from f2b.ban.counter import Counter
from f2b.ban.pardon import Counted, Pardons
from f2b.events import SUCCESS, Captures, Failure

HOST = "192.0.2.1"


def failure(captures: Captures, attempts: int = 1) -> Failure:
    return Failure(HOST, HOST, None, (), captures, attempts)


@pytest.mark.parametrize(
    ("failed", "came", "left"),
    [
        ({"user": "bob"}, {"user": "bob"}, 0),
        ({"user": "bob"}, {"user": "eve"}, 1),
        ({"user": "bob"}, {}, 0),
        ({}, {"user": "bob"}, 0),
        ({"users": ("alice", "bob")}, {"user": "bob"}, 0),
        ({"users": ("alice", "bob")}, {"user": "eve"}, 1),
        ({"users": "bob"}, {"user": "bob"}, 0),
        ({"users": "bob"}, {"user": "b"}, 1),
    ],
)
def test_failure_when_a_success_names_these_users_then_it_is_forgiven_if_one_is_the_same(
    failed: Captures, came: Captures, left: int
) -> None:
    counter, pardons = Counter(9, 600, 5), Pardons()
    other = failure({"user": "nobody", "users": ("mallory",)})
    for one in (failure(failed), other):
        counter.add(one, 1.0)
        pardons.note(HOST, Counted(1.0, HOST, one), -599.0)
    tally = counter.tally(HOST)
    assert tally is not None
    success = failure(came, SUCCESS)
    stands, gone = pardons.forgive(HOST, success, tally)
    kept = left + (1 if came else 0)  # a success that names nobody speaks for all
    assert (len(stands), gone) == (kept, 2 - kept)


def test_purge_when_some_are_counted_no_longer_then_the_others_stay() -> None:
    counter, pardons = Counter(3, 600, 5), Pardons()
    for key, time in (("192.0.2.1", 1.0), ("192.0.2.2", 500.0), ("192.0.2.3", 500.0)):
        counter.add(Failure(key, key, None, (), {}), time)
        pardons.note(key, Counted(time, key, failure({})), time - 600)
    counter.forget(HOST)
    pardons.purge(counter)
    assert [key in counter for key in ("192.0.2.1", "192.0.2.2")] == [False, True]
    assert len(pardons) == 2
