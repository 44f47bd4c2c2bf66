"""The type asn: failures from network operators, by number or name."""

from __future__ import annotations

import re

from f2b.filter.option import Options
from f2b.filter.place import Origin, text
from f2b.filter.rule import find
from f2b.filter.table import Record

_NAMES = ("GeoLite2-ASN.mmdb", "GeoIP2-ASN.mmdb", "GeoIP2-ISP.mmdb", "dbip-asn-lite*.mmdb")
_NUMBERS = re.compile(r"AS\d+(?:[\s,]+AS\d+)*", re.IGNORECASE)


class Asn(Origin):
    """Judges by a database of network operators."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, _NAMES)
        lines = [line for name in ("allow", "deny") for line in options.lines(name)]
        numbers = [line for line in lines if _NUMBERS.fullmatch(line.value)]
        self._numbers = {word.upper() for line in numbers for word in re.split(r"[\s,]+", line.value)}
        self._names = options.rules(self.listed, [line for line in lines if line not in numbers])

    def fields(self, record: Record) -> dict[str, str]:
        """Return the operator's number and name."""
        number = text(record.get("autonomous_system_number"))
        found = {"asn": f"AS{number}" if number else "", "asorg": text(record.get("autonomous_system_organization"))}
        return {name: value for name, value in found.items() if value}

    def holds(self, fields: dict[str, str]) -> bool:
        """Return whether the list holds the number, or a regex that is found in the name."""
        return fields.get("asn") in self._numbers or find(self._names, fields.get("asorg", "")) is not None
