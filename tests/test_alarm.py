"""A search that runs away is ended, wherever a user's regex is searched; nothing else is ever touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from f2b.alarm import TICK_S, Alarm
from f2b.config.model import FilterSpec, JailSpec, Text
from f2b.date.reader import DateReader
from f2b.engine import Engine
from f2b.errors import Place
from f2b.events import Effect, Failure, Line, RanAway
from f2b.filter.regex import RegexFilter, compile_filter
from f2b.filter.rule import LONG
from f2b.jail import Jail
from f2b.runaway import TIMES, Runaway

HERE = Place("a.conf", 7)
NOW = 1_600_000_000.0
EVIL = "(a+)+b"
"""Takes 2^n steps on n times `a`."""


@pytest.fixture(autouse=True)
def alarm() -> Iterator[Alarm]:
    made = Alarm()
    made.set()
    yield made
    made.off()


def a_filter(
    failregex: str = "^ bad <HOST>", prefregex: str = "", ignoreregex: str = "", maxlines: int = 1
) -> RegexFilter:
    spec = FilterSpec(
        "test",
        HERE,
        failregex=tuple(Text(one, HERE) for one in failregex.split("\n")),
        ignoreregex=tuple(Text(one, HERE) for one in ignoreregex.split("\n") if one),
        prefregex=Text(prefregex, HERE) if prefregex else None,
        maxlines=maxlines,
    )
    made, problems = compile_filter(spec)
    assert made is not None, problems
    return made


def line(text: str) -> Line:
    return Line(f" {text}\n", text, NOW)


def computed(call: Callable[[], object]) -> float:
    """Return the seconds of computing that a call took until it gave up."""
    start = time.process_time()
    with pytest.raises(Runaway):
        call()
    return time.process_time() - start


RUNAWAYS = [
    a_filter(f"^ {EVIL} <HOST>"),
    a_filter(f"{EVIL} <HOST>"),
    a_filter(f"^ bad <HOST>\n^ {EVIL} <HOST>"),
    a_filter(prefregex=f"^ {EVIL} <F-CONTENT>.+</F-CONTENT>"),
    a_filter("^ <HOST> x\n^ bad <HOST>\n^ a <HOST>\n^ b <HOST>", ignoreregex=f"^ {EVIL}"),
    a_filter(f"^ {EVIL} <HOST>", maxlines=5),
]


@pytest.mark.parametrize("tested", RUNAWAYS, ids=lambda one: str(one.prefregex or one.failregex[-1]))
def test_filter_when_a_regex_runs_away_then_it_is_ended_and_named_and_the_next_line_counts(
    tested: RegexFilter,
) -> None:
    with pytest.raises(Runaway) as caught:
        tested.feed(line("a" * 60))
    assert EVIL in str(caught.value.culprit)
    assert "a.conf:7" in str(caught.value.culprit)
    if tested.prefregex is None and "bad" in tested.failregex[0].text.value:
        assert [one.id for one in tested.feed(line("bad 192.0.2.1"))] == ["192.0.2.1"]


def test_search_when_it_runs_away_then_it_is_ended_soon() -> None:
    tested = a_filter(f"^ {EVIL} <HOST>")
    assert TICK_S < computed(lambda: tested.feed(line("a" * 60))) < 2


@pytest.mark.parametrize(
    "pattern", ["a.*b.*c.*<HOST>", "(?:a.*)+ <ADDR>", "^ .*a.*b.*c <HOST>", "(?m)^ .*a.*b.*c <HOST>"]
)
def test_long_line_when_a_regex_takes_more_than_linear_time_then_it_is_ended(pattern: str) -> None:
    """Here `re` may look at signals too seldom: one start of a match after the other is tried."""
    tested = a_filter(pattern)
    text = "a b " * 250_000
    assert len(text) > LONG
    assert computed(lambda: tested.feed(line(text))) < 20


@pytest.mark.parametrize(
    "pattern", ["bad <HOST>", "^ x* bad <HOST>$", "(?m)^ (?:bad|x+ bad) <HOST>$|^y", " bad <HOST>$"]
)
def test_long_line_when_a_regex_is_harmless_then_it_finds_the_same(pattern: str) -> None:
    tested = a_filter(pattern)
    long = line("x" * 2 * LONG + " bad 192.0.2.1")
    match = tested.failregex[0].search(long.text)
    assert match is not None
    (failure,) = tested.feed(long)
    assert failure == Failure("192.0.2.1", "192.0.2.1", NOW, (long.raw,), {"ip4": "192.0.2.1"})


@pytest.mark.parametrize("pattern", [f"^{EVIL} %Y", f"{EVIL} %Y-%m-%d", f"^x|{EVIL}%Y"])
def test_date_pattern_when_it_runs_away_then_it_is_ended_and_named(pattern: str) -> None:
    reader = DateReader((pattern,))
    with pytest.raises(Runaway) as caught:
        reader.read("a" * 60, NOW)
    assert EVIL in str(caught.value.culprit)
    assert reader.read("x y", NOW) is None or "^x" in pattern


def test_other_work_when_it_takes_long_then_nothing_interrupts_it() -> None:
    """Not even between two searches of the kind that may be interrupted."""
    tested = a_filter()
    start = time.process_time()
    while time.process_time() - start < 8 * TICK_S:
        assert tested.feed(line("bad 192.0.2.1"))
        sum(range(10_000))
    assert a_filter(f"^ {EVIL} <HOST>").failregex[0].search(" " + "a" * 22) is None


def test_multiline_filter_when_a_search_was_ended_then_its_buffer_is_whole() -> None:
    tested = a_filter(f"^ start\\n(?:.*\\n)*? end <HOST>$\n {EVIL} <HOST>", maxlines=3)
    tested.feed(line("start"))
    with pytest.raises(Runaway):
        tested.feed(line("a" * 60))
    (failure,) = tested.feed(line("end 192.0.2.1"))
    assert failure.matches == ("start", "a" * 60, "end 192.0.2.1")


def test_engine_when_a_regex_runs_away_then_other_jails_read_the_line_and_the_regex_rests() -> None:
    engine = Engine()
    for name, failregex in (("bad", f"^ {EVIL} <HOST>\n^ fail <HOST>"), ("good", "^ a+ <HOST>")):
        spec = FilterSpec("test", HERE, failregex=tuple(Text(one, HERE) for one in failregex.split("\n")))
        found, problems = compile_filter(spec)
        assert found is not None, problems
        engine.add(Jail(JailSpec(name, HERE, spec, maxretry=1), found))
        engine.listen("log", name)

    def fed(text: str, now: float) -> list[Effect]:
        return engine.feed("log", f"{int(NOW)} {text}\n".encode(), now, live=True)

    lost: list[RanAway] = []
    for number in range(TIMES):
        effects = fed(f"{'a' * 60} 192.0.2.{number}", NOW)
        lost += [one for one in effects if isinstance(one, RanAway)]
        assert engine.jails["good"].ledger.get(f"192.0.2.{number}")
    assert [one.jail for one in lost] == ["bad"] * TIMES
    assert [one.rests for one in lost] == [False] * (TIMES - 1) + [True]
    assert EVIL in engine.jails["bad"].patience.resting()
    fed("fail 198.51.100.1", NOW)
    assert engine.jails["bad"].ledger.get("198.51.100.1")  # the other regex goes on
    engine.tick(NOW + 60)
    assert not engine.jails["bad"].patience.resting()
