from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.firewall.port import PORTS, USUAL, ports


def unknown(_: str) -> int | None:
    return None


def spelled(name: str) -> int | None:
    return {"gopher": 70, "http": 8088, "z-wave": 4123}.get(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22", ((22, 22),)),
        ("ssh", ((22, 22),)),
        ("http,https", ((80, 80), (443, 443))),
        (" 443 , http ", ((80, 80), (443, 443))),
        ("6660:6669", ((6660, 6669),)),
        ("6660-6669", ((6660, 6669),)),
        ("http:https", ((80, 443),)),
        ("ftp-data", ((20, 20),)),
        ("0:65535", PORTS),
        (":1023", ((0, 1023),)),
        ("1024:", ((1024, 65535),)),
        ("80,80,81,90:100,95", ((80, 81), (90, 100))),
    ],
)
def test_ports_when_written_as_people_do_then_ranges(text: str, expected: tuple[tuple[int, int], ...]) -> None:
    assert ports(text, unknown) == expected


def test_services_when_the_host_names_them_then_that_counts() -> None:
    assert ports("gopher,http,z-wave,ssh", spelled) == ((22, 22), (70, 70), (4123, 4123), (8088, 8088))


@pytest.mark.parametrize(
    "text", ["", " , ", "nonsense", "70000", "99999999999", "90:80", "80:90:100", "-", "²", "80; rm"]
)
def test_ports_when_they_are_none_then_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no port|no port is given"):
        ports(text, unknown)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), min_size=1, max_size=6))
def test_ranges_when_merged_then_they_hold_the_same_ports(pairs: list[tuple[int, int]]) -> None:
    wanted = [(min(pair), max(pair)) for pair in pairs]
    found = ports(",".join(f"{first}:{last}" for first, last in wanted), unknown)
    for edge in {port + step for pair in wanted for port in pair for step in (-1, 0, 1)}:
        assert any(a <= edge <= b for a, b in found) == any(a <= edge <= b for a, b in wanted)
    assert all(found[at][1] + 1 < found[at + 1][0] for at in range(len(found) - 1))


def test_usual_services_when_this_host_knows_them_then_they_agree() -> None:
    here = {}
    for name in USUAL:
        try:
            here[name] = socket.getservbyname(name)
        except OSError:
            continue
    assert here == {name: USUAL[name] for name in here}
