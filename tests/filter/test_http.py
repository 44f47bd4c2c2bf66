"""The type http, option by option; what it says; and that the sieve leaves out nothing that counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.events import SUCCESS, Line
from f2b.filter.build import build
from f2b.filter.over import explain
from f2b.filter.scan import Scanner
from tests.filter.typed import counted, fed, made, request, spec, wrong

LOGIN = request("POST /wp-login.php?u=a%27b+c HTTP/1.1", 403, agent="Scan/1", referer="http://x/", size=500)


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ({}, True),
        ({"methods": "GET POST"}, True),
        ({"methods": "get,post"}, True),
        ({"methods": "GET"}, False),
        ({"paths": "^/a\n^/wp-login\\.php$"}, True),
        ({"paths": "^/WP-LOGIN"}, False),
        ({"paths": "(?i)^/WP-LOGIN"}, True),
        ({"paths": "^/wp login"}, False),
        ({"paths": "^/wp", "excludepaths": "^/wp-admin"}, True),
        ({"paths": "^/wp", "excludepaths": "^/wp-admin\nlogin"}, False),
        ({"query": "a'b c$"}, True),
        ({"query": "%27"}, False),
        ({"status": "403"}, True),
        ({"status": "400-499"}, True),
        ({"status": "400-499, !403"}, False),
        ({"status": "!404"}, True),
        ({"status": "401\n404"}, False),
        ({"referers": "^http://x/$"}, True),
        ({"referers": "^$"}, False),
        ({"agents": "Scan"}, True),
        ({"agents": "scan"}, False),
        ({"agents": "^$"}, False),
        ({"minsize": "500"}, True),
        ({"minsize": "501"}, False),
        ({"minduration": "1"}, False),
        ({"vhosts": "example.org"}, False),
        ({"methods": "POST", "paths": "^/wp", "status": "403", "agents": "Scan"}, True),
        ({"methods": "POST", "paths": "^/wp", "status": "404", "agents": "Scan"}, False),
        ({"paths": ""}, True),
        ({"_variable": "1", "mode": "normal"}, True),
    ],
)
def test_request_when_every_option_holds_then_it_counts(options: dict[str, str], holds: bool) -> None:
    assert counted(made("http", **options), LOGIN) == [int(holds)]


@pytest.mark.parametrize(
    ("vhosts", "host", "holds"),
    [
        ("example.org", "example.org", True),
        ("example.org", "EXAMPLE.org", True),
        ("example.org", "www.example.org", False),
        ("*.example.org", "www.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.b.example.org", False),
        ("www*.example.org a.test", "www2.example.org", True),
        ("www*.example.org a.test", "a.test", True),
    ],
)
def test_vhosts_when_listed_then_a_star_matches_within_a_label(vhosts: str, host: str, holds: bool) -> None:
    line = request()
    text = f"{host}:443 {line.raw}"
    assert counted(made("http", vhosts=vhosts), Line(f"{text}\n", text, line.time)) == [int(holds)]


def test_missing_referer_and_agent_when_asked_for_then_they_are_the_empty_string() -> None:
    line = request(referer="-", agent="-")
    assert counted(made("http", referers="^$", agents="^$"), line) == [1]


def test_duration_when_logged_then_minduration_looks_at_it() -> None:
    tested = made("http", minduration="1.5", logformat='$remote_addr "$request" $request_time')
    lines = [
        Line(f"{text}\n", text, 0.0)
        for text in ('192.0.2.1 "GET / HTTP/1.1" 1.499', '192.0.2.1 "GET / HTTP/1.1" 1.5')
    ]
    assert counted(tested, *lines) == [0, 1]


def test_garbage_when_its_method_is_listed_then_it_counts() -> None:
    tested = made("http", methods="-", paths=r"^\x16\x03")
    assert counted(tested, request(r"\x16\x03\x01", 400), request("SSH-2.0-Go", 400), request()) == [1, 0, 0]


def test_weight_when_given_then_a_request_counts_for_so_much() -> None:
    (failure,) = fed(made("http", weight="5"), [request()])
    assert failure.attempts == 5


def test_okstatus_when_the_same_request_succeeds_then_it_is_a_success() -> None:
    tested = made("http", methods="POST", paths="^/login", status="200", okstatus="302", minsize="5")
    lines = [
        request("POST /login HTTP/1.1", 302, user="ann", size=0),
        request("POST /login HTTP/1.1", 200),
        request("GET / HTTP/1.1", 302),
    ]
    assert [failure.attempts for failure in fed(tested, lines)] == [SUCCESS, 1]
    (success,) = fed(tested, lines[:1])
    assert success.captures["user"] == "ann"


def test_captures_when_a_request_fails_then_the_failure_tells_all() -> None:
    (failure,) = fed(made("http"), [request(user="ann", status=404)])
    assert failure.id == failure.host == "192.0.2.1"
    assert failure.matches == (request(user="ann", status=404).raw,)
    assert failure.captures["user"] == "ann"
    assert failure.captures["path"] == "/"
    assert failure.captures["agent"] == "Mozilla/5.0"


def test_host_when_it_is_a_name_then_it_is_to_be_looked_up() -> None:
    (failure,) = fed(made("http"), [request(host="bot.example")])
    assert failure.unresolved == "bot.example"


@pytest.mark.parametrize(
    "options",
    [
        {"methods": ""} | {"methodes": "GET"},
        {"status": "4xx"},
        {"status": "499-400"},
        {"paths": "("},
        {"minsize": "big"},
        {"minduration": "soon"},
        {"weight": "0"},
        {"trustedproxies": "me"},
    ],
)
def test_option_when_wrong_then_that_is_told_with_its_place(options: dict[str, str]) -> None:
    for problem in wrong("http", **options):
        assert problem.place is not None
        assert problem.cure or "regex" in problem.what


def test_options_when_several_are_wrong_then_all_are_told_with_their_lines() -> None:
    problems = wrong("http", paths="^/a\n(\n)", status="x", what="1")
    assert [problem.place.line for problem in problems if problem.place] == [3, 4, 5, 3]


def test_type_when_unknown_then_the_cure_names_the_one_that_was_meant() -> None:
    (problem,) = wrong("htpp")
    assert "http" in problem.cure


def test_why_when_a_request_is_judged_then_it_names_the_option_that_decides() -> None:
    tested = made("http", methods="POST", status="404")
    said: list[str] = []
    explain(tested, request(status=404), said)
    explain(tested, request("POST / HTTP/1.1", 404), said)
    assert "methods does not hold for 'GET'" in said[0]
    assert "all options hold" in said[1]


ASKED = [
    "/wp-login.php",
    "/%77p-login.php",
    "/WP-login.php",
    "/wp%2Dlogin.php",
    "/%57P%2dLOGIN.php",
    "/a",
    "/login?wp-login",
]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(ASKED), st.sampled_from(["GET", "POST"]), st.sampled_from([200, 403, 404]))),
    st.sampled_from(
        [
            {"methods": "POST", "paths": "wp-login", "status": "403 404"},
            {"paths": "(?i)wp-login"},
            {"paths": "wp-login|^/a", "status": "400-499"},
            {"query": "wp-login", "agents": "(?i)MOZILLA"},
            {"methods": "POST", "status": "403", "okstatus": "200"},
        ]
    ),
)
def test_line_when_it_counts_then_the_sieve_sees_it(
    requests: list[tuple[str, str, int]], options: dict[str, str]
) -> None:
    tested, _ = build(spec("http", **options))
    assert tested
    lines = [request(f"{method} {target} HTTP/1.1", status) for target, method, status in requests]
    chunk = "".join(f"{line.raw}\n" for line in lines).encode()
    scanner = Scanner([tested.needs()], chunk)
    seen = {start for start, _ in scanner.lines(chunk)} if not scanner.always else None
    start = 0
    for line in lines:
        assert seen is None or start in seen or not tested.feed(line)
        start += len(line.raw) + 1


def test_distinct_when_a_path_is_asked_for_again_then_it_counts_once_in_that_time() -> None:
    tested = made("http", status="404", distinct="10m")
    asked = [(0, "/a"), (5, "/a?x=1"), (9, "/%61"), (10, "/b"), (599, "/a"), (600, "/a"), (601, "/a")]
    lines = [request(f"GET {target} HTTP/1.1", 404, at=at) for at, target in asked]
    lines.append(request("GET /a HTTP/1.1", 404, host="192.0.2.2", at=602))
    assert [bool(tested.feed(line)) for line in lines] == [True, False, False, True, False, True, False, True]


def test_distinct_when_a_path_was_there_before_then_its_first_miss_counts() -> None:
    tested = made("http", status="404", distinct="10m")
    assert not tested.feed(request("GET /a HTTP/1.1", 200))
    assert tested.feed(request("GET /a HTTP/1.1", 404, at=1))
