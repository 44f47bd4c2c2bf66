"""Sessions: which lines of one make a failure, and what it carries. The cases were observed with Fail2Ban."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, Text
from f2b.errors import Place
from f2b.events import Failure, Line
from f2b.filter.regex import RegexFilter, compile_filter
from f2b.filter.rule import Source, caught
from f2b.filter.session import LATE, MAX_AGE_S, MAX_SESSIONS, Sessions, merged

PLACE = Place("filter.d/x.conf")
REGEXES = (
    r"^<F-NOFAIL>conn</F-NOFAIL>(?: <ADDR>)?(?: u=<F-USER>\w*</F-USER>)?$",
    r"^bad(?: <ADDR>)?(?: u=<F-USER>\w*</F-USER>)?$",
    r"^<F-MLFGAINED>ok</F-MLFGAINED>(?: <ADDR>)?(?: u=<F-USER>\w*</F-USER>)?$",
    r"^<F-NOFAIL><F-MLFFORGET>close</F-MLFFORGET></F-NOFAIL>(?: <ADDR>)?(?: u=<F-USER>\w*</F-USER>)?$",
    r"^<F-MLFFORGET>abort</F-MLFFORGET>(?: <ADDR>)?(?: u=<F-USER>\w*</F-USER>)?$",
)
A = "192.0.2.1"


def made() -> RegexFilter:
    texts = tuple(Text(regex, PLACE) for regex in REGEXES)
    prefix = Text(r"^s<F-MLFID>\d+</F-MLFID>: <F-CONTENT>.*</F-CONTENT>$", PLACE)
    found, problems = compile_filter(FilterSpec("x", PLACE, failregex=texts, prefregex=prefix))
    assert found is not None, problems
    return found


def fed(tested: RegexFilter, *texts: str, time: float = 1000.0) -> list[list[Failure]]:
    return [list(tested.feed(Line(f"{text}\n", text, time))) for text in texts]


@pytest.mark.parametrize(
    ("texts", "matches"),
    [
        (("conn " + A, "bad u=root", "bad u=root", "close"), [[], [2], [1], []]),
        (("bad u=root", "bad u=adm", "close " + A), [[], [], [3]]),
        (("bad", "close"), [[], []]),
        (("conn " + A, "ok u=bob", "close"), [[], [], []]),
        (("conn " + A, "bad u=bob", "ok u=bob", "close"), [[], [2], [], []]),
        (("conn " + A, "bad u=eve", "ok u=bob", "close"), [[], [2], [1], [1]]),
        (("bad u=bob", "ok u=bob", "close " + A), [[], [], []]),
        (("bad u=bob", f"ok {A} u=bob"), [[], []]),
        (("bad u=bob", f"close {A} u=bob"), [[], [2]]),
        (("ok u=bob", f"bad {A} u=bob"), [[], [2]]),
        (("bad u=bob", f"conn {A} u=eve"), [[], [2]]),
        (("abort " + A,), [[1]]),
        (("close " + A,), [[]]),
    ],
)
def test_session_when_fed_then_reports_these_failures(texts: tuple[str, ...], matches: list[list[int]]) -> None:
    found = fed(made(), *(f"s1: {text}" for text in texts))
    assert [[len(failure.matches) for failure in failures] for failures in found] == matches


def test_failure_when_several_users_were_named_then_lists_them() -> None:
    (failure,) = fed(made(), "s1: bad u=root", "s1: bad u=adm", f"s1: close {A}")[-1]
    assert failure.id == A
    assert failure.captures["user"] == "adm"
    assert failure.captures["users"] == ("root", "adm")


def test_session_when_its_log_went_on_without_it_then_is_forgotten() -> None:
    tested = made()
    fed(tested, f"s1: conn {A}", time=1000.0)
    assert fed(tested, "s1: bad", time=1001.0 + MAX_AGE_S) == [[]]


def test_session_when_too_many_are_open_then_the_oldest_goes() -> None:
    tested = made()
    fed(tested, *(f"s{number}: conn {A}" for number in range(MAX_SESSIONS + 1)))
    assert fed(tested, "s0: bad", f"s{MAX_SESSIONS}: bad")[1]
    assert not fed(tested, "s1: bad")[0]


LINES = st.builds(
    "s{}: {}{}{}".format,
    st.integers(1, 3),
    st.sampled_from(["conn", "bad", "ok", "close", "abort"]),
    st.sampled_from(["", f" {A}", " 192.0.2.2", " 2001:db8::1"]),
    st.sampled_from(["", " u=root", " u=bob", " u="]),
)


@given(st.lists(LINES, max_size=25))
def test_failures_when_sessions_mix_then_carry_lines_of_their_own_session(texts: list[str]) -> None:
    for text, failures in zip(texts, fed(made(), *texts), strict=True):
        for failure in failures:
            session = text.split(":")[0]
            assert failure.matches[-1] == text
            assert all(line.startswith(f"{session}:") for line in failure.matches)


@given(st.lists(LINES, max_size=25))
def test_examination_when_stopping_at_the_first_hit_then_fails_as_feeding_does(texts: list[str]) -> None:
    one, two = made(), made()
    for text in texts:
        line = Line(f"{text}\n", text, 1000.0)
        assert list(one.feed(line)) == two.examine(line, every=False).failures


def sources(texts: list[str]) -> list[Source]:
    """Return how each text is matched."""
    tested = made()
    found: list[Source] = []
    for text in texts:
        prefixed = tested.prefregex.search(text) if tested.prefregex else None
        assert prefixed
        rule, match = next((rule, match) for rule in tested.failregex if (match := rule.search(prefixed["content"])))
        found.append((tested.failregex.index(rule), prefixed, rule, match))
    return found


steps = st.tuples(
    st.sampled_from(["s1", "s1", "s1", "s2", "s3"]),
    st.sampled_from(["conn", "bad", "bad", "ok", "close", "abort"]),
    st.sampled_from(["", f" {A}", f" {A}", " 2001:db8::1"]),
    st.sampled_from(["", " u=", " u=bob", " u=eve"]),
    st.sampled_from([0.0, 0.0, 1.0, MAX_AGE_S + 1]),
)


@given(st.lists(steps, max_size=12), st.sampled_from([1, 1, LATE]))
def test_sessions_when_lines_are_met_then_say_what_they_say_when_all_is_taken_in(
    steps: list[tuple[str, str, str, str, float]], times: int
) -> None:
    steps = steps * times
    texts = [f"{name}: {word}{host}{user}" for name, word, host, user, _ in steps]
    plain, late, now = Sessions(), Sessions(), 1000.0
    for source, text, step in zip(sources(texts), texts, steps, strict=True):
        now += step[-1]
        captures, lines = caught(source), (text,)
        said = plain.add(captures, lines, now)
        if not step[2]:
            assert late.add(captures, lines, now) == said
            continue
        excused, session = late.meet(captures["mlfid"], source, text, now)
        assert excused == (said.excused and not said.failed) == (not said.failed)
        if session is not None and said.failed:
            assert merged(session, lines, True) == said
