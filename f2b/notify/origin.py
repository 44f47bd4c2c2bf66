"""Where an address comes from: its country and its network, by GeoIP databases, if there are any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from f2b.daemon.reference import open_database
from f2b.errors import ConfigError
from f2b.filter.place import FOLDERS, text
from f2b.filter.table import Lookup, Record
from f2b.notify.news import Origin

_COUNTRIES = ("GeoLite2-Country.mmdb", "GeoIP2-Country.mmdb", "dbip-country-lite*.mmdb", "GeoLite2-City.mmdb")
_NETWORKS = ("GeoLite2-ASN.mmdb", "GeoIP2-ISP.mmdb", "dbip-asn-lite*.mmdb")


def origin(geoip: str, asn: str) -> Origin:
    """Return how to look addresses up: in these files, or where they are not named in those that lie about.

    Raises ConfigError if a file that was named cannot be read.
    """
    country, network = _open(geoip, _COUNTRIES), _open(asn, _NETWORKS)
    return lambda address: (_country(country(address)), _network(network(address)))


def _open(path: str, usual: Sequence[str]) -> Lookup:
    if path:
        return open_database(path)
    found = [str(file) for folder in FOLDERS for name in usual for file in Path(folder).glob(name)]
    try:
        return open_database(found[0]) if found else _nothing
    except ConfigError:
        return _nothing  # nobody has asked for it


def _nothing(address: str) -> Record | None:
    return None


def _country(record: Record | None) -> str:
    place = record.get("country") if record else None
    return text(place.get("iso_code")) if isinstance(place, dict) else ""


def _network(record: Record | None) -> str:
    number = text(record.get("autonomous_system_number")) if record else ""
    name = text(record.get("autonomous_system_organization")) if record else ""
    return " ".join(filter(None, (f"AS{number}" if number else "", name)))
