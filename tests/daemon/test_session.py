"""Sessions of people and default gateways, read from files as the system writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from f2b.daemon import route
from f2b.daemon.session import Session, sessions, stamp
from tests.daemon.utmp import entry

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t0000000A\t020200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
"""
ROUTES6 = (
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001"
    " 00000400 00000001 00000000 00000003     eth0\n"
    "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 00000000000000000000000000000000"
    " 00000100 00000001 00000000 00000001     eth0\n"
)


def test_sessions_when_utmp_has_them_then_who_is_where_is_known(tmp_path: Path) -> None:
    me = os.getpid()
    utmp = tmp_path / "utmp"
    utmp.write_bytes(
        entry(2, "reboot", "", 0)
        + entry(7, "root", "192.0.2.7", me)
        + entry(7, "ada", "2001:db8::7", me)
        + entry(7, "console", "", me)
        + entry(8, "gone", "192.0.2.8", me)
        + entry(7, "dead", "192.0.2.9", 2**22 + 1)
        + b"half an entry"
    )
    assert sessions(utmp, tmp_path / "none") == [Session("root", "192.0.2.7"), Session("ada", "2001:db8::7")]


def test_sessions_when_only_logind_has_them_then_they_are_known_too(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (folder / "1").write_text("# private\nUID=1000\nUSER=ada\nSTATE=active\nREMOTE=1\nREMOTE_HOST=192.0.2.7\n")
    (folder / "2").write_text("UID=0\nUSER=root\nSTATE=closing\nREMOTE_HOST=192.0.2.8\n")
    (folder / "3").write_text("UID=0\nUSER=root\nSTATE=active\nREMOTE_HOST=a.example.org\n")
    (folder / "4").write_text("UID=0\nUSER=root\nSTATE=active\n")
    assert sessions(tmp_path / "none", folder) == [Session("ada", "192.0.2.7")]


def test_sessions_when_there_are_no_files_then_there_are_none(tmp_path: Path) -> None:
    assert sessions(tmp_path / "none", tmp_path / "none") == []
    assert stamp(tmp_path / "none", tmp_path / "none") == (0, 0)


def test_stamp_when_a_session_begins_then_it_is_another(tmp_path: Path) -> None:
    utmp = tmp_path / "utmp"
    utmp.write_bytes(b"")
    os.utime(utmp, (1, 1))
    before = stamp(utmp, tmp_path)
    utmp.write_bytes(entry(7, "root", "192.0.2.7", os.getpid()))
    assert stamp(utmp, tmp_path) != before


@pytest.mark.parametrize(
    ("name", "text", "expected"), [("route", ROUTES, {"192.0.2.1"}), ("ipv6_route", ROUTES6, {"fe80::1"})]
)
def test_gateways_when_there_is_a_default_route_then_its_gateway_is_one(
    tmp_path: Path, name: str, text: str, expected: set[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert route.gateways(tmp_path) == expected


def test_gateways_when_the_kernel_tells_nothing_then_there_are_none(tmp_path: Path) -> None:
    assert route.gateways(tmp_path) == frozenset()
