"""The ledger against a plain dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.ledger import SLOT_S, Ledger
from f2b.ban.packed import Remnant
from f2b.events import PERMANENT, Ban


def ban(key: str, time: float = 0, duration: float = 10) -> Ban:
    return Ban("jail", key, time, duration)


def test_expire_returns_what_is_over_earliest_first() -> None:
    ledger = Ledger()
    ledger.put(ban("b", 0, 20))
    ledger.put(ban("a", 0, 10))
    ledger.put(ban("c", 0, 30))
    assert [over.id for over in ledger.expire(20)] == ["a", "b"]
    assert [kept.id for kept in ledger] == ["c"]
    assert ledger.next_end() == 30


def test_bans_that_end_together_end_in_the_order_of_banning() -> None:
    ledger = Ledger()
    for key in "bdac":
        ledger.put(ban(key))
    assert [over.id for over in ledger.expire(10)] == ["b", "d", "a", "c"]


def test_bans_that_end_together_far_away_end_in_the_order_of_banning() -> None:
    ledger = Ledger()
    for key in "bd":
        ledger.put(ban(key, 1000))
    assert ledger.next_end() == 1010
    for key in "ac":
        ledger.put(ban(key, 1000))
    assert [over.id for over in ledger.expire(1010)] == ["b", "d", "a", "c"]


def test_next_end_when_a_ban_far_away_was_lifted_then_there_is_none() -> None:
    ledger = Ledger()
    ledger.put(ban("a", 1000))
    ledger.lift("a")
    assert ledger.next_end() is None


def test_next_end_when_a_later_ban_follows_in_the_next_slot_then_it_is_the_earlier_one() -> None:
    ledger = Ledger()
    ledger.put(ban("a", 0, 10))
    ledger.put(ban("b", 0, SLOT_S + 10))
    assert ledger.next_end() == 10
    ledger.put(ban("c", 0, SLOT_S + 20))
    assert [over.id for over in ledger.expire(10)] == ["a"]
    assert ledger.next_end() == SLOT_S + 10


def test_bans_that_end_together_at_the_end_of_a_slot_end_in_the_order_of_banning() -> None:
    ledger, edge = Ledger(), 10 * SLOT_S
    ledger.put(ban("near", edge - 20))
    ledger.put(ban("b", edge - 10))
    assert ledger.next_end() == edge - 10
    ledger.put(ban("a", edge - 10))
    assert [over.id for over in ledger.expire(edge)] == ["near", "b", "a"]


def test_permanent_ban_never_expires() -> None:
    ledger = Ledger()
    ledger.put(ban("a", 0, PERMANENT))
    assert ledger.expire(1e12) == []
    assert ledger.next_end() is None


def test_prolonged_ban_ends_at_its_new_end_only() -> None:
    ledger = Ledger()
    ledger.put(ban("a", 0, 10))
    ledger.put(ban("a", 0, 25))
    assert ledger.expire(10) == []
    assert ledger.next_end() == 25
    assert [over.id for over in ledger.expire(25)] == ["a"]


def test_contains_when_a_ban_is_in_force_just_so_then_it_is_there() -> None:
    ledger = Ledger()
    ledger.put(ban("a", 0, 10))
    assert ban("a", 0, 10) in ledger
    assert ban("a", 0, 11) not in ledger
    assert "a" not in ledger


def test_inside_a_network_finds_addresses_and_networks_of_its_family() -> None:
    ledger = Ledger()
    for key in ("192.0.2.1", "192.0.2.128/25", "192.0.0.0/16", "198.51.100.1", "2001:db8::1", "someone"):
        ledger.put(ban(key))
    assert [found.id for found in ledger.inside("192.0.2.0/24")] == ["192.0.2.1", "192.0.2.128/25"]
    assert [found.id for found in ledger.inside("2001:db8::/32")] == ["2001:db8::1"]
    assert [found.id for found in ledger.inside("someone")] == ["someone"]
    assert ledger.inside("nobody") == []


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from(["put", "take"]), st.sampled_from("abcd"), st.integers(0, 50) | st.integers(0, 500)
            ),
            st.tuples(st.just("lift"), st.sampled_from("abcd"), st.just(0)),
            st.tuples(st.just("expire"), st.just(""), st.integers(0, 60) | st.integers(0, 500)),
        ),
        max_size=40,
    )
)
def test_any_history_agrees_with_a_plain_dictionary(steps: list[tuple[str, str, int]]) -> None:
    ledger, plain = Ledger(), dict[str, float]()
    for verb, key, number in steps:
        if verb == "put":
            ledger.put(ban(key, number, 10))
            plain[key] = number + 10
        elif verb == "take":
            ledger.take(
                "jail", [Remnant(key, number, 10, 5, 1, False, None), Remnant("e", 1, PERMANENT, 5, 1, False, None)]
            )
            plain |= {key: number + 10, "e": float("inf")}
        elif verb == "lift":
            assert (ledger.lift(key) is not None) == (plain.pop(key, None) is not None)
        else:
            over = [key for key, end in plain.items() if end <= number]
            assert sorted(ended.id for ended in ledger.expire(number)) == sorted(over)
            for key in over:
                del plain[key]
        assert {held.id: held.end for held in ledger} == plain
        assert ledger.next_end() == min((end for end in plain.values() if end < float("inf")), default=None)


def test_expire_when_so_many_are_asked_for_then_the_others_follow_next_time() -> None:
    ledger = Ledger()
    for key in "bdac":
        ledger.put(ban(key))
    assert [over.id for over in ledger.expire(10, 3)] == ["b", "d", "a"]
    assert ledger.next_end() == 10
    assert [over.id for over in ledger.expire(10, 3)] == ["c"]


def test_cut_when_there_are_more_then_the_oldest_go() -> None:
    ledger = Ledger()
    for key in "bdac":
        ledger.put(ban(key))
    assert ledger.cut(float("inf")) == ledger.cut(4) == 0
    assert ledger.cut(3) == 1
    assert list(ledger.ids()) == ["d", "a", "c"]
    assert ledger.cut(0) == 3
    assert ledger.next_end() is None


def test_keep_when_fewer_are_wanted_then_the_lines_of_older_ones_go() -> None:
    ledger = Ledger()
    ledger.keep(2)
    for key in "bda":
        ledger.put(Ban("jail", key, 0, 10, matches=("line",)))
    assert [bool(kept.matches) for kept in ledger] == [False, True, True]
