"""Bans kept small come back as they went in."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from f2b.ban.packed import FULL, Bans, Brief, Remnant, Term
from f2b.events import FLEET, PERMANENT, Ban

NUMBERS = st.integers() | st.floats(0, 1e12) | st.sampled_from([PERMANENT, 2**53 + 1, 10**400])
BANS = st.builds(
    Ban,
    jail=st.sampled_from(["sshd", "other"]),
    id=st.sampled_from(["192.0.2.1", "2001:db8::1", "someone"]),
    time=NUMBERS,
    duration=NUMBERS,
    failures=st.integers(),
    matches=st.sampled_from([(), ("a line",)]),
    captures=st.sampled_from([{}, {"user": "root"}]),
    host=st.sampled_from([None, "192.0.2.1"]),
    count=st.integers(0, 2**33),
    own_time=st.booleans(),
    grown=st.booleans(),
    restored=st.booleans(),
    listed=st.booleans(),
)


def test_bans_when_a_ban_has_a_new_field_then_these_tests_must_know_it() -> None:
    known = "jail id time duration failures matches captures host count own_time grown restored listed"
    assert known.split() == list(getattr(Ban, "__slots__", ()))


@given(st.lists(BANS, max_size=6))
@example([Ban("sshd", "192.0.2.1", 1.5, 600, 5, host="192.0.2.1", restored=True)])
@example([Ban("sshd", "192.0.2.1", 1.5, 600), Ban("other", "someone", 1.5, 600)])
@example([Ban("sshd", "192.0.2.1", 2**53 + 1, 600)])
@example([Ban("sshd", "someone", 1.5, 600, host="192.0.2.1")])
def test_bans_when_any_are_put_then_they_come_back_equal_and_of_the_same_types(bans: list[Ban]) -> None:
    kept, plain = Bans(), {}
    for ban in bans:
        kept.put(ban)
        plain[ban.id] = ban
    assert repr(list(kept)) == repr(list(plain.values()))
    assert list(kept.ids()) == list(plain)
    assert list(kept.restored()) == [ban.id for ban in plain.values() if ban.restored]
    assert len(kept) == len(plain)
    for key, ban in plain.items():
        assert kept.get(key) == ban
        assert kept.pop(key) == ban
        assert kept.get(key) is kept.pop(key) is None


REMNANTS = st.builds(
    Remnant,
    id=st.sampled_from(["192.0.2.1", "2001:db8::1", "someone"]),
    time=NUMBERS,
    duration=NUMBERS,
    failures=st.integers(),
    times=st.integers(0, 2**33),
    own_time=st.booleans(),
    host=st.sampled_from([None, "192.0.2.1", "2001:db8::1"]),
)


@given(BANS, st.lists(REMNANTS, max_size=6))
@example(Ban("other", "someone", 1.5, 600), [Remnant("192.0.2.1", 1.5, 600, 5, 1, True, "192.0.2.1")])
@example(Ban("sshd", "someone", 1.5, 600), [Remnant("192.0.2.1", 1.5, 600, 5, 1, True, "192.0.2.1")])
def test_bans_when_remnants_are_taken_then_as_if_the_bans_were_put(first: Ban, remnants: list[Remnant]) -> None:
    taken, put = Bans(), Bans()
    for bans in (taken, put):
        bans.put(first)
    taken.take("sshd", remnants)
    for one in remnants:
        put.put(one.ban("sshd"))
    assert repr(list(taken)) == repr(list(put))
    assert [taken.pop(key) for key in list(taken.ids())] == [put.pop(key) for key in list(put.ids())]


def test_bans_when_remnants_are_taken_then_they_are_packed_at_once() -> None:
    bans = Bans()
    bans.take("sshd", [Remnant("192.0.2.1", 1.5, 600, 5, 1, True, "192.0.2.1")])
    assert bans.get("192.0.2.1") == Ban("sshd", "192.0.2.1", 1.5, 600, 5, (), {}, "192.0.2.1", 1, True, restored=True)
    assert bans.get("192.0.2.1") is not bans.get("192.0.2.1")


def test_bans_when_they_are_listed_in_brief_then_that_is_what_they_are() -> None:
    kept, bans = (
        Bans(),
        [
            Ban("sshd", "192.0.2.1", 1.5, 600, 5, restored=True),
            Ban("sshd", "192.0.2.2", 2, PERMANENT, count=3, listed=True),
            Ban("sshd", "192.0.2.3", 1.5, 0.0),
            Ban("sshd", "192.0.2.4", 1.5, 0.5),
            Ban("sshd", "192.0.2.5", 7, 60, 3, ("a line",), {FLEET: "elsewhere"}),
            Ban("sshd", "someone", 7, 60, host="192.0.2.6"),
            Ban("sshd", "192.0.2.7", 7, 60, host="192.0.2.7"),
        ],
    )
    for ban in bans:
        kept.put(ban)
        told = ban.time, ban.duration, ban.failures, ban.count, ban.restored, ban.listed
        assert repr(kept.brief(ban.id)) == repr(Brief("sshd", ban.id, *told, ban.captures.get(FLEET)))
    assert list(kept.terms()) == [Term(ban.id, ban.ip, ban.end) for ban in bans]
    assert kept.brief("192.0.2.9") is None


def test_bans_when_nothing_led_to_them_then_they_are_not_kept_as_they_came() -> None:
    bans, small, whole = (
        Bans(),
        Ban("sshd", "192.0.2.1", 1.5, 600),
        Ban("sshd", "192.0.2.2", 1.5, 600, 5, ("a line",)),
    )
    bans.put(small)
    bans.put(whole)
    assert bans.get(small.id) is not small
    assert bans.get(whole.id) is whole


def test_bans_when_there_are_very_many_then_only_the_newest_keep_what_led_to_them() -> None:
    bans = Bans()
    for number in range(FULL + 2):
        who = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        bans.put(Ban("other" if number == 1 else "sshd", who, 1.5, 600, 5, ("a line",), {"user": "root"}, who))
    found = list(bans)
    assert [bool(ban.matches) for ban in found] == [False] + [True] * (
        FULL + 1
    )  # the second is no jail's whose bans are packed
    assert found[1].jail == "other"
    assert found[0] == Ban("sshd", "10.0.0.0", 1.5, 600, 5, host="10.0.0.0")
    assert bans.get("10.0.0.0") is not bans.get("10.0.0.0")  # it is packed
    assert bans.pop("10.0.0.0") == found[0]
    assert len(bans) == FULL + 1
