"""A jail's decisions: times, allow list, counting, bans, prolonging, unbans. Time is handed in throughout."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from f2b.ban.packed import Remnant
from f2b.config.model import FilterSpec, JailSpec, Text
from f2b.errors import Place
from f2b.events import (
    PERMANENT,
    SUCCESS,
    AlreadyBanned,
    Ban,
    Effect,
    Expired,
    Failure,
    Forget,
    Forgiven,
    Found,
    Held,
    Ignored,
    Judge,
    Line,
    Prolonged,
    Resolve,
    Unban,
    Warned,
)
from f2b.jail import PURGE_S, Jail
from f2b.runaway import Runaway
from f2b.value import replace

HERE = Place("test")
NOW = 1_700_000_000.0


class Words:
    """A filter for lines `fail ID` and `fail-name NAME`."""

    def needs(self) -> None:
        """Every line may matter."""

    def feed(self, line: Line) -> Sequence[Failure]:
        verb, _, key = line.text.strip().partition(" ")
        if verb == "fail":
            return (Failure(key, key, line.time, (line.raw,), {"user": "root"}),)
        if verb == "fail-name":
            return (Failure(key, None, line.time, (line.raw,), {}, unresolved=key),)
        return ()


def jail(**options: object) -> Jail:
    defaults: dict[str, object] = {"maxretry": 3, "findtime": 600.0, "bantime": 300.0}
    spec = JailSpec("j", HERE, FilterSpec("words", HERE), **(defaults | options))  # type: ignore[arg-type] # kwargs
    made = Jail(spec, Words())
    made.allow.owns(["10.0.0.1"])
    return made


def line(text: str, time: float | None = NOW) -> Line:
    return Line(text + "\n", text, time)


def fail(of: Jail, key: str, time: float | None, now: float | None = None, live: bool = True) -> list[Effect]:
    return of.feed(line(f"fail {key}", time), (time or NOW) if now is None else now, live)


def kinds(effects: Sequence[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


def test_feed_the_line_that_reaches_maxretry_bans_at_once() -> None:
    j = jail()
    assert kinds(fail(j, "192.0.2.1", NOW)) == [Found]
    assert kinds(fail(j, "192.0.2.1", NOW + 1)) == [Found]
    found, ban = fail(j, "192.0.2.1", NOW + 2)
    assert found == Found("j", "192.0.2.1", NOW + 2)
    assert isinstance(ban, Ban)
    assert (ban.id, ban.time, ban.end, ban.failures) == ("192.0.2.1", NOW + 2, NOW + 302, 3)
    assert ban.matches == ("fail 192.0.2.1",) * 3
    assert ban.captures == {"user": "root"}
    assert j.banned_total == 1


def test_ban_when_a_capture_is_huge_then_16_kib_of_it_are_kept() -> None:
    j = jail(maxretry=2)
    for _ in range(2):
        effects = j._judge(Failure("192.0.2.1", "192.0.2.1", NOW, ("l" * 1_000_000,), {"user": "u" * 1_000_000}), NOW)
    _, ban = effects
    assert isinstance(ban, Ban)
    assert ban.captures == {"user": "u" * 16_384}
    assert ban.matches == ("l" * 16_384,) * 2


def test_tick_at_the_end_of_the_ban_lets_go() -> None:
    j = jail(maxretry=1)
    fail(j, "192.0.2.1", NOW)
    assert j.tick(NOW + 299) == []
    (unban,) = j.tick(NOW + 300)
    assert unban.ban.id == "192.0.2.1"
    assert not unban.forget
    assert len(j.ledger) == 0


def test_feed_when_banned_prolongs_from_the_new_failure() -> None:
    j = jail(maxretry=1)
    fail(j, "192.0.2.1", NOW)
    _, effect = fail(j, "192.0.2.1", NOW + 100)
    assert isinstance(effect, Prolonged)
    assert effect.ban.end == NOW + 400
    assert effect.after == 100
    assert j.tick(NOW + 300) == []
    assert kinds(j.tick(NOW + 400)) == [Unban]


def test_feed_when_banned_for_ever_is_told_only() -> None:
    j = jail(maxretry=1, bantime=float(PERMANENT))
    fail(j, "192.0.2.1", NOW)
    assert kinds(fail(j, "192.0.2.1", NOW + 100)) == [Found, AlreadyBanned]
    assert j.tick(NOW + 1e9) == []


@pytest.mark.parametrize(
    ("key", "by"), [("127.0.0.1", "ip"), ("192.0.2.7", "ip"), ("10.0.0.1", "ignoreself rule"), ("192.0.3.7", None)]
)
def test_feed_of_the_allowed_is_neither_found_nor_counted(key: str, by: str | None) -> None:
    j = jail(maxretry=1, ignoreip=("127.0.0.0/8", "192.0.2.0/24"))
    effects = fail(j, key, NOW)
    if by:
        assert effects == [Ignored("j", key, by)]
        assert j.counter.total == 0
    else:
        assert kinds(effects) == [Found, Ban]


def test_feed_a_host_name_asks_for_its_addresses_and_each_counts() -> None:
    j = jail(maxretry=1)
    (effect,) = j.feed(line("fail-name bad.example.org"), NOW, True)
    assert isinstance(effect, Resolve)
    assert effect.name == "bad.example.org"
    banned = [e.id for e in j.resolved(effect.failure, ["192.0.2.1", "2001:db8::1"], NOW) if isinstance(e, Ban)]
    assert banned == ["192.0.2.1", "2001:db8::1"]
    assert j.resolved(effect.failure, [], NOW) == []


class TestTimes:
    def test_scan_skips_lines_older_than_findtime_and_says_so_once(self) -> None:
        j = jail(maxretry=1)
        assert kinds(fail(j, "192.0.2.1", NOW - 601, NOW, live=False)) == [Warned]
        assert fail(j, "192.0.2.1", NOW - 601, NOW, live=False) == []

    def test_scan_counts_from_the_date_of_the_line(self) -> None:
        j = jail(maxretry=1)
        _, ban = fail(j, "192.0.2.1", NOW - 100, NOW, live=False)
        assert isinstance(ban, Ban)
        assert ban.end == NOW + 200

    def test_scan_of_a_ban_that_would_be_over_does_nothing(self) -> None:
        j = jail(maxretry=1)
        assert kinds(fail(j, "192.0.2.1", NOW - 400, NOW, live=False)) == [Found, Expired]
        assert len(j.ledger) == 0

    def test_scan_counts_a_date_to_come_as_now(self) -> None:
        _, ban = fail(jail(maxretry=1), "192.0.2.1", NOW + 3600, NOW, live=False)
        assert isinstance(ban, Ban)
        assert ban.time == NOW

    def test_scan_drops_a_match_without_date(self) -> None:
        j = jail(maxretry=1)
        assert kinds(fail(j, "192.0.2.1", None, NOW, live=False)) == [Warned]
        assert j.counter.total == 0

    @pytest.mark.parametrize("offset", [-7200, -61, 61, 7200])
    def test_live_line_with_an_odd_date_counts_as_now(self, offset: int) -> None:
        effects = fail(jail(maxretry=1), "192.0.2.1", NOW + offset, NOW)
        assert kinds(effects) == [Warned, Found, Ban]
        assert effects[1] == Found("j", "192.0.2.1", NOW)

    def test_live_line_a_minute_off_keeps_its_date(self) -> None:
        assert fail(jail(), "192.0.2.1", NOW - 60, NOW) == [Found("j", "192.0.2.1", NOW - 60)]

    def test_live_line_without_date_counts_as_now(self) -> None:
        assert fail(jail(), "192.0.2.1", None, NOW) == [Found("j", "192.0.2.1", NOW)]


class TestByHand:
    def test_ban_asks_no_allow_list_and_takes_its_own_time(self) -> None:
        j = jail(ignoreip=("192.0.2.1",))
        (ban,) = j.ban("192.0.2.1", NOW, 60)
        assert isinstance(ban, Ban)
        assert (ban.end, ban.failures) == (NOW + 60, 0)

    def test_unban_lifts_forgets_and_starts_from_zero(self) -> None:
        j = jail(maxretry=2)
        fail(j, "192.0.2.1", NOW)
        fail(j, "192.0.2.1", NOW)
        fail(j, "192.0.2.1", NOW)
        unban, *_ = j.unban(["192.0.2.0/24"])
        assert isinstance(unban, Unban)
        assert unban.forget
        assert kinds(fail(j, "192.0.2.1", NOW)) == [Found]

    def test_unban_of_all_lifts_all(self) -> None:
        j = jail()
        for key in ("192.0.2.1", "someone", "2001:db8::1"):
            j.ban(key, NOW)
        assert [unban.ban.id for unban in j.unban(None) if isinstance(unban, Unban)] == [
            "192.0.2.1",
            "someone",
            "2001:db8::1",
        ]

    def test_set_bantime_moves_running_bans_without_own_time(self) -> None:
        j = jail()
        j.ban("192.0.2.1", NOW)
        j.ban("192.0.2.2", NOW, 1000)
        (effect,) = j.set_bantime(50)
        assert isinstance(effect, Prolonged)
        assert effect.ban.id == "192.0.2.1"
        assert [unban.ban.id for unban in j.tick(NOW + 50)] == ["192.0.2.1"]


def test_restore_takes_over_all_but_the_allowed() -> None:
    j = jail(ignoreip=("192.0.2.2",))
    effects = j.restore([Remnant(who, NOW, 300, 0, 1, False, who) for who in ("192.0.2.1", "192.0.2.2")])
    assert effects == [Ignored("j", "192.0.2.2", "ip")]
    assert list(j.ledger) == [Ban("j", "192.0.2.1", NOW, 300, host="192.0.2.1", restored=True)]
    assert j.banned_total == 1
    assert kinds(j.tick(NOW + 300)) == [Unban]


def test_change_of_the_specification_keeps_bans_and_counters() -> None:
    j = jail(maxretry=3)
    fail(j, "192.0.2.1", NOW)
    j.ban("192.0.2.9", NOW)
    changed = jail(maxretry=2, bantime=100.0).spec
    assert kinds(j.change(changed, Words())) == [Prolonged]
    assert kinds(fail(j, "192.0.2.1", NOW)) == [Found, Ban]
    assert len(j.ledger) == 2


class TestLift:
    """Bans lifted on another host's word."""

    @pytest.mark.parametrize(("before", "lifted"), [(NOW - 1, False), (NOW, True), (NOW + 1, True)])
    def test_ban_when_it_is_later_than_the_word_then_it_stays(self, before: float, lifted: bool) -> None:
        j = jail()
        fail(j, "192.0.2.1", NOW)
        (ban,) = j.ban("192.0.2.1", NOW)
        assert isinstance(ban, Ban)
        assert j.lift("192.0.2.1", before, "fleet") == ([Unban(ban, forget=True, by="fleet")] if lifted else [])
        assert len(j.ledger) == (0 if lifted else 1)
        assert len(j.counter) == (0 if lifted else 1)

    def test_ban_when_it_stands_on_a_list_or_there_is_none_then_nothing_is_lifted(self) -> None:
        j = jail()
        j.hold(["192.0.2.1"], NOW)
        assert j.lift("192.0.2.1", NOW + 1, "fleet") == []
        assert j.lift("192.0.2.2", NOW + 1, "fleet") == []
        assert len(j.ledger) == 1


def test_list_when_the_allow_list_wants_some_of_it_then_they_are_not_held() -> None:
    j = jail(ignoreip=("192.0.2.1", "198.51.100.7"))
    (held,) = j.hold(["192.0.2.1", "192.0.2.2", "198.51.100.0/24", "203.0.113.0/24"], NOW)
    assert isinstance(held, Held)
    assert [ban.id for ban in held.came] == ["192.0.2.2", "203.0.113.0/24"]
    assert (held.total, held.spared) == (2, 2)


def test_tick_when_the_clock_went_back_then_what_is_old_is_forgotten_all_the_same() -> None:
    j = jail(findtime=10.0)
    j.tick(NOW)
    fail(j, "192.0.2.1", NOW - 5000)
    j.tick(NOW + PURGE_S - 1)
    assert len(j.counter) == 1
    j.tick(NOW + PURGE_S)
    assert len(j.counter) == 0
    fail(j, "192.0.2.1", NOW - 5000)
    j.tick(NOW - 4000)
    assert len(j.counter) == 0


def test_release_when_a_ban_is_over_then_it_ends_and_no_count_is_forgotten() -> None:
    j = jail(findtime=10.0)
    fail(j, "192.0.2.2", NOW)
    j.ban("192.0.2.1", NOW)
    assert j.release(NOW + 299) == []
    assert [unban.ban.id for unban in j.release(NOW + 300)] == ["192.0.2.1"]
    assert len(j.counter) == 1


def test_scan_of_a_line_when_nobody_read_for_a_while_then_it_is_new_by_so_much_longer() -> None:
    j = jail()
    assert kinds(fail(j, "192.0.2.1", NOW - 600, NOW, live=False)) == [Found]
    assert kinds(fail(j, "192.0.2.1", NOW - 601, NOW, live=False)) == [Warned]
    j.gap_s = 100.0
    assert kinds(fail(j, "192.0.2.1", NOW - 700, NOW, live=False)) == [Found]


def test_known_offender_when_he_is_asked_about_then_it_is_said_what_a_failure_weighs() -> None:
    j = jail()
    assert j.worth("192.0.2.1", NOW) == 1
    assert j.why_spared("10.0.0.1") == "ignoreself rule"
    assert j.why_spared("192.0.2.1") == ""
    assert j.counted_as("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("prefix4", "prefix6", "expected"),
    [
        (32, 128, ["192.0.2.1", "2001:db8::1", "bob", "a:b"]),
        (24, 128, ["192.0.2.0/24", "2001:db8::1", "bob", "a:b"]),
        (32, 64, ["192.0.2.1", "2001:db8::/64", "bob", "a:b"]),
        (24, 64, ["192.0.2.0/24", "2001:db8::/64", "bob", "a:b"]),
    ],
)
def test_ids_when_networks_count_as_one_then_only_addresses_of_that_family_do(
    prefix4: int, prefix6: int, expected: list[str]
) -> None:
    j = jail(prefix4=prefix4, prefix6=prefix6)
    assert [j.counted_as(key) for key in ("192.0.2.1", "2001:db8::1", "bob", "a:b")] == expected


class Listening(Words):
    """A filter that fails whoever another jail finds."""

    listens = frozenset({"other"})

    def hear(self, event: Found | Ban) -> Sequence[Failure]:
        return (Failure(event.id, event.id, event.time, (), {}),)


def test_failures_of_another_jail_when_the_filter_listens_to_it_then_they_count() -> None:
    listening = Jail(jail().spec, Listening())
    assert kinds(listening.hear(Found("other", "192.0.2.1", NOW), NOW)) == [Found]
    assert listening.hear(Found("third", "192.0.2.1", NOW), NOW) == []
    assert jail().hear(Found("other", "192.0.2.1", NOW), NOW) == []


def test_network_when_somebody_in_it_is_allowed_then_it_is_spared() -> None:
    j = jail(ignoreip=("198.51.100.7",))
    assert [j.why_spared(key) for key in ("198.51.100.0/24", "192.0.2.0/24", "198.51.100.7")] == ["ip", "", "ip"]


def test_unban_of_several_when_only_some_are_banned_then_the_others_are_forgotten() -> None:
    j = jail()
    (ban,) = j.ban("192.0.2.1", NOW)
    assert isinstance(ban, Ban)
    assert j.unban(["192.0.2.1", "192.0.2.9"]) == [Unban(ban, forget=True), Forget("j", "192.0.2.9")]


class Slow:
    """A pattern that ran away."""

    def rest(self) -> None:
        """Search no more."""

    def wake(self) -> None:
        """Search again."""


def test_change_when_the_filter_stays_then_what_ran_away_is_remembered() -> None:
    j, runaway = jail(), Runaway()
    runaway.culprit = Slow()
    j.lose(runaway, "line", NOW)
    j.change(j.spec, j.filter)
    assert j.patience.total == 1
    j.change(j.spec, Words())
    assert j.patience.total == 0


def test_change_when_verdicts_are_kept_otherwise_then_they_are_asked_anew() -> None:
    cache = {"key": "<ip>"}
    j = jail(ignorecommand="true", ignorecache=cache)
    (asked,) = fail(j, "192.0.2.1", NOW)
    assert isinstance(asked, Judge)
    j.judged(asked, True, NOW)
    j.change(jail(ignorecommand="true", ignorecache=cache, maxretry=9).spec, j.filter)
    assert fail(j, "192.0.2.1", NOW) == []
    j.change(jail(ignorecommand="true", ignorecache={"key": "<ip> "}).spec, j.filter)
    assert kinds(fail(j, "192.0.2.1", NOW)) == [Judge]


class Forgiving(Words):
    """A filter that knows logins, too: lines `ok ID`."""

    def feed(self, line: Line) -> Sequence[Failure]:
        verb, _, key = line.text.strip().partition(" ")
        return (Failure(key, key, line.time, (), {}, SUCCESS),) if verb == "ok" else super().feed(line)


def test_change_when_the_filter_knows_successes_from_now_on_then_they_forgive() -> None:
    j, knows = jail(), FilterSpec("words", HERE, options={"okregex": Text("ok", HERE)})
    spec = replace(j.spec, filter=knows)
    for _ in range(2):  # the second time nothing changes
        j.change(spec, Forgiving())
        fail(j, "192.0.2.1", NOW)
    j.change(spec, j.filter)
    forgiven = j.feed(line("ok 192.0.2.1"), NOW, True)[-1]
    assert isinstance(forgiven, Forgiven)
    assert forgiven.failures == 2
    j.change(jail().spec, j.filter)
    fail(j, "192.0.2.1", NOW)
    assert Forgiven not in kinds(j.feed(line("ok 192.0.2.1"), NOW, True))
