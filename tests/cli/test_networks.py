"""`f2b networks` on databases written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

BRAZIL = {"country": {"iso_code": "BR"}}
CHILE = {"registered_country": {"iso_code": "CL"}}
NOWHERE: dict[str, dict[str, str]] = {"city": {}}
PLACES = [(["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/33"], BRAZIL), (["198.51.100.0/24"], CHILE)]
OWNERS = [(["192.0.2.0/24"], 64496), (["198.51.100.0/24"], 64497), (["203.0.113.0/24"], 64498)]


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for nets, record in [*PLACES, (["203.0.113.0/24"], NOWHERE)]:
        writer.insert_network(IPSet(nets), record)
    writer.to_db_file(str(tmp_path / "country.mmdb"))
    return tmp_path / "country.mmdb"


@pytest.fixture
def owners(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-ASN")
    for nets, number in OWNERS:
        writer.insert_network(IPSet(nets), {"autonomous_system_number": number})
    writer.to_db_file(str(tmp_path / "asn.mmdb"))
    return tmp_path / "asn.mmdb"


def networks(database: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", "networks", "--database", str(database), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--country", "br"], ["192.0.2.0/24", "2001:db8::/33"]),
        (["--country", "CL,BR"], ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/33"]),
        (["--country", "BR", "--invert"], ["198.51.100.0/24", "203.0.113.0/24"]),
    ],
)
def test_networks_of_countries_are_listed_and_joined(
    countries: Path, options: list[str], expected: list[str]
) -> None:
    assert networks(countries, *options).stdout.split() == expected
    assert json.loads(networks(countries, *options, "--json").stdout) == {"networks": expected}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--asn", "AS64496"], ["192.0.2.0/24"]),
        (["--asn", "64496,as64497"], ["192.0.2.0/24", "198.51.100.0/24"]),
        (["--asn", "AS64496", "--invert"], ["198.51.100.0/24", "203.0.113.0/24"]),
    ],
)
def test_networks_of_operators_are_listed(owners: Path, options: list[str], expected: list[str]) -> None:
    assert networks(owners, *options).stdout.split() == expected


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "give --country or --asn"),
        (["--country", "BR", "--asn", "1"], 2, "give --country or --asn"),
        (["--country", "Brazil"], 2, "two letters, as BR"),
        (["--asn", "x"], 2, "as AS64496"),
        (["--country", "US"], 1, "holds no such network"),
    ],
)
def test_networks_when_asked_for_nonsense_then_says_what_to_write(
    countries: Path, options: list[str], code: int, said: str
) -> None:
    done = networks(countries, *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_networks_when_there_is_no_database_then_says_so(tmp_path: Path) -> None:
    gone = networks(tmp_path / "gone.mmdb", "--country", "BR")
    assert gone.returncode != 0
    assert "No such file" in gone.stderr
    (tmp_path / "text.mmdb").write_text("hello")
    wrong = networks(tmp_path / "text.mmdb", "--country", "BR")
    assert wrong.returncode == 2
    assert "no GeoIP database" in wrong.stderr
