"""What a jail remembers of its latest failures."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.ban.history import History, Past
from f2b.config.model import FilterSpec, Increment, JailSpec, Text
from f2b.errors import Place
from f2b.events import SUCCESS, Failure, Judge, Line
from f2b.filter.build import build
from f2b.jail import Jail
from f2b.trace import LONGEST, Step, Trace

HERE = Place("test")
NOW = 1795255500.0
EVIL = "203.0.113.5"


def jail(past: Past | None = None, **options: object) -> Jail:
    spec = FilterSpec("app", HERE, failregex=(Text(r"^ failure from <HOST>(?: .*)?$", HERE),))
    made, problems = build(spec)
    assert made is not None, problems
    settings: dict[str, object] = {"maxretry": 3, "bantime": 600, "ignoreself": False, **options}
    return Jail(JailSpec("app", HERE, spec, **settings), made, past)  # type: ignore[arg-type]  # options by name


def fail(tested: Jail, *hosts: str, time: float | None = NOW) -> list[Step]:
    for number, host in enumerate(hosts):
        when = None if time is None else time + number
        tested.feed(
            Line(f" failure from {host}\n", f"DATE failure from {host}", when), NOW + number, when is not None
        )
    return tested.trace.steps()


def says(steps: Sequence[Step]) -> list[tuple[str, int]]:
    return [(step.what, step.tally) for step in steps]


def test_trace_when_failures_come_then_it_tells_the_count_up_to_the_ban() -> None:
    tested = jail()
    steps = fail(tested, *[EVIL] * 4, "192.0.2.9")
    assert says(steps) == [("counted", 1), ("counted", 2), ("banned", 0), ("counted", 1), ("counted", 1)]
    assert steps[0].lines == (f"DATE failure from {EVIL}",)
    assert (steps[0].read, steps[0].time, steps[0].id) == (NOW, NOW, EVIL)


def test_trace_when_somebody_is_spared_then_it_says_by_what() -> None:
    tested = jail(ignoreip=("192.0.2.0/24",), protect=("198.51.100.1",), maxretry=1)
    steps = fail(tested, "192.0.2.1", "198.51.100.1")
    assert [(step.what, step.why) for step in steps] == [("ignored", "ip"), ("spared", "it stands in protect")]


def test_trace_when_a_line_has_no_date_then_every_failure_says_so() -> None:
    assert says(fail(jail(), EVIL, EVIL, time=None)) == [("undated", 0)] * 2


def test_trace_when_a_name_has_no_address_then_it_says_so() -> None:
    tested = jail()
    fail(tested, "evil.example")
    failure = Failure("evil.example", None, NOW, ("x",), {}, unresolved="evil.example")
    tested.resolved(failure, (), NOW)
    assert [step.what for step in tested.trace.steps()] == ["asked for addresses", "nameless"]
    tested.resolved(failure, (EVIL,), NOW)
    assert tested.trace.steps()[-1].id == EVIL


def test_trace_when_a_command_decides_then_question_and_answer_are_kept() -> None:
    tested = jail(ignorecommand="x")
    asked = tested.feed(Line(f" failure from {EVIL}\n", "raw", NOW), NOW, True)[0]
    assert isinstance(asked, Judge)
    tested.judged(asked, True, NOW)
    assert [step.what for step in tested.trace.steps()] == ["asked ignorecommand", "ignored"]


def test_trace_when_addresses_count_together_then_it_names_the_network() -> None:
    assert fail(jail(prefix4=24), EVIL)[0].counted == "203.0.113.0/24"


def test_trace_when_somebody_was_banned_before_then_his_failure_weighs_more() -> None:
    past = Past(lambda key: {"app": History(2, NOW - 3600, 600)})
    tested = jail(past, increment=Increment(enabled=True), maxretry=5)
    assert fail(tested, EVIL)[0].attempts == tested.worth(EVIL, NOW) == 3
    assert tested.prospect(EVIL, NOW).duration == 2400
    assert len(tested.ledger) == 0


def test_trace_when_full_then_the_oldest_go_and_none_is_kept_if_so_wished() -> None:
    tested = jail(explainlines=2)
    assert [step.id for step in fail(tested, "192.0.2.1", "192.0.2.2", "192.0.2.3")] == ["192.0.2.2", "192.0.2.3"]
    tested.trace.keep(1)
    assert [step.id for step in tested.trace.steps()] == ["192.0.2.3"]
    assert not fail(jail(explainlines=0), EVIL)


def test_trace_when_lines_are_long_or_many_then_it_keeps_the_end_of_them() -> None:
    trace, tested = Trace(5), jail()
    lines = tuple(f"{number}{'x' * 1000}" for number in range(9))
    trace.note(Failure(EVIL, EVIL, NOW, lines, {}), [], NOW, tested.counter)
    kept = trace.steps()[0].lines
    assert [line[0] for line in kept] == list("45678")
    assert {len(line) for line in kept} == {LONGEST}


def test_trace_when_a_success_clears_nothing_then_it_is_no_news() -> None:
    tested = jail()
    tested.trace.note(Failure(EVIL, EVIL, NOW, ("x",), {}, SUCCESS), [], NOW, tested.counter)
    assert not len(tested.trace)
