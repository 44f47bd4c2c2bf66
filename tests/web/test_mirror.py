from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.client import Event
from f2b.web.mirror import FOR_EVER, MOST_CHANGES, Banned, Mirror, Order, banned

KINDS = ("ban", "prolong", "unban")


def ban(key: str, jail: str = "sshd", time: float = 1000.0, end: float = 1600.0, failures: int = 3) -> Banned:
    return Banned(jail, key, time, end, failures, 1)


def told(kind: str, key: str, jail: str = "sshd", time: float = 1000.0, until: float | None = 1600.0) -> Event:
    details = {"until": until, "failures": 3, "bancount": 1}
    return Event(kind, time, jail, key, "x-1", details)


def filled(*bans: Banned) -> Mirror:
    mirror = Mirror()
    mirror.fill(bans)
    return mirror


def ids(bans: Sequence[Banned]) -> list[str]:
    return [each.id for each in bans]


def test_mirror_when_it_was_never_filled_then_it_says_so() -> None:
    mirror = Mirror()
    assert not mirror.filled
    mirror.fill([])
    assert mirror.filled


def test_mirror_when_events_come_then_it_follows_and_numbers_what_changed() -> None:
    mirror = filled(ban("192.0.2.1"))
    start = mirror.number
    mirror.apply([told("ban", "192.0.2.2"), told("found", "192.0.2.3"), told("unban", "192.0.2.1")])
    mirror.apply([told("prolong", "192.0.2.2", time=1100.0, until=None)])
    changes = mirror.since(start)
    assert changes is not None
    assert [(each.number - start, each.kind, each.ban.id) for each in changes] == [
        (1, "ban", "192.0.2.2"),
        (2, "unban", "192.0.2.1"),
        (3, "prolong", "192.0.2.2"),
    ]
    assert list(mirror) == [ban("192.0.2.2", end=FOR_EVER)]


def test_mirror_when_it_hears_of_what_it_knows_then_nothing_changes() -> None:
    mirror = filled(ban("192.0.2.1"))
    start = mirror.number
    calls: list[int] = []
    mirror.listen(lambda: calls.append(1))
    assert not mirror.apply([told("ban", "192.0.2.1"), told("unban", "192.0.2.9"), told("unban", "192.0.2.1", "x")])
    assert (mirror.number, calls) == (start, [])


def test_mirror_when_it_is_filled_anew_then_only_the_difference_is_a_change() -> None:
    mirror = filled(ban("192.0.2.1"), ban("192.0.2.2"), ban("192.0.2.3"))
    changes = mirror.fill([ban("192.0.2.2"), ban("192.0.2.3", end=1700.0), ban("192.0.2.4", jail="nginx")])
    assert [(each.kind, each.ban.id) for each in changes] == [
        ("unban", "192.0.2.1"),
        ("prolong", "192.0.2.3"),
        ("ban", "192.0.2.4"),
    ]
    assert mirror.counts() == {"sshd": 2, "nginx": 1}


def test_mirror_when_a_reader_is_too_far_behind_then_it_is_told_so() -> None:
    mirror = Mirror()
    mirror.fill([ban(f"198.18.{number >> 8}.{number & 255}") for number in range(MOST_CHANGES + 5)])
    assert mirror.since(4) is None
    assert mirror.since(mirror.number + 1) is None
    assert mirror.since(-1) is None
    assert len(mirror.since(5) or ()) == MOST_CHANGES
    assert mirror.since(mirror.number) == []


def test_mirror_when_somebody_listens_then_he_is_called_until_he_goes() -> None:
    mirror, calls = Mirror(), list[int]()
    leave = mirror.listen(lambda: calls.append(mirror.number))
    mirror.apply([told("ban", "192.0.2.1"), told("ban", "192.0.2.2")])
    leave()
    mirror.apply([told("unban", "192.0.2.1")])
    assert calls == [2]


def test_mirror_when_an_address_is_asked_for_then_its_networks_are_found_too() -> None:
    mirror = filled(
        ban("192.0.2.1"),
        ban("192.0.2.0/24", "nginx"),
        ban("192.0.0.0/16", "recidive"),
        ban("2001:db8::/64"),
        ban("192.0.2.1/x", "odd"),
        ban("198.51.100.0/24"),
    )
    assert ids(mirror.holding("192.0.2.1")) == ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/16"]
    assert ids(mirror.holding("2001:db8:0:0::5")) == ["2001:db8::/64"]
    assert ids(mirror.holding("nobody")) == []
    mirror.apply([told("unban", "192.0.2.0/24", "nginx"), told("unban", "2001:db8::/64")])
    assert ids(mirror.holding("192.0.2.1")) == ["192.0.2.1", "192.0.0.0/16"]
    assert ids(mirror.holding("2001:db8::5")) == []


@pytest.mark.parametrize(
    ("search", "jail", "found"),
    [
        ("", "", ["192.0.2.10", "192.0.2.1", "10.0.0.0/8", "2001:db8::a", "Mallory"]),
        ("192.0.2.1", "", ["192.0.2.10", "192.0.2.1"]),
        ("0.2.10", "", ["192.0.2.10"]),
        ("10.1.2.3", "", ["10.0.0.0/8"]),
        ("10.1.2.3", "nginx", []),
        ("192.0.2.0/28", "", ["192.0.2.10", "192.0.2.1"]),
        ("192.0.2.0/29", "", ["192.0.2.1"]),
        ("192.0.2.0/23", "", ["192.0.2.10", "192.0.2.1"]),
        ("8.0.0.0/6", "", ["10.0.0.0/8"]),
        ("10.0.0.0/8", "", ["10.0.0.0/8"]),
        ("10.1.0.0/16", "", []),
        ("2001:db8::/32", "", ["2001:db8::a"]),
        ("0.0.0.0/0", "", ["192.0.2.10", "192.0.2.1", "10.0.0.0/8"]),
        (" 2001:DB8:: ", "", ["2001:db8::a"]),
        ("mall", "", ["Mallory"]),
        ("", "nginx", ["Mallory"]),
        ("", "none", []),
    ],
)
def test_page_when_something_is_searched_then_that_is_there(search: str, jail: str, found: list[str]) -> None:
    bans = [ban("Mallory", "nginx", 1.0), ban("2001:db8::a", time=2.0), ban("10.0.0.0/8", time=3.0)]
    mirror = filled(*bans, ban("192.0.2.1", time=4.0), ban("192.0.2.10", time=5.0))
    page = mirror.page(search, jail)
    assert (page.total, ids(page.bans)) == (len(found), found)


@pytest.mark.parametrize(
    ("order", "there"),
    [
        ("newest", "cba"),
        ("oldest", "abc"),
        ("ending", "bca"),
        ("address", "cab"),
        ("jail", "bca"),
        ("failures", "cab"),
    ],
)
def test_page_when_an_order_is_given_then_bans_stand_in_it(order: Order, there: str) -> None:
    names = {"192.0.2.9": "a", "2001:db8::1": "b", "9.9.9.9": "c"}
    mirror = filled(
        ban("192.0.2.9", "z", 1.0, FOR_EVER, 5),
        ban("2001:db8::1", "a", 2.0, 10.0, 2),
        ban("9.9.9.9", "b", 3.0, 20.0, 7),
    )
    assert "".join(names[each.id] for each in mirror.page(order=order).bans) == there


def test_page_when_there_are_many_then_it_holds_as_many_as_are_wanted() -> None:
    mirror = filled(*(ban(f"10.0.{number >> 8}.{number & 255}", time=number) for number in range(1000)))
    page = mirror.page(offset=990, limit=50)
    assert page.total == 1000
    assert ids(page.bans)[0] == "10.0.0.9"
    assert len(page.bans) == 10


def test_ban_when_the_server_says_that_it_never_ends_then_its_end_is_infinite() -> None:
    said = {"jail": "sshd", "id": "192.0.2.1", "time": 5.0, "end": None, "failures": 0, "count": 2}
    assert banned(said) == Banned("sshd", "192.0.2.1", 5.0, FOR_EVER, 0, 2)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.sampled_from(["192.0.2.1", "192.0.2.0/24", "::1"]), st.sampled_from("ab"),
        st.integers(0, 3),
    ),
    max_size=12,
)  # fmt: skip


@given(before=STEPS, after=STEPS)
def test_mirror_when_changes_are_followed_then_they_lead_to_the_same(
    before: list[tuple[str, str, str, int]], after: list[tuple[str, str, str, int]]
) -> None:
    mirror, other = Mirror(), Mirror()
    mirror.apply([told(kind, key, jail, time) for kind, key, jail, time in before])
    start, held = mirror.number, {(each.jail, each.id): each for each in mirror}
    mirror.apply([told(kind, key, jail, time) for kind, key, jail, time in after])
    for change in mirror.since(start) or ():
        if change.kind == "unban":
            assert held.pop((change.ban.jail, change.ban.id)) == change.ban
        else:
            held[change.ban.jail, change.ban.id] = change.ban
    assert held == {(each.jail, each.id): each for each in mirror}
    other.fill(mirror)
    assert other.counts() == mirror.counts()
    assert len(mirror.holding("192.0.2.1")) == sum(each.id != "::1" for each in mirror)
