"""Which events are told to others, and that nothing goes round in circles."""

from __future__ import annotations

from typing import Any

import pytest

from f2b.fleet.book import Book
from f2b.fleet.entry import BAN, FOREVER, UNBAN, Entry
from f2b.fleet.herald import REMEMBER_LONG_S, REMEMBER_S, Herald
from f2b.fleet.setting import Jails

ID = "198.18.0.7"
KEY = ("sshd", ID)


@pytest.fixture
def book() -> Book:
    return Book("here")


@pytest.fixture
def herald(book: Book) -> Herald:
    return Herald("here", Jails(frozenset({"sshd"})), book)


def ban(until: float | None = 600.0, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {
        "event": "ban",
        "jail": "sshd",
        "id": ID,
        "until": until,
        "captures": {},
        "failures": 5,
        "restored": False,
    }
    return about | {"cursor": "run-1", **more}


def unban(**more: Any) -> dict[str, Any]:
    return {"event": "unban", "jail": "sshd", "id": ID, "until": 600.0, "by_hand": True, "cursor": "run-2", **more}


def foreign(end: float = 600.0, jail: str = "sshd", kind: str = BAN, made: float = 50.0) -> Entry:
    return Entry(kind, jail, ID, made, end, "web1", 5, "web1", made, "x")


def test_ban_when_it_is_new_then_it_is_told_once(herald: Herald) -> None:
    (entry,) = herald.entries([ban()], 100.0)
    assert entry == Entry(BAN, "sshd", ID, 100.0, 600.0, "here", 5, "here", 100.0, "run-1")
    assert herald.entries([ban(cursor="run-3")], 101.0) == []
    (longer,) = herald.entries([ban(None, event="prolong")], 102.0)
    assert longer.end == FOREVER


@pytest.mark.parametrize(
    "event",
    [
        ban(captures={"fleet": "web1"}),
        ban(None, event="prolong", captures={"fleet": "web1"}),
        ban(jail="web"),
        ban(restored=True),
        ban(id="a name"),
        ban(99.0),
        unban(by_hand=False),
        unban(by="fleet"),
        unban(jail="web"),
        {"event": "found", "jail": "sshd", "id": ID, "cursor": "run-4"},
    ],
)
def test_event_when_it_is_the_fleets_own_doing_or_not_shared_then_it_is_not_told(
    herald: Herald, event: dict[str, Any]
) -> None:
    assert herald.entries([event], 100.0) == []


def test_ban_when_another_host_has_made_it_too_then_it_is_told_for_the_quorum(herald: Herald, book: Book) -> None:
    book.put(KEY, foreign())
    (entry,) = herald.entries([ban(300.0)], 100.0)
    assert entry.origin == "here"


def test_unban_and_ban_when_in_one_moment_then_the_last_holds(herald: Herald, book: Book) -> None:
    herald.entries([ban()], 100.0)
    first, second = herald.entries([unban(), ban(300.0, cursor="run-3")], 100.0)
    assert (first.kind, second.kind) == (UNBAN, BAN)
    assert first.made < second.made
    claim = book.verdict(KEY, 101.0)
    assert claim
    assert claim.end == 300.0


def test_unban_when_clocks_differ_then_it_is_later_than_what_it_ends(herald: Herald, book: Book) -> None:
    book.put(KEY, foreign(made=150.0))
    (entry,) = herald.entries([unban()], 100.0)
    assert entry.made > 150.0
    assert book.verdict(KEY, 160.0) is None


def test_unban_when_the_jail_has_another_name_elsewhere_then_that_is_told(herald: Herald, book: Book) -> None:
    book.put(("manual", ID), foreign(jail="web"))
    (entry,) = herald.entries([unban(jail="manual")], 100.0)
    assert (entry.kind, entry.jail, entry.end) == (UNBAN, "web", 100.0 + REMEMBER_S)
    book.put(("manual", ID), foreign(jail="web", made=200.0))
    (entry,) = herald.entries([unban(jail="manual", until=None)], 201.0)
    assert entry.end == 201.0 + REMEMBER_LONG_S


def test_list_of_bans_when_the_book_lacks_some_then_they_are_told_with_all_else(herald: Herald, book: Book) -> None:
    book.put(("sshd", "198.18.0.9"), foreign(kind=UNBAN)._replace(id="198.18.0.9"))
    listed = {"jail": "sshd", "id": ID, "end": None, "time": 90.0, "failures": 3, "fleet": None}
    herald.claim(listed, 100.0)
    herald.claim({**listed, "id": "198.18.0.8", "fleet": "web1"}, 100.0)
    herald.claim({**listed, "id": "198.18.0.9", "time": 40.0}, 100.0)  # it was let in later
    told = {(entry.kind, entry.id, entry.origin) for entry in herald.all(100.0, lambda: "n")}
    assert told == {(BAN, ID, "here"), (BAN, "198.18.0.8", "web1"), (UNBAN, "198.18.0.9", "here")}
