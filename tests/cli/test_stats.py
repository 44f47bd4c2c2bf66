"""`f2b stats`: a database of a server's is counted as a plain count does it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from f2b.cli.tally import DAYS, Tally
from f2b.cli.tally_plot import drawing
from f2b.events import Ban
from f2b.store import Store

NOON = time.mktime((2026, 3, 27, 12, 0, 0, 0, 0, -1))
"""A Friday; in many zones the clock is put forward on the Sunday after it."""
DAY_S = 86_400
EVIL = "<b>\x1b[31m&root"


def ban(jail: str, key: str, time: float, user: str = "") -> Ban:
    return Ban(jail, key, time, 600.0, 3, ("a line",), {"user": user} if user else {}, key)


BANS = [
    ban("sshd", "203.0.113.5", NOON, "root"),
    ban("sshd", "203.0.113.5", NOON + 3600, EVIL),
    ban("nginx", "2001:db8::5", NOON + 3 * DAY_S, "root"),
    ban("nginx", "198.51.100.9", NOON + 3 * DAY_S),
]
moments = st.floats(NOON - 400 * DAY_S, NOON + 400 * DAY_S)
some_bans = st.lists(st.builds(ban, st.sampled_from("abc"), st.sampled_from(["192.0.2.1", "2001:db8::1"]), moments))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stats") / "a name?with#signs.sqlite3"
    store = Store(str(path))
    with store.turn():
        for each in BANS:
            store.ban(each)
    store.close()
    return path


def stats(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", "stats", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_stats_when_asked_for_json_then_everything_is_counted(database: Path) -> None:
    told = json.loads(stats("--db", database, "--json").stdout)
    assert (told["bans"], told["addresses"], told["first"], told["last"]) == (4, 3, NOON, NOON + 3 * DAY_S)
    assert told["by_day"] == {"2026-03-27": 2, "2026-03-28": 0, "2026-03-29": 0, "2026-03-30": 2}
    assert told["by_jail"] == {"sshd": 2, "nginx": 2}
    assert told["by_address"] == {"203.0.113.5": 2, "2001:db8::5": 1, "198.51.100.9": 1}
    assert told["by_user"] == {"root": 2, EVIL: 1}
    assert told["by_country"] == {}
    assert (told["by_hour"]["Fri"][12], told["by_hour"]["Fri"][13], sum(told["by_hour"]["Mon"])) == (1, 1, 2)


def test_stats_when_read_by_people_then_it_is_a_table_that_no_name_can_spoil(database: Path) -> None:
    run = stats("--db", database)
    assert run.stderr == ""
    assert "4 bans of 3 addresses, 2026-03-27 12:00:00" in run.stdout
    assert "sshd      2  ██" in run.stdout
    assert r"<b>\x1b[31m&root" in run.stdout
    assert "\x1b" not in run.stdout


def test_stats_when_told_since_when_then_older_bans_do_not_count(database: Path) -> None:
    run = stats("--db", database, "--since", "1s")
    assert (run.returncode, run.stdout) == (0, f"no ban in {database} in the last 1s\n")


def test_stats_when_there_is_a_database_of_countries_then_it_counts_them(database: Path, tmp_path: Path) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "BR"}})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"registered_country": {"iso_code": "CL"}})
    writer.to_db_file(str(tmp_path / "country.mmdb"))
    told = json.loads(stats("--db", database, "--geoip", tmp_path / "country.mmdb", "--json").stdout)
    assert told["by_country"] == {"BR": 2, "CL": 1, "?": 1}


def test_stats_when_the_configuration_names_the_database_then_it_is_found(database: Path, tmp_path: Path) -> None:
    (tmp_path / "f2b.conf").write_text(f"[DEFAULT]\ndbfile = {database}\n")
    assert json.loads(stats("-c", tmp_path, "--json").stdout)["bans"] == 4


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "there is no database"), (b"no database at all" * 99, "cannot read database")]
)
def test_stats_when_there_is_no_database_then_it_says_so(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "db").write_bytes(content)
    run = stats("--db", tmp_path / "db")
    assert run.returncode == 1
    assert reason in run.stderr
    assert "--db" in run.stderr


def test_plot_when_it_is_drawn_then_it_is_a_picture_with_a_box_for_each_number(
    database: Path, tmp_path: Path
) -> None:
    stats("--db", database, "--plot", tmp_path / "it.svg")
    page = ET.parse(tmp_path / "it.svg").getroot()
    tips = {tip.text for tip in page.iter("{http://www.w3.org/2000/svg}title")}
    assert {"4 bans", "2026-03-28: 0", "Fri 12:00: 1", "sshd: 2", r"<b>\x1b[31m&root: 1"} <= tips
    assert stats("--db", database, "--plot", tmp_path / "none" / "it.svg").returncode == 1


@given(some_bans)
def test_tally_when_it_counts_any_bans_then_each_count_holds_all_of_them(bans: list[Ban]) -> None:
    tally = Tally(bans, lambda address: "" if ":" in address else "XX")
    whole: list[Counter[str]] = [tally.by_day, tally.by_jail, tally.by_address, tally.by_country]
    assert {sum(counts.values()) for counts in whole} == {len(bans)} == {sum(tally.by_hour.values())}
    assert list(tally.by_day) == sorted(tally.by_day)
    assert set(tally.plain()["by_hour"]) == set(DAYS)
    if bans:
        assert abs(len(tally.by_day) - 1 - (tally.last - tally.first) / DAY_S) < 1.1
        ET.fromstring(drawing(tally))
