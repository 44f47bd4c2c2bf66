"""The files that types judge by: read, read again when they change, and told when they are not there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from f2b.daemon.reference import Reference
from f2b.events import Failure
from f2b.filter import Filter
from f2b.filter.build import build
from tests.daemon.geoip import country, operator, write
from tests.filter.typed import LOGIN, PLACE, bad, fed, made, request, spec

RFC_SIMPLE = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""
"""RFC 9309, 5.1."""
RFC_LONGEST = """
User-Agent: foobot
Allow: /example/page/
Disallow: /example/page/disallowed.gif
"""
"""RFC 9309, 5.2."""


def ready(tested: Filter) -> Filter:
    """Return a filter with all its files read."""
    assert not Reference(lambda level, text: None).refresh(tested)
    return tested


def ids(failures: Sequence[Failure]) -> list[str]:
    """Return whose failures they are."""
    return [failure.id for failure in failures]


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    return write(
        tmp_path / "c.mmdb",
        {
            "192.0.2.0/24": country("BR", "SA"),
            "198.51.100.0/24": country("DE", "EU"),
            "2001:db8::/32": country("FR", "EU"),
            "203.0.113.0/28": {"registered_country": {"iso_code": "US"}},
            "10.0.0.0/8": country("BR", "SA"),
        },
    )


HOSTS = [
    "192.0.2.1",
    "198.51.100.1",
    "2001:db8::1",
    "203.0.113.1",
    "203.0.113.99",
    "10.0.0.1",
    "127.0.0.1",
    "fe80::1",
]


@pytest.mark.parametrize(
    ("options", "failed"),
    [
        ({"allow": "DE FR US"}, ["192.0.2.1", "203.0.113.99"]),
        ({"allow": "de,fr,us", "unknown": "pass"}, ["192.0.2.1"]),
        ({"allow": "continent:EU"}, ["192.0.2.1", "203.0.113.1", "203.0.113.99"]),
        ({"deny": "BR"}, ["192.0.2.1"]),
        ({"deny": "BR", "unknown": "fail"}, ["192.0.2.1", "203.0.113.99"]),
        ({"deny": "continent:eu\nUS"}, ["198.51.100.1", "2001:db8::1", "203.0.113.1"]),
    ],
)
def test_geo_when_a_failure_comes_from_somewhere_then_the_list_decides(
    options: dict[str, str], failed: list[str], countries: Path
) -> None:
    tested = ready(made("geo", LOGIN, database=str(countries), **options))
    assert ids(fed(tested, map(bad, HOSTS))) == failed


def test_geo_when_a_failure_passes_then_country_and_continent_are_fields(countries: Path) -> None:
    (failure,) = fed(ready(made("geo", LOGIN, database=str(countries), deny="BR")), [bad()])
    assert failure.captures["country"] == "BR"
    assert failure.captures["continent"] == "SA"
    assert failure.captures["user"] == "bob"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"allow": "DE", "deny": "BR"},
        {"allow": "Germany"},
        {"deny": "continent:XX"},
        {"allow": "DE", "unknown": "x"},
    ],
)
def test_geo_when_its_list_is_wrong_then_that_is_an_error(options: dict[str, str]) -> None:
    found, problems = build(spec("geo", LOGIN, **options))
    assert found is None
    assert all(problem.place for problem in problems)


@pytest.fixture
def operators(tmp_path: Path) -> Path:
    return write(
        tmp_path / "a.mmdb",
        {
            "192.0.2.0/24": operator(14061, "DIGITALOCEAN-ASN"),
            "198.51.100.0/24": operator(1406, "Example Hosting Ltd"),
        },
    )


@pytest.mark.parametrize(
    ("options", "failed"),
    [
        ({"deny": "AS14061"}, ["192.0.2.1"]),
        ({"deny": "AS1406, as64500"}, ["198.51.100.1"]),
        ({"deny": "(?i)digital\nHosting Ltd$"}, ["192.0.2.1", "198.51.100.1"]),
        ({"deny": "hosting"}, []),
        ({"allow": "AS14061"}, ["198.51.100.1", "203.0.113.99"]),
        ({"allow": "Example", "unknown": "pass"}, ["192.0.2.1"]),
    ],
)
def test_asn_when_a_failure_comes_from_an_operator_then_number_or_name_decides(
    options: dict[str, str], failed: list[str], operators: Path
) -> None:
    tested = ready(made("asn", LOGIN, database=str(operators), **options))
    assert ids(fed(tested, map(bad, ["192.0.2.1", "198.51.100.1", "203.0.113.99", "10.0.0.1"]))) == failed


def test_types_when_composed_then_it_is_requests_for_admin_from_a_brazilian_data_centre(
    countries: Path, operators: Path
) -> None:
    centre = spec("asn", spec("http", paths="^/admin"), deny="AS14061", database=str(operators))
    tested = ready(made("geo", centre, deny="BR", database=str(countries)))
    lines = [request("GET /admin HTTP/1.1"), request(), request("GET /admin HTTP/1.1", host="198.51.100.1")]
    (failure,) = fed(tested, lines)
    assert (failure.captures["country"], failure.captures["asn"]) == ("BR", "AS14061")
    assert failure.captures["asorg"] == "DIGITALOCEAN-ASN"


def test_database_when_replaced_then_the_new_one_counts(countries: Path) -> None:
    said: list[str] = []
    reference = Reference(lambda level, text: said.append(text))
    tested = made("geo", LOGIN, database=str(countries), deny="BR")
    reference.refresh(tested)
    write(countries, {"198.51.100.0/24": country("BR", "SA"), "192.0.2.0/24": country("DE", "EU")})
    reference.refresh(tested)
    assert ids(fed(tested, map(bad, HOSTS))) == ["198.51.100.1"]
    countries.write_bytes(b"torn")
    reference.refresh(tested)
    reference.refresh(tested)
    assert ids(fed(tested, map(bad, HOSTS))) == ["198.51.100.1"]
    assert len(said) == 1
    countries.unlink()
    assert not reference.refresh(tested)
    assert ids(fed(tested, map(bad, HOSTS))) == ["198.51.100.1"]


def test_file_when_missing_then_the_cure_says_what_to_get_and_its_coming_is_noticed(tmp_path: Path) -> None:
    reference = Reference(lambda level, text: None)
    path = tmp_path / "c.mmdb"
    tested = made("geo", LOGIN, database=str(path), deny="BR")
    (problem,) = reference.refresh(tested)
    assert (problem.severity, problem.place) == ("error", PLACE)
    assert "geoipupdate" in problem.cure
    write(path, {"192.0.2.0/24": country("BR", "SA")})
    assert not reference.refresh(tested)
    assert fed(tested, [bad()])


@pytest.mark.parametrize(
    ("kind", "module", "extra"), [("geoip", "maxminddb", "geoip"), ("robots", "protego", "robots")]
)
def test_extra_when_missing_then_the_cure_names_it(
    kind: str, module: str, extra: str, countries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    found = (
        spec("geo", LOGIN, deny="BR", database=str(countries))
        if kind == "geoip"
        else spec("robots", robots=str(countries))
    )
    tested, _ = build(found)
    assert tested
    (problem,) = Reference(lambda level, text: None).refresh(tested)
    assert f"f2b[{extra}]" in problem.cure


@pytest.mark.parametrize(
    ("rules", "agent", "path", "allowed"),
    [
        (RFC_SIMPLE, "ExampleBot/1", "/example/", False),
        (RFC_SIMPLE, "ExampleBot/1", "/a.gif", False),
        (RFC_SIMPLE, "ExampleBot/1", "/a.gif?x", True),
        (RFC_SIMPLE, "ExampleBot/1", "/publications/", True),
        (RFC_SIMPLE, "Mozilla/5.0 (compatible; FooBot/2.1)", "/anything", False),
        (RFC_SIMPLE, "Mozilla/5.0 (compatible; FooBot/2.1)", "/example/page.html", True),
        (RFC_SIMPLE, "foobot", "/example/allowed.gif", True),
        (RFC_SIMPLE, "foobotics", "/publications/", True),
        (RFC_SIMPLE, "BarBot", "/example/page.html", False),
        (RFC_SIMPLE, "bazbot/1", "/example/page.html", False),
        (RFC_SIMPLE, "bazbot/1", "/example/other.html", True),
        (RFC_SIMPLE, "quxbot", "/example/", True),
        (RFC_SIMPLE, "-", "/example/", False),
        (RFC_SIMPLE, "foobot", "/robots.txt", True),
        (RFC_LONGEST, "foobot", "/example/page/index.html", True),
        (RFC_LONGEST, "foobot", "/example/page/disallowed.gif", False),
        (RFC_LONGEST, "otherbot", "/example/page/disallowed.gif", True),
    ],
)
def test_robots_when_asked_for_the_examples_of_rfc_9309_then_it_answers_as_it_does(
    rules: str, agent: str, path: str, allowed: bool, tmp_path: Path
) -> None:
    (tmp_path / "robots.txt").write_text(rules)
    tested = ready(made("robots", robots=str(tmp_path / "robots.txt")))
    assert bool(fed(tested, [request(f"GET {path} HTTP/1.1", agent=agent)])) is not allowed


def test_robots_when_an_agent_is_given_then_everybody_is_judged_as_that(tmp_path: Path) -> None:
    (tmp_path / "robots.txt").write_text(RFC_SIMPLE)
    tested = ready(made("robots", robots=str(tmp_path / "robots.txt"), agent="foobot"))
    assert fed(tested, [request("GET /anything HTTP/1.1")])


def test_robots_when_only_fetchers_count_then_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "robots.txt").write_text(RFC_SIMPLE)
    tested = ready(made("robots", robots=str(tmp_path / "robots.txt"), afterfetch="yes", window="1h", maxhosts="2"))
    stolen, fetched = "GET /example/ HTTP/1.1", "GET /robots.txt HTTP/1.1"
    assert not fed(tested, [request(stolen), request(fetched)])
    assert ids(fed(tested, [request(stolen, at=3599), request(stolen, at=1, host="192.0.2.2")])) == ["192.0.2.1"]
    assert not fed(tested, [request(stolen, at=3600)])
    fed(tested, [request(fetched, at=4000, host=f"192.0.2.{host}") for host in (5, 6, 7)])
    assert ids(fed(tested, [request(stolen, at=4001, host=f"192.0.2.{host}") for host in (5, 6, 7)])) == [
        "192.0.2.6",
        "192.0.2.7",
    ]


def test_robots_when_the_file_changes_then_the_new_rules_hold(tmp_path: Path) -> None:
    path = tmp_path / "robots.txt"
    path.write_text(RFC_SIMPLE)
    reference = Reference(lambda level, text: None)
    tested = made("robots", robots=str(path))
    reference.refresh(tested)
    assert not fed(tested, [request("GET /new HTTP/1.1")])
    path.write_text("User-agent: *\nDisallow: /new\n")
    reference.refresh(tested)
    assert fed(tested, [request("GET /new HTTP/1.1")])


def test_blocklist_when_an_address_is_listed_then_its_failures_pass_with_their_weight(tmp_path: Path) -> None:
    tor, drop = tmp_path / "tor", tmp_path / "drop"
    tor.write_text("# exits\n192.0.2.1\n2001:db8::/32 # a network\n")
    drop.write_text("198.51.100.0/24 ; SBL1\nnonsense\n")
    reference = Reference(lambda level, text: None)
    tested = made("blocklist", LOGIN, lists=f"{tor}\n{drop}", weight="5")
    assert not reference.refresh(tested)
    found = fed(tested, map(bad, ["192.0.2.1", "192.0.2.2", "2001:db8::9", "198.51.100.7", "203.0.113.1"]))
    assert [(failure.id, failure.attempts) for failure in found] == [
        ("192.0.2.1", 5),
        ("2001:db8::9", 5),
        ("198.51.100.7", 5),
    ]
    tor.write_text("203.0.113.1\n")
    reference.refresh(tested)
    assert ids(fed(tested, map(bad, ["192.0.2.1", "203.0.113.1"]))) == ["203.0.113.1"]


def test_blocklist_when_a_list_is_missing_then_that_is_told(tmp_path: Path) -> None:
    tested = made("blocklist", LOGIN, lists=str(tmp_path / "none"))
    (problem,) = Reference(lambda level, text: None).refresh(tested)
    assert "none" in problem.what
