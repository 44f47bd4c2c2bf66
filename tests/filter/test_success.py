"""Successes: who succeeds has his failures forgotten, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, JailSpec, Text
from f2b.events import LOGIN as LOGIN_ONLY
from f2b.events import SUCCESS, Ban, Effect, Forgiven, Line
from f2b.filter.build import build
from f2b.filter.dispatch import PATIENCE
from f2b.jail import Jail
from f2b.value import replace
from tests.filter.typed import LOGIN, NOW, PLACE, bad, made, request, spec

OK = r"good <F-USER>\S+</F-USER> from <HOST>$"
FORGIVING = replace(LOGIN, options={"okregex": Text(OK, PLACE)})


def good(host: str = "192.0.2.1", user: str = "bob", at: float = 0.0) -> Line:
    raw = f"good {user} from {host}"
    return Line(f"{raw}\n", raw, NOW + at)


def jail(found: FilterSpec = FORGIVING, **options: Any) -> Jail:
    tested, problems = build(found)
    assert tested is not None, problems
    return Jail(replace(JailSpec("j", PLACE, found, maxretry=3), **options), tested)


def fed(tested: Jail, *lines: Line) -> list[Effect]:
    return [effect for line in lines for effect in tested.feed(line, NOW + 60, False)]


def bans(effects: list[Effect]) -> list[str]:
    return [effect.id for effect in effects if isinstance(effect, Ban)]


def test_success_when_of_the_same_host_and_user_then_its_failures_are_forgotten() -> None:
    effects = fed(jail(), bad(), bad(), good(), bad(), bad())
    assert not bans(effects)
    assert Forgiven("j", "192.0.2.1", "192.0.2.1", "bob", 2) in effects
    assert bans(fed(jail(), bad(), bad(), good(), bad(), bad(), bad())) == ["192.0.2.1"]


def test_success_when_of_another_host_or_user_then_nothing_is_forgotten() -> None:
    assert bans(fed(jail(), bad(), bad(), good("192.0.2.2"), bad())) == ["192.0.2.1"]
    assert bans(fed(jail(), bad(), bad(), good(user="eve"), bad())) == ["192.0.2.1"]
    assert not bans(fed(jail(), bad(), bad(user="eve"), good(), bad()))
    assert bans(fed(jail(), bad(user="eve"), bad(user="eve"), bad("192.0.2.2"), good(), bad(user="eve"))) == [
        "192.0.2.1"
    ]


def test_success_when_it_or_the_failure_names_no_user_then_the_host_decides() -> None:
    nameless = replace(LOGIN, options={"okregex": Text(r"good \S+ from <HOST>$", PLACE)})
    assert not bans(fed(jail(nameless), bad(), bad(user="eve"), good(), bad()))
    anonymous = replace(FORGIVING, failregex=(Text(r"bad \S+ from <HOST>$", PLACE),))
    assert not bans(fed(jail(anonymous), bad(), bad(), good(), bad()))


def test_success_when_failures_have_led_to_a_ban_before_then_these_are_not_weighed_again() -> None:
    tested = jail()
    fed(tested, bad(), bad(user="eve"), bad(), bad(), bad(), good(user="eve"))
    counted = tested.counter.tally("192.0.2.1")
    assert counted
    assert counted.retry == 2


def test_success_when_somebody_is_banned_then_he_stays_so() -> None:
    tested = jail()
    assert bans(fed(tested, bad(), bad(), bad(), good())) == ["192.0.2.1"]
    assert tested.ledger.get("192.0.2.1")


def test_success_when_networks_count_as_one_then_only_the_hosts_own_are_forgotten() -> None:
    lines = bad("192.0.2.1"), bad("192.0.2.2"), good("192.0.2.1"), bad("192.0.2.3")
    assert not bans(fed(jail(prefix4=24), *lines))
    assert bans(fed(jail(prefix4=24), *lines, bad("192.0.2.4"))) == ["192.0.2.0/24"]


def test_success_when_counting_by_window_then_it_forgets_as_well() -> None:
    assert not bans(fed(jail(counting="window"), bad(), bad(), good(at=1), bad(at=2), bad(at=2)))


def test_success_when_older_than_the_failure_then_that_one_counts_on() -> None:
    assert bans(fed(jail(), bad(at=5), bad(at=5), good(at=4), bad(at=5))) == ["192.0.2.1"]


def test_success_when_failures_weigh_more_then_all_their_weight_goes() -> None:
    heavy = spec("http", status="401", okstatus="200", weight="2")
    lines = request(status=401), request(status=200), request(status=401)
    assert not bans(fed(jail(heavy), *lines))
    assert bans(fed(jail(heavy), *lines, request(status=401))) == ["192.0.2.1"]


def test_success_when_types_lie_above_then_it_passes_them() -> None:
    tested = made("any", FORGIVING)
    assert [failure.attempts for failure in tested.feed(good())] == [SUCCESS]
    slow = jail(spec("slow", FORGIVING), maxretry=2, findtime=86400)
    assert not bans(fed(slow, bad(), good(), bad(at=1800)))


def test_okregex_when_prefregex_cuts_the_line_then_it_searches_what_is_left() -> None:
    found = replace(FORGIVING, prefregex=Text(r"^\[x\] <F-CONTENT>.+</F-CONTENT>$", PLACE))
    lines = [Line(f"[x] {line.text}", f"[x] {line.raw}", line.time) for line in (bad(), bad(), good(), bad())]
    assert not bans(fed(jail(found), *lines))
    assert bans(fed(jail(found), lines[0], lines[1], good(), lines[3])) == ["192.0.2.1"]


def test_okregex_when_ignored_then_the_line_is_no_success() -> None:
    found = replace(FORGIVING, ignoreregex=(Text("good bob", PLACE),))
    assert bans(fed(jail(found), bad(), bad(), good(), bad())) == ["192.0.2.1"]


@pytest.mark.parametrize("okregex", ["(", "good", "fine\n("])
def test_okregex_when_wrong_then_that_is_told(okregex: str) -> None:
    found, problems = build(replace(LOGIN, options={"okregex": Text(okregex, PLACE)}))
    assert found is None
    assert all(problem.place and problem.what.startswith("okregex") for problem in problems)


def test_needs_when_a_line_is_a_success_then_the_sieve_sees_it() -> None:
    tested, _ = build(FORGIVING)
    assert tested
    needs = tested.needs()
    assert needs is not None
    assert any(any("good " in clause.texts for clause in clauses) for clauses in needs)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 2), st.sampled_from(["bob", "eve"])), max_size=25))
def test_count_when_successes_come_between_then_it_is_that_of_what_they_left(
    lines: list[tuple[bool, int, str]],
) -> None:
    tested = jail(maxretry=1000)
    left: list[tuple[int, str]] = []
    for success, host, user in lines:
        fed(tested, (good if success else bad)(f"192.0.2.{host}", user))
        left = [one for one in left if one != (host, user)] if success else [*left, (host, user)]
    for host in (1, 2):
        tally = tested.counter.tally(f"192.0.2.{host}")
        assert (tally.retry if tally else 0) == sum(one[0] == host for one in left)


SESSION, WHO = r"\[<F-MLFID>\d+</F-MLFID>\]", r" <F-USER>\S+</F-USER> from <HOST>$"
GAINED = FilterSpec(
    "x",
    PLACE,
    failregex=(
        Text(f"^d{SESSION}: bad{WHO}", PLACE),
        Text(f"^d{SESSION}: <F-NOFAIL><F-MLFGAINED>good</F-MLFGAINED></F-NOFAIL>{WHO}", PLACE),
    ),
)
KINDS = {
    "okregex": replace(GAINED, failregex=GAINED.failregex[:1], options={"okregex": Text(rf"^d\[\d\]: {OK}", PLACE)}),
    "folded": replace(
        GAINED, failregex=GAINED.failregex[:1], options={"okregex": Text(rf"(?i)^D\[\d\]: GOOD{WHO}", PLACE)}
    ),
    "gained": GAINED,
}


@pytest.mark.parametrize("kind", KINDS)
def test_successes_when_the_filter_has_learnt_its_lines_then_they_are_told_of_as_at_first(kind: str) -> None:
    tested, problems = build(KINDS[kind])
    assert tested is not None, problems
    texts = [
        f"d[{number}]: {word} bob from 192.0.2.{number}" for number, word in enumerate(("bad", "good", "else"), 1)
    ]
    lines = [Line(f"{text}\n", text, NOW) for text in texts]
    expected = [[("192.0.2.1", 1)], [("192.0.2.2", LOGIN_ONLY if kind == "gained" else SUCCESS)], []]
    for _ in range(PATIENCE + 9):
        assert [[(one.id, one.attempts) for one in tested.feed(line)] for line in lines] == expected
