"""Who is banned by a jail, and for how long: bans of other hosts, of lists, too many at once; whom it spares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from f2b.ban.collateral import Arrival, Others
from f2b.ban.counter import Tally
from f2b.ban.history import History, Past
from f2b.ban.protected import Protected
from f2b.config.model import FilterSpec, Increment, JailSpec
from f2b.custody import PROTECT, TOLD, Custody
from f2b.errors import Place
from f2b.events import (
    FLEET,
    PERMANENT,
    AlreadyBanned,
    Ban,
    Collateral,
    Effect,
    Expired,
    Failure,
    Held,
    Known,
    Prolonged,
    Spared,
    Surged,
)
from f2b.value import replace

HERE = Place("test")
NOW = 1_700_000_000.0
EVIL = "192.0.2.1"
LOGIN = Arrival(EVIL, "bob", NOW)


class Highest:
    """Draws what is just not drawn: one."""

    def random(self) -> float:
        return 1.0


def custody(past: Past | None = None, others: Others | None = None, **options: Any) -> Custody:
    spec = JailSpec("j", HERE, FilterSpec("words", HERE), **{"bantime": 60.0, **options})
    return Custody(spec, past, protection=lambda groups: Protected({"198.51.100.7": "a gateway"}), others=others)


def fail(of: Custody, key: str = EVIL, now: float = NOW, host: str | None = None) -> list[Effect]:
    seen = Failure(key, host, now, (), {})
    return of.sentence(Tally(now, now, 3, 3, seen, ()), now)


def kinds(effects: Sequence[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


def bans(of: Custody) -> dict[str, float]:
    return {ban.id: ban.duration for ban in of.ledger}


class TestSpared:
    def test_protected_when_it_fails_again_then_it_is_told_once(self) -> None:
        tested = custody(protect=("192.0.2.0/24",))
        assert fail(tested) == [Spared("j", EVIL, PROTECT)]
        assert fail(tested) == []
        assert kinds(fail(tested, "192.0.2.2")) == [Spared]
        assert fail(tested) == []
        assert len(tested.ledger) == 0

    def test_protected_when_there_are_very_many_then_not_all_are_remembered(self) -> None:
        tested = custody(protect=("10.0.0.0/8",))
        hosts = [f"10.0.{number >> 8}.{number & 255}" for number in range(TOLD)]
        assert all(fail(tested, host) for host in hosts)
        assert fail(tested, hosts[0]) == []
        assert fail(tested, "10.1.0.0")
        assert fail(tested, hosts[0])

    def test_host_of_an_id_when_it_is_protected_then_the_id_is_spared(self) -> None:
        assert fail(custody(), "bob", host="198.51.100.7") == [Spared("j", "bob", "a gateway")]
        assert kinds(fail(custody(), "bob", host="198.51.100.8")) == [Ban]
        assert kinds(fail(custody(), "bob")) == [Ban]

    def test_network_when_it_holds_a_protected_one_then_it_is_told(self) -> None:
        tested = custody(protect=("192.0.2.9",))
        assert tested.touches_protected("192.0.2.0/24")
        assert tested.touches_protected("198.51.100.0/24")
        assert not tested.touches_protected("203.0.113.0/24")

    def test_protect_when_it_changes_then_the_new_one_holds(self) -> None:
        tested = custody(protect=(EVIL,))
        tested.change(JailSpec("j", HERE, FilterSpec("words", HERE), bantime=60.0, protect=("192.0.2.2",)))
        assert kinds(fail(tested)) == [Ban]
        assert kinds(fail(tested, "192.0.2.2")) == [Spared]


class TestHit:
    def test_ban_that_hits_others_when_it_is_made_again_then_it_is_told_once(self) -> None:
        others = Others()
        others.arrivals.note(LOGIN)
        tested = custody(others=others)
        assert kinds(fail(tested)) == [Collateral, Ban]
        tested.ledger.lift(EVIL)
        assert kinds(fail(tested)) == [Ban]

    def test_bans_refused_when_there_are_very_many_then_not_all_are_remembered(self) -> None:
        others = Others()
        tested = custody(others=others, collateral="refuse")
        hosts = [f"10.0.{number >> 8}.{number & 255}" for number in range(TOLD + 1)]
        for host in hosts:
            others.arrivals.note(Arrival(host, "bob", NOW))
        assert all(kinds(fail(tested, host)) == [Collateral] for host in hosts[:-1])
        assert fail(tested, hosts[0]) == []
        assert fail(tested, hosts[-1])
        assert fail(tested, hosts[0])

    def test_ban_by_hand_when_others_are_hit_then_it_is_never_refused(self) -> None:
        others = Others()
        others.arrivals.note(LOGIN)
        told, ban = custody(others=others, collateral="refuse").ban(EVIL, NOW)
        assert told == Collateral("j", EVIL, ("bob, who logged in 1s ago",), refused=False)
        assert isinstance(ban, Ban)

    def test_network_when_somebody_logged_in_from_it_then_it_is_refused_only_where_that_is_wanted(self) -> None:
        others = Others()
        others.arrivals.note(LOGIN)
        assert custody(others=others, collateral="refuse").refuses("192.0.2.0/24")
        assert not custody(others=others).refuses("192.0.2.0/24")


class TestSurge:
    def test_bans_when_they_are_too_many_then_the_rest_waits_and_that_is_said_once(self) -> None:
        tested = custody(maxbans=1, holdbans=True)
        assert kinds(fail(tested)) == [Ban]
        assert fail(tested, "192.0.2.2") == [Surged("j", 1, "192.0.2.2", True)]
        assert fail(tested, "192.0.2.3") == []
        assert list(bans(tested)) == [EVIL]

    def test_bans_when_they_are_too_many_but_not_held_then_all_are_banned(self) -> None:
        tested = custody(maxbans=1, holdbans=False)
        assert [kinds(fail(tested, key)) for key in (EVIL, "192.0.2.2", "192.0.2.3")] == [[Ban], [Surged, Ban], [Ban]]

    def test_banned_one_when_he_fails_again_then_it_is_no_new_ban(self) -> None:
        tested = custody(maxbans=2, holdbans=True)
        assert [kinds(fail(tested, now=NOW + after)) for after in range(3)] == [[Ban], [Prolonged], [Prolonged]]
        assert kinds(fail(tested, "192.0.2.2")) == [Ban]

    def test_maxbans_when_it_changes_then_it_is_counted_anew(self) -> None:
        tested = custody(maxbans=1, holdbans=True)
        fail(tested)
        tested.change(JailSpec("j", HERE, FilterSpec("words", HERE), bantime=60.0, maxbans=2, holdbans=True))
        assert [kinds(fail(tested, key)) for key in ("192.0.2.2", "192.0.2.3")] == [[Ban], [Ban]]

    def test_maxbans_when_another_option_changes_then_the_count_goes_on(self) -> None:
        tested = custody(maxbans=1, holdbans=True)
        fail(tested)
        tested.change(JailSpec("j", HERE, FilterSpec("words", HERE), bantime=70.0, maxbans=1, holdbans=True))
        assert kinds(fail(tested, "192.0.2.2")) == [Surged]


class TestAdopt:
    @pytest.mark.parametrize(("later", "longer"), [(-5.0, False), (0.0, False), (1.0, False), (1.5, True)])
    def test_ban_of_another_host_when_ours_ends_so_much_earlier_then_it_is_prolonged(
        self, later: float, longer: bool
    ) -> None:
        tested = custody()
        tested.ban(EVIL, NOW)
        effects = tested.adopt(Ban("j", EVIL, NOW + 20, 40 + later, captures={"seen": "there"}))
        assert kinds(effects) == ([Prolonged] if longer else [])
        present = tested.ledger.get(EVIL)
        assert present is not None
        assert present.end == NOW + 60 + (later if longer else 0)
        assert present.captures == ({"seen": "there"} if longer else {})
        if longer:
            assert effects == [Prolonged(present, 20)]

    def test_ban_of_another_host_when_it_is_new_or_for_ever_then_it_is_taken_as_it_is(self) -> None:
        tested = custody()
        own = Ban("j", EVIL, NOW - 10, 77.0)
        assert tested.adopt(own) == [own]
        assert tested.total == 1
        tested.adopt(Ban("j", EVIL, NOW, PERMANENT))
        assert bans(tested) == {EVIL: PERMANENT}

    def test_ban_of_another_host_when_it_prolonged_ours_then_it_keeps_its_end(self) -> None:
        tested = custody()
        tested.ban(EVIL, NOW)
        tested.adopt(Ban("j", EVIL, NOW + 100, 0.5))
        assert bans(tested) == {EVIL: 100.5}
        assert tested.change(JailSpec("j", HERE, FilterSpec("words", HERE), bantime=70.0)) == []
        assert bans(tested) == {EVIL: 100.5}

    def test_ban_of_another_host_when_he_offends_here_then_it_is_ours(self) -> None:
        tested = custody()
        tested.adopt(Ban("j", EVIL, NOW, 10.0, captures={FLEET: "host", "user": "root"}))
        fail(tested, now=NOW + 5)
        present = tested.ledger.get(EVIL)
        assert present is not None
        assert (present.end, present.captures) == (NOW + 65, {"user": "root"})


class TestHold:
    def test_list_when_it_changes_then_exactly_its_ids_are_held(self) -> None:
        tested = custody()
        (first,) = tested.hold({"192.0.2.3", EVIL}, 1, NOW)
        assert isinstance(first, Held)
        assert [(ban.id, ban.duration, ban.listed, ban.own_time) for ban in first.came] == [
            (EVIL, PERMANENT, True, True),
            ("192.0.2.3", PERMANENT, True, True),
        ]
        assert (first.gone, first.total, first.spared) == ((), 2, 1)
        assert tested.hold({EVIL, "192.0.2.3"}, 1, NOW) == []
        (second,) = tested.hold({EVIL}, 0, NOW)
        assert second == Held("j", (), (first.came[1],), 1, 0)
        assert list(bans(tested)) == [EVIL]

    def test_list_when_it_names_a_banned_one_then_he_is_held_and_other_bans_stay(self) -> None:
        tested = custody()
        tested.ban(EVIL, NOW)
        tested.ban("192.0.2.2", NOW)
        (held,) = tested.hold({EVIL}, 0, NOW)
        assert isinstance(held, Held)
        assert ([ban.id for ban in held.came], held.gone) == ([EVIL], ())
        assert bans(tested) == {EVIL: PERMANENT, "192.0.2.2": 60.0}


class TestLength:
    @pytest.mark.parametrize("length", [0.0, -0.5, -2.0, -100.0])
    def test_ban_when_its_length_makes_no_sense_then_nothing_is_done(self, length: float) -> None:
        tested = custody()
        assert tested.ban(EVIL, NOW, length) == [Expired("j", EVIL)]
        assert len(tested.ledger) == 0

    def test_ban_when_it_is_shorter_than_a_second_then_it_is_one(self) -> None:
        tested = custody()
        assert kinds(tested.ban(EVIL, NOW, 0.5)) == [Ban]
        assert kinds(tested.ban(EVIL, NOW + 0.25, 0.5)) == [Prolonged]
        assert bans(tested) == {EVIL: 0.75}

    def test_ban_when_it_would_end_just_now_then_it_is_over(self) -> None:
        assert kinds(custody().sentence(Tally(NOW, NOW, 3, 3, Failure(EVIL, EVIL, NOW, (), {}), ()), NOW + 60)) == [
            Expired
        ]

    def test_ban_when_it_ends_as_the_present_one_does_then_it_is_not_prolonged(self) -> None:
        tested = custody()
        tested.ban(EVIL, NOW)
        assert kinds(tested.ban(EVIL, NOW + 10, 50)) == [AlreadyBanned]
        assert kinds(tested.ban(EVIL, NOW + 10, 50.5)) == [Prolonged]
        assert kinds(tested.ban(EVIL, NOW + 10, PERMANENT)) == [Prolonged]
        assert bans(tested) == {EVIL: PERMANENT}

    def test_prospect_when_bans_grow_then_it_is_the_next_one_and_nothing_comes_into_force(self) -> None:
        past = Past(lambda key: {"j": History(2, NOW - 500, 60)})
        tested = custody(past, increment=Increment(True))
        assert tested.prospect(EVIL, NOW).duration == 240
        assert custody(past).prospect(EVIL, NOW).duration == 60
        assert len(tested.ledger) == 0

    def test_ban_when_its_length_has_a_part_by_chance_then_that_is_drawn(self) -> None:
        spec = JailSpec("j", HERE, FilterSpec("words", HERE), bantime=60.0, increment=Increment(True, rndtime=100.0))
        past = Past(lambda key: {"j": History(1, NOW - 500, 60)})
        assert Custody(spec, past, Highest()).prospect(EVIL, NOW).duration == 220
        assert Custody(spec, past).prospect(EVIL, NOW).duration == 170

    def test_failure_when_it_is_of_the_time_of_the_last_ban_then_it_is_no_later_one(self) -> None:
        tested = custody(Past(lambda key: {"j": History(2, NOW, 60)}), maxretry=4)
        assert tested.known(EVIL, NOW) == []
        assert kinds(tested.known(EVIL, NOW + 0.5)) == [Known]
        assert custody().known(EVIL, NOW) == []

    def test_bantime_when_it_changes_then_bans_with_a_time_of_their_own_keep_it(self) -> None:
        tested = custody()
        tested.ban(EVIL, NOW)
        tested.ban("192.0.2.2", NOW, 99.0)
        tested.enter(replace(Ban("j", "192.0.2.3", NOW, 50.0), grown=True))
        spec = JailSpec("j", HERE, FilterSpec("words", HERE), bantime=70.0)
        assert kinds(tested.change(spec)) == [Prolonged]
        assert tested.change(spec) == []
        assert bans(tested) == {EVIL: 70.0, "192.0.2.2": 99.0, "192.0.2.3": 50.0}
