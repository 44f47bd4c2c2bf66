"""What the fleet knows: the later word holds, whatever the order in which it comes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.fleet.book import NEVER, Book
from f2b.fleet.entry import BAN, FOREVER, UNBAN, Entry

KEY = ("sshd", "192.0.2.7")


def ban(made: float, end: float, origin: str = "web1", jail: str = "sshd") -> Entry:
    return Entry(BAN, jail, KEY[1], made, end, origin, 5, origin, made, f"{origin}-{made}")


def unban(made: float, jail: str = "sshd") -> Entry:
    return Entry(UNBAN, jail, KEY[1], made, made + 1000, "web9", 0, "web9", made, f"web9-{made}")


def book(*entries: Entry, quorum: int = 1, host: str = "here") -> Book:
    found = Book(host, quorum)
    for entry in entries:
        found.put(KEY, entry)
    return found


def end(found: Book, now: float = 10.0) -> float | None:
    claim = found.verdict(KEY, now)
    return claim.end if claim else None


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], None),
        ([ban(1, 100)], 100),
        ([ban(1, FOREVER)], FOREVER),
        ([ban(1, 9)], None),
        ([ban(1, 100), ban(2, 50)], 50),
        ([ban(1, 100), ban(2, 50, "web2")], 100),
        ([ban(1, 100), unban(2)], None),
        ([ban(1, 100), unban(2), ban(3, 60)], 60),
        ([ban(1, 100, jail="ssh"), ban(1, 90), unban(2)], 100),
    ],
)
def test_book_when_entries_come_in_any_order_then_it_says_the_same(entries: list[Entry], expected: float) -> None:
    for order in itertools.permutations(entries):
        assert end(book(*order)) == expected


@pytest.mark.parametrize(
    ("quorum", "host", "expected"), [(2, "here", 100), (3, "here", None), (3, "web1", 100), (1, "here", 100)]
)
def test_book_when_a_quorum_is_asked_for_then_so_many_hosts_must_have_banned(
    quorum: int, host: str, expected: float | None
) -> None:
    again = ban(3, 70, "web2")
    assert end(book(ban(1, 100), ban(2, 90, "web2"), again, quorum=quorum, host=host)) == expected


def test_book_when_one_of_two_was_let_in_then_the_quorum_is_no_longer_there() -> None:
    found = book(ban(1, 100), ban(2, 100, "web2"), quorum=2)
    assert end(found) == 100
    found.put(KEY, unban(3))
    found.put(KEY, ban(4, 100))
    assert end(found) is None


def test_book_when_an_old_ban_is_put_in_again_after_an_unban_then_nobody_is_banned() -> None:
    assert end(book(ban(1, 100), unban(2), ban(1, 100))) is None


def test_book_when_all_is_over_then_it_is_empty() -> None:
    found = book(ban(1, 100), unban(2), ban(3, 60))
    found.purge(500)
    assert (len(found), found.lifted(KEY)) == (1, 2)
    found.purge(1100)
    assert (len(found), found.lifted(KEY), found.names(KEY)) == (0, NEVER, set())


_MOMENTS = st.integers(1, 30).map(float)
_ENTRIES = st.one_of(
    st.builds(lambda made, origin: ban(made, made + 20, origin), _MOMENTS, st.sampled_from(["web1", "web2"])),
    st.builds(unban, _MOMENTS),
)


@given(st.data())
def test_books_when_they_hear_the_same_then_they_agree(data: st.DataObject) -> None:
    entries = data.draw(st.lists(_ENTRIES))
    other = data.draw(st.permutations(entries))
    assert end(book(*entries)) == end(book(*other))


def test_ban_when_too_few_hosts_have_made_it_then_each_goes_by_its_own_alone() -> None:
    bans = (ban(1, 100, "here"), ban(2, 200, "web1"))
    assert end(book(*bans, quorum=3)) == 100
    assert end(book(*bans, quorum=2)) == 200
    assert end(book(*bans, quorum=3, host="web2")) is None
