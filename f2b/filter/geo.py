"""The type geo: failures from countries and continents."""

from __future__ import annotations

from f2b.filter.option import Options
from f2b.filter.place import Origin, text
from f2b.filter.table import Record

CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})
_NAMES = (
    *("GeoLite2-Country.mmdb", "GeoIP2-Country.mmdb", "dbip-country-lite*.mmdb"),
    *("GeoLite2-City.mmdb", "GeoIP2-City.mmdb", "dbip-city-lite*.mmdb"),
)


class Geo(Origin):
    """Judges by a database of countries or cities."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, _NAMES)
        self._countries: set[str] = set()
        self._continents: set[str] = set()
        for name in ("allow", "deny"):
            for word in options.words(name):
                self._take(options, name, word.value)

    def _take(self, options: Options, name: str, word: str) -> None:
        head, colon, tail = word.rpartition(":")
        code = tail.upper()
        if colon and head.lower() == "continent" and code in CONTINENTS:
            self._continents.add(code)
        elif not colon and len(code) == 2 and code.isascii() and code.isalpha():
            self._countries.add(code)
        else:
            cure = f"write two letters (BR), or continent: and one of {', '.join(sorted(CONTINENTS))}"
            options.fault(name, f"{word!r} is no country", cure)

    def fields(self, record: Record) -> dict[str, str]:
        """Return country and continent."""
        country = _code(record, "country", "iso_code") or _code(record, "registered_country", "iso_code")
        continent = _code(record, "continent", "code")
        return {name: code for name, code in (("country", country), ("continent", continent)) if code}

    def holds(self, fields: dict[str, str]) -> bool:
        """Return whether the list holds the country or the continent."""
        return fields.get("country") in self._countries or fields.get("continent") in self._continents


def _code(record: Record, place: str, name: str) -> str:
    found = record.get(place)
    return text(found.get(name)) if isinstance(found, dict) else ""
