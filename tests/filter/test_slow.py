"""The types slow and any, and what all types over failures have in common."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, Text
from f2b.filter.build import build
from f2b.filter.over import OverFailures, adopt, explain
from f2b.filter.slow import Slow
from tests.filter.typed import LOGIN, PLACE, bad, fed, made, request, spec, wrong


def test_slot_when_it_has_a_failure_then_the_rest_of_it_does_not_pass() -> None:
    tested = made("slow", LOGIN)
    lines = [bad(at=at) for at in (0, 1, 1799, 1800, 3599, 7200)]
    assert [failure.time for failure in fed(tested, lines)] == [lines[0].time, lines[3].time, lines[5].time]


def test_slots_when_counted_then_they_begin_at_the_epoch() -> None:
    tested = made("slow", LOGIN, slot="1h")
    assert len(fed(tested, [bad(at=3599), bad(at=3600)])) == 2  # 10:59:59 and 11:00


def test_ids_when_several_fail_then_each_has_its_own_slots() -> None:
    assert len(fed(made("slow", LOGIN), [bad(), bad("192.0.2.2"), bad()])) == 2


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40 * 1800)), max_size=40).flatmap(
        lambda it: st.tuples(st.just(it), st.permutations(it))
    )
)
def test_failures_when_they_come_in_any_order_then_the_same_slots_are_filled(
    orders: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    def filled(order: list[tuple[int, int]]) -> list[tuple[str, int]]:
        found = fed(made("slow", LOGIN), [bad(f"192.0.2.{host}", at=at) for host, at in order])
        return sorted((failure.id, int((failure.time or 0) // 1800)) for failure in found)

    first, second = map(filled, orders)
    assert first == second
    assert len(set(first)) == len(first)


def test_state_when_hosts_are_endless_then_it_is_bounded() -> None:
    tested = made("slow", LOGIN, maxhosts="5")
    assert isinstance(tested, OverFailures)
    assert isinstance(tested.judge, Slow)
    fed(tested, [bad(f"192.0.2.{host}") for host in range(100)])
    assert len(tested.judge._filled) == 5


def test_reload_when_the_options_are_the_same_then_slots_stay_filled() -> None:
    old = made("slow", LOGIN)
    fed(old, [bad()])
    more = FilterSpec("login", PLACE, failregex=(*LOGIN.failregex, Text("worse from <HOST>$", PLACE)))
    new, _ = build(spec("slow", more))
    other, _ = build(spec("slow", LOGIN, slot="10m"))
    assert new
    assert other
    adopt(new, old)
    adopt(other, old)
    assert not fed(new, [bad(at=1)])
    assert fed(other, [bad(at=1)])


def test_any_when_several_bases_find_the_same_then_it_counts_once_for_the_most() -> None:
    missing, login = spec("http", status="404"), spec("http", paths="login", weight="3")
    tested = made("any", missing, login)
    lines = [
        request("GET /login HTTP/1.1", 404),
        request("GET / HTTP/1.1", 404),
        request("GET /login HTTP/1.1"),
        request(),
    ]
    assert [failure.attempts for failure in fed(tested, lines)] == [3, 1, 3]


def test_any_when_bases_are_of_different_types_then_each_finds_its_own() -> None:
    tested = made("any", spec("http", status="404"), LOGIN)
    assert [failure.id for failure in fed(tested, [request(status=404), bad("192.0.2.9")])] == [
        "192.0.2.1",
        "192.0.2.9",
    ]


def test_types_when_composed_then_each_judges_what_the_other_lets_pass() -> None:
    tested = made("slow", spec("any", spec("http", status="404")))
    assert len(fed(tested, [request(status=404), request(status=404), request()])) == 1


def test_base_when_missing_or_out_of_place_then_that_is_an_error() -> None:
    assert "needs base" in wrong("slow")[0].what
    assert "no option 'base'" in wrong("http", LOGIN)[0].what
    assert "no failregex" in wrong("any", FilterSpec("empty", PLACE))[0].what
    assert "no option 'slots'" in wrong("slow", LOGIN, slots="1h")[0].what
    assert "htp" in wrong("any", spec("htp"))[0].what


def test_name_when_it_is_not_resolved_yet_then_it_is_judged_with_its_addresses() -> None:
    tested = made("slow", LOGIN)
    (failure,) = fed(tested, [bad("bot.example")])
    (again,) = fed(tested, [bad("bot.example", at=1)])
    (judge,) = failure.then
    known = failure._replace(id="192.0.2.1", unresolved="", then=())
    assert list(judge(known)) == [known]
    assert not again.then[0](known)


def test_why_when_a_failure_is_judged_then_base_and_type_say_their_part() -> None:
    tested = made("slow", LOGIN)
    said: list[str] = []
    explain(tested, bad(), said)
    explain(tested, bad(at=1), said)
    assert [text.partition(": ")[2].partition(" in the slot")[0] for text in said[1::2]] == [
        "192.0.2.1: the first",
        "192.0.2.1: not the first",
    ]
