"""GeoIP databases of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write(path: Path, networks: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a database of networks and their records; in one step, as geoipupdate does."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test")
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), dict(record))
    fresh = path.with_suffix(".new")
    writer.to_db_file(str(fresh))
    return fresh.replace(path)


def country(code: str, continent: str) -> dict[str, Any]:
    """Return the record of a country."""
    return {"country": {"iso_code": code}, "continent": {"code": continent}}


def operator(number: int, name: str) -> dict[str, Any]:
    """Return the record of a network operator."""
    return {"autonomous_system_number": number, "autonomous_system_organization": name}
