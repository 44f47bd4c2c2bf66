"""The regex filter: the order of its steps, whose failure it is, lines that belong together, all faults at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, Text, UseDns
from f2b.errors import Place
from f2b.events import Failure, Line
from f2b.filter.regex import RegexFilter, compile_filter

PLACE = Place("filter.d/x.conf", 3)


def made(
    *failregex: str, ignore: tuple[str, ...] = (), prefix: str = "", usedns: UseDns = "warn", maxlines: int = 1
) -> RegexFilter:
    spec = FilterSpec(
        "x",
        PLACE,
        failregex=tuple(Text(regex, PLACE) for regex in failregex),
        ignoreregex=tuple(Text(regex, PLACE) for regex in ignore),
        prefregex=Text(prefix, PLACE) if prefix else None,
        usedns=usedns,
        maxlines=maxlines,
    )
    found, problems = compile_filter(spec)
    assert found is not None, problems
    return found


def fed(tested: RegexFilter, *texts: str) -> list[Failure]:
    return [failure for text in texts for failure in tested.feed(Line(f"{text}\n", text, 5.0))]


def ids(tested: RegexFilter, *texts: str) -> list[str]:
    return [failure.id for failure in fed(tested, *texts)]


def test_line_when_it_fails_then_the_failure_tells_all() -> None:
    (failure,) = fed(made(r"^ bad <F-USER>\S+</F-USER> from <HOST>$"), " bad bob from 2001:DB8::1")
    assert failure == Failure(
        "2001:db8::1",
        "2001:db8::1",
        5.0,
        (" bad bob from 2001:DB8::1",),
        {"user": "bob", "ip6": "2001:DB8::1"},
    )


@pytest.mark.parametrize(
    ("regex", "text", "usedns", "expected"),
    [
        ("<HOST>$", "example.com", "warn", ("example.com", "example.com", "example.com")),
        ("<HOST>$", "example.com", "raw", ("example.com", "example.com", "")),
        ("<DNS>$", "example.com", "no", None),
        ("<DNS>$", "192.0.2.1", "no", ("192.0.2.1", "192.0.2.1", "")),
        ("<HOST>$", "::ffff:192.0.2.1", "warn", ("192.0.2.1", "192.0.2.1", "")),
        ("<ADDR>$", "::ffff:c000:201", "warn", ("192.0.2.1", "192.0.2.1", "")),
        ("<ADDR>$", "999.0.2.1", "warn", ("999.0.2.1", "999.0.2.1", "")),
        ("<ADDR>/<CIDR>$", "192.0.2.1/24", "warn", ("192.0.2.0/24", "192.0.2.0/24", "")),
        ("<ADDR>/<CIDR>$", "192.0.2.1/33", "warn", ("192.0.2.1", "192.0.2.1", "")),
        ("<ADDR>/<CIDR>$", "192.0.2.1/0", "warn", ("0.0.0.0", "0.0.0.0", "")),
        ("<F-ID/>$", "[2001:DB8::1]", "warn", ("2001:db8::1", None, "")),
        ("<F-ID/>$", "[2001:DB8::1]", "raw", ("[2001:DB8::1]", None, "")),
        ("<F-ID/>$", "[192.0.2.9/24]", "warn", ("192.0.2.0/24", None, "")),
        ("<F-ID/>$", "[bob]", "warn", ("bob", None, "")),
        ("<ADDR> <F-ID/>$", "192.0.2.1 bob", "warn", ("bob", "192.0.2.1", "")),
        ("<HOST> <F-ID/>$", "example.com bob", "warn", ("example.com", "example.com", "example.com")),
        ("<HOST> <F-ID/>$", "example.com bob", "raw", ("bob", "example.com", "")),
        ("a(?:<HOST>)?$", "a", "warn", None),
        (
            "<F-ID>a</F-ID> <F-TUPLE_ID_1>\\S+</F-TUPLE_ID_1>",
            "a b",
            "warn",
            ("('a', 'b')", None, ""),
        ),
    ],
)
def test_match_when_identified_then_it_is_whose(
    regex: str, text: str, usedns: UseDns, expected: tuple[str, str | None, str] | None
) -> None:
    found = fed(made(regex, usedns=usedns), text)
    assert [(one.id, one.host, one.unresolved) for one in found] == ([expected] if expected else [])


def test_alternatives_when_a_capture_is_empty_then_fill_it() -> None:
    tested = made(r"^<ADDR> <F-USER>\w*</F-USER>,<F-ALT_USER_1>\w*</F-ALT_USER_1>,<F-ALT_USER_2>\w*</F-ALT_USER_2>")
    users = [one.captures.get("user") for one in fed(tested, "192.0.2.1 a,b,c", "192.0.2.1 ,,c", "192.0.2.1 ,,")]
    assert users == ["a", "c", ""]


def test_prefix_when_it_has_content_then_only_that_is_searched() -> None:
    tested = made("^<HOST>$", prefix=r"^p(?P<kind>\d): <F-CONTENT>.*</F-CONTENT>$")
    (failure,) = fed(tested, "p1: 192.0.2.1", "192.0.2.2", "x p1: 192.0.2.3", "p1: ")
    assert failure.captures == {"kind": "1", "ip4": "192.0.2.1"}


def test_nofail_when_there_is_no_session_then_it_fails_all_the_same() -> None:
    assert ids(made("<F-NOFAIL>conn</F-NOFAIL> <HOST>"), "conn 192.0.2.1") == ["192.0.2.1"]


def test_ignoreregex_when_few_then_sees_the_whole_line_first() -> None:
    few = made(
        "^a <HOST>", "^b <HOST>", "^c <HOST>", "^d <HOST>", ignore=("^spare",), prefix="^spare (?P<content>.*)"
    )
    assert not ids(few, "spare a 192.0.2.1")
    many = made("^a <HOST>", ignore=("^spare",), prefix="^spare (?P<content>.*)")
    assert ids(many, "spare a 192.0.2.1") == ["192.0.2.1"]


def test_ignoreregex_when_it_hits_then_no_further_regex_is_tried() -> None:
    seen = made("<HOST>", "<ADDR>", ignore=("bob",))
    examined = seen.examine(Line("192.0.2.1 bob\n", "192.0.2.1 bob", 5.0))
    assert (examined.ignored, examined.hits) == (0, [])


def test_examination_when_every_regex_is_asked_then_all_hits_are_told() -> None:
    tested = made("<HOST>", "x", "<ADDR>$", prefix="(?P<fid>.*)")
    line = Line("192.0.2.1\n", "192.0.2.1", 5.0)
    assert [hit.rule for hit in tested.examine(line).hits] == [0, 2]
    assert [hit.rule for hit in tested.examine(line, every=False).hits] == [0]


def test_lines_when_a_regex_spans_them_then_they_leave_the_buffer_but_skipped_ones_stay() -> None:
    tested = made("^a <HOST><SKIPLINES>^b$", maxlines=4)
    found = fed(tested, "a 192.0.2.1", "z", "a 192.0.2.2", "b", "b", "b")
    assert [failure.matches for failure in found] == [("a 192.0.2.1", "b"), ("a 192.0.2.2", "b")]


def test_lines_when_the_first_is_too_old_then_nothing_matches() -> None:
    assert not ids(made("^a <HOST><SKIPLINES>^b$", maxlines=3), "a 192.0.2.1", "y", "z", "b")


def test_lines_when_ignored_then_are_gone_too() -> None:
    tested = made("^a <HOST><SKIPLINES>^b", ignore=("spare",), maxlines=3)
    assert not ids(tested, "a 192.0.2.1", "b spare", "b")


def test_faults_when_several_then_all_are_told_with_their_places() -> None:
    spec = FilterSpec(
        "x",
        PLACE,
        failregex=(Text("(", Place("f", 1)), Text("no id", Place("f", 2)), Text("<HOST>", Place("f", 3))),
        ignoreregex=(Text("[", Place("f", 4)), Text("", Place("f", 5))),
    )
    found, problems = compile_filter(spec)
    assert found is None
    assert [str(problem.place) for problem in problems] == ["f:1", "f:2", "f:4", "f:5"]
    assert all(problem.severity == "error" for problem in problems)


PARTS = st.sampled_from(
    ["a ", "b", "\0", "\r", "192.0.2.1", "::", "2001:db8::1/0", "[", "]", "é", "\u2028", " u=x", "9."]
)


@given(st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=12), st.sampled_from(["yes", "no", "raw"]))
def test_lines_when_they_are_anything_then_nothing_raises(texts: list[str], usedns: UseDns) -> None:
    regexes = (r"<F-MLFID>a</F-MLFID>.*<HOST>(?: u=<F-USER>.*</F-USER>)?", r"<F-ID/><SKIPLINES>b", r"b.*<SUBNET>")
    for maxlines in (1, 3):
        for failure in fed(made(*regexes, usedns=usedns, maxlines=maxlines), *texts):
            assert failure.id
            assert failure.matches
