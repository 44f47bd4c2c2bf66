"""A jail's decisions about who comes back, who counts as one, and whom a command is to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from f2b.ban.history import History, Past
from f2b.ban.packed import Remnant
from f2b.config.model import FilterSpec, Increment, JailSpec
from f2b.errors import Place
from f2b.events import (
    PERMANENT,
    AlreadyBanned,
    Ban,
    Collateral,
    Effect,
    Expired,
    Failure,
    Found,
    Ignored,
    Increased,
    Judge,
    Known,
    Line,
    Prolonged,
    Unban,
)
from f2b.jail import Jail
from f2b.value import replace

HERE = Place("test")
NOW = 1_700_000_000.0
EVIL = "192.0.2.1"


class Words:
    """A filter for lines `fail ID`."""

    def needs(self) -> None:
        """Every line may matter."""

    def feed(self, line: Line) -> Sequence[Failure]:
        key = line.text.split()[-1]
        return (Failure(key, key, line.time, (line.raw,), {"user": "root"}),)


def jail(rows: dict[str, History] | None = None, **options: Any) -> Jail:
    made: list[Jail] = []
    past = Past(lambda key: rows or {}, lambda: [each.ledger for each in made])
    spec = JailSpec("j", HERE, FilterSpec("words", HERE), **{"maxretry": 3, "bantime": 60.0, **options})
    made.append(Jail(spec, Words(), past))
    return made[0]


def grows(**steps: Any) -> Increment:
    return Increment(True, **steps)


def fail(of: Jail, key: str = EVIL, time: float = NOW) -> list[Effect]:
    return of.feed(Line(f"fail {key}\n", f"fail {key}", time), time, True)


def kinds(effects: Sequence[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


class TestIncrements:
    def test_first_ban_is_as_long_as_the_jail_says(self) -> None:
        (_, ban) = fail(jail(increment=grows(), maxretry=1))
        assert isinstance(ban, Ban)
        assert (ban.duration, ban.count, ban.grown) == (60, 1, False)

    def test_later_ban_is_longer_before_anybody_hears_of_it(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120), "other": History(7, NOW - 9, 60)}, increment=grows(), maxretry=1)
        found, known, ban, told = fail(j)
        assert isinstance(ban, Ban)
        assert (ban.duration, ban.count, ban.end) == (240, 3, NOW + 240)
        assert told == Increased(ban, 2, NOW - 500, 60)
        assert known == Known("j", EVIL, NOW, 2, 1, 1)
        assert isinstance(found, Found)
        assert j.ledger.get(EVIL) == ban

    def test_bans_of_all_jails_count_where_that_is_wanted(self) -> None:
        rows = {"j": History(2, NOW - 500, 120), "other": History(7, NOW - 9, 60)}
        *_, ban, told = fail(jail(rows, increment=grows(overalljails=True), maxretry=1))
        assert isinstance(ban, Ban)
        assert (ban.count, ban.duration) == (10, 60 * 2**9)
        assert told == Increased(ban, 9, NOW - 9, 60)

    def test_ban_without_increments_asks_no_history(self) -> None:
        (_, ban) = fail(jail({"j": History(2, NOW - 500, 120)}, maxretry=1))
        assert isinstance(ban, Ban)
        assert (ban.count, ban.duration) == (1, 60)

    def test_lines_that_are_read_twice_lead_to_the_same_ban(self) -> None:
        j = jail({"j": History(2, NOW, 240)}, increment=grows(), maxretry=1)
        _, ban = fail(j)
        assert isinstance(ban, Ban)
        assert (ban.count, ban.duration) == (2, 240)
        j = jail({"j": History(2, NOW, 240)}, increment=grows(), maxretry=1)
        effects = j.feed(Line(f"fail {EVIL}\n", "", NOW), NOW + 300, live=False)
        assert kinds(effects) == [Found, Expired]

    def test_failure_of_a_known_offender_weighs_more(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120)}, increment=grows(), maxretry=5)
        assert fail(j) == [Found("j", EVIL, NOW), Known("j", EVIL, NOW, 2, 3, 5)]
        tally = j.counter.tally(EVIL)
        assert tally is not None
        assert (tally.retry, tally.failures, j.counter.total) == (3, 2, 2)
        effects = fail(j, time=NOW + 1)
        assert kinds(effects) == [Found, Known, Ban, Increased]
        assert isinstance(effects[2], Ban)
        assert effects[2].failures == 4
        assert len(effects[2].matches) == 2
        assert kinds(fail(j, time=NOW + 2)) == [Found, Known, *kinds(fail(j, time=NOW + 2)[2:])]

    def test_failure_before_the_last_ban_weighs_nothing_more(self) -> None:
        j = jail({"j": History(2, NOW + 5, 120)}, increment=grows(), maxretry=5)
        assert kinds(fail(j)) == [Found]

    def test_formula_without_a_value_leaves_the_jails_time_and_says_so(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120)}, increment=grows(formula="1/(ban.Count-2)"), maxretry=1)
        *_, ban, told = fail(j)
        assert isinstance(ban, Ban)
        assert isinstance(told, Increased)
        assert (ban.duration, ban.count) == (60, 3)
        assert "division by zero" in told.fault

    def test_banned_offender_is_prolonged_by_the_jails_time_only(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120)}, increment=grows(), maxretry=1)
        fail(j)
        assert kinds(fail(j, time=NOW + 100)) == [Found, Known, AlreadyBanned]
        last = fail(j, time=NOW + 200)[-1]
        assert isinstance(last, Prolonged)
        assert last.ban.end == NOW + 260
        assert last.ban.count == 3

    def test_change_of_bantime_moves_no_ban_that_grew(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120)}, increment=grows(), maxretry=1)
        fail(j)
        assert j.set_bantime(600) == []

    def test_change_of_increments_holds_from_the_next_ban(self) -> None:
        j = jail({"j": History(2, NOW - 500, 120)}, maxretry=1)
        j.change(JailSpec("j", HERE, j.spec.filter, maxretry=1, bantime=60, increment=grows(factor="10")), j.filter)
        *_, ban, _ = fail(j)
        assert isinstance(ban, Ban)
        assert ban.duration == 2400

    def test_ban_by_hand_grows_unless_it_says_how_long(self) -> None:
        rows = {"j": History(1, NOW - 500, 120)}
        ban, told = jail(rows, increment=grows()).ban(EVIL, NOW)
        assert isinstance(ban, Ban)
        assert (ban.duration, ban.count, kinds([told])) == (120, 2, [Increased])
        ban, told = jail(rows, increment=grows()).ban(EVIL, NOW, 7)
        assert isinstance(ban, Ban)
        assert (ban.duration, ban.count, ban.own_time) == (7, 2, True)

    def test_ban_for_ever_does_not_grow(self) -> None:
        ban, told = jail({"j": History(1, NOW - 500, -1)}, increment=grows(), bantime=PERMANENT).ban(EVIL, NOW)
        assert isinstance(ban, Ban)
        assert isinstance(told, Increased)
        assert (ban.duration, ban.count, told.base) == (PERMANENT, 2, PERMANENT)


class TestByHand:
    def test_ban_of_who_is_banned_prolongs_that(self) -> None:
        j = jail()
        j.ban(EVIL, NOW)
        assert kinds(j.ban(EVIL, NOW + 10)) == [Prolonged]
        assert kinds(j.ban(EVIL, NOW + 10, 5)) == [AlreadyBanned]
        (effect,) = j.ban(EVIL, NOW + 10, PERMANENT)
        assert isinstance(effect, Prolonged)
        assert (effect.ban.duration, effect.ban.own_time, effect.ban.time) == (PERMANENT, True, NOW)
        assert j.banned_total == 1

    def test_attempt_counts_each_line_and_is_one_failure(self) -> None:
        j = jail(maxretry=5, ignoreip=("198.51.100.1",))
        assert j.attempt(EVIL, ["a", "b"], NOW) == [Found("j", EVIL, NOW, by_hand=True)]
        assert kinds(j.attempt(EVIL, [], NOW)) == [Found]
        _, ban = j.attempt(EVIL, ["c", "d"], NOW)
        assert isinstance(ban, Ban)
        assert (ban.failures, ban.matches, j.counter.total) == (3, ("a", "b", "c", "d"), 3)
        assert kinds(j.attempt("198.51.100.1", [], NOW)) == [Ignored]
        assert kinds(j.attempt("Badger", [], NOW)) == [Found]


class TestPrefixes:
    def test_addresses_of_a_network_count_and_are_banned_as_one(self) -> None:
        j = jail(prefix4=24, prefix6=64)
        assert fail(j, "192.0.2.1") == [Found("j", "192.0.2.0/24", NOW, "192.0.2.1")]
        fail(j, "192.0.2.200")
        _, hit, ban = fail(j, "192.0.2.3")
        assert hit == Collateral("j", "192.0.2.0/24", ("all 256 addresses of the network",), refused=False)
        assert isinstance(ban, Ban)
        assert (ban.id, ban.ip, ban.matches[0]) == ("192.0.2.0/24", "192.0.2.0/24", "fail 192.0.2.1")
        for number in range(3):
            effects = fail(j, f"2001:db8::{number}")
        assert isinstance(effects[-1], Ban)
        assert effects[-1].id == "2001:db8::/64"

    def test_network_with_somebody_spared_in_it_is_not_banned_whole(self) -> None:
        j = jail(prefix4=24, maxretry=1, ignoreip=("192.0.2.77", "198.51.100.0/25"))
        j.allow.owns(["203.0.113.9"])
        j.allow.loaded("list", ["10.1.2.0/30"])
        for key in ("192.0.2.1", "198.51.100.200", "203.0.113.1", "10.1.2.200"):
            assert fail(j, key)[-1] == j.ledger.get(key)
        j.allow.owns([])
        assert fail(j, "203.0.113.1")[-1] == j.ledger.get("203.0.113.0/24")

    def test_raw_ids_and_networks_stay_what_they_are(self) -> None:
        j = jail(prefix4=16, maxretry=1)
        assert fail(j, "Badger")[-1] == j.ledger.get("Badger")
        assert fail(j, "192.0.2.0/24")[-1] == j.ledger.get("192.0.2.0/24")

    def test_unban_of_one_address_lifts_its_network(self) -> None:
        j = jail(prefix4=24, maxretry=1)
        fail(j, "192.0.2.1")
        unban, *_ = j.unban(["192.0.2.9", "192.0.2.1"])
        assert isinstance(unban, Unban)
        assert unban.ban.id == "192.0.2.0/24"


class TestIgnoreCommand:
    def test_failure_waits_for_the_verdict(self) -> None:
        j = jail(ignorecommand="ask", maxretry=1)
        (asked,) = fail(j)
        assert isinstance(asked, Judge)
        assert j.counter.total == 0
        assert j.judged(asked, True, NOW) == [Ignored("j", EVIL, "command")]
        assert kinds(j.judged(asked, False, NOW)) == [Found, Ban]

    def test_allow_list_is_asked_first(self) -> None:
        assert kinds(fail(jail(ignorecommand="ask", ignoreip=(EVIL,)))) == [Ignored]

    def test_verdict_is_kept_and_used_without_a_word(self) -> None:
        j = jail(ignorecommand="ask", ignorecache={"key": "<ip>"})
        (asked,) = fail(j)
        assert isinstance(asked, Judge)
        j.judged(asked, True, NOW)
        assert fail(j, time=NOW + 299) == []
        assert kinds(fail(j, time=NOW + 300)) == [Judge]
        j.judged(asked, False, NOW + 300)
        assert kinds(fail(j, time=NOW + 301)) == [Found]

    def test_restored_ban_holds_until_the_verdict_spares(self) -> None:
        j = jail(ignorecommand="ask")
        (asked,) = j.restore(
            [Remnant(EVIL, NOW, 60, 5, 1, False, EVIL)], lambda ban: replace(ban, matches=("a line",))
        )
        assert isinstance(asked, Judge)
        assert asked.failure.matches == ("a line",)
        assert j.judged(asked, False, NOW) == []
        assert kinds(j.judged(asked, True, NOW)) == [Ignored, Unban]
        assert len(j.ledger) == 0
        assert j.judged(asked, True, NOW) == []


class TestCounting:
    def test_window_counts_exactly_and_can_be_switched_to(self) -> None:
        j = jail(counting="window", maxretry=3, findtime=10.0)
        times = [NOW, NOW + 1, NOW + 11]
        assert [kinds(fail(j, time=time)) for time in times] == [[Found]] * 3  # the rate would ban here
        rate = jail(maxretry=3, findtime=10.0)
        fail(rate, time=NOW)
        fail(rate, time=NOW + 1)
        spec = JailSpec("j", HERE, rate.spec.filter, counting="window", maxretry=3, findtime=10, bantime=60)
        rate.change(spec, rate.filter)
        assert rate.counter.total == 2
        assert kinds(fail(rate, time=NOW + 2)) == [Found, Ban]
