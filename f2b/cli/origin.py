"""Which country an address is from, as a GeoIP database says."""

from __future__ import annotations

from collections.abc import Mapping

from f2b.cli.tally import Country
from f2b.daemon.reference import open_database


def countries(path: str) -> Country:
    """Return what tells the country of an address. Raises ConfigError."""
    lookup = open_database(path)

    def country(address: str) -> str:
        record = lookup(address.partition("/")[0]) or {}
        return next(
            (code for code in map(_code, (record.get("country"), record.get("registered_country"))) if code), ""
        )

    return country


def _code(place: object) -> str:
    return str(place.get("iso_code") or "") if isinstance(place, Mapping) else ""
