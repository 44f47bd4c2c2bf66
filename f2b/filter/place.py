"""Where an address is from: what the types geo and asn have in common."""

from __future__ import annotations

from collections.abc import Sequence

from f2b import net
from f2b.events import Failure
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options
from f2b.filter.table import Lookup, Record, Table

FOLDERS = ("/usr/share/GeoIP", "/var/lib/GeoIP", "/usr/local/share/GeoIP")
"""Where GeoIP databases usually lie."""
INSIDE = net.NetSet(
    (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
"""Private, loopback and link-local addresses, which never fail (RFC 1918, 4193, 3927, 4291)."""


class Origin(FailureJudge):
    """Lets failures pass by where their address is from; `Geo` and `Asn` say what a record tells of that."""

    def __init__(self, options: Options, names: Sequence[str]) -> None:
        """`names`: what the usual databases are called, as globs."""
        given = [name for name in ("allow", "deny") if options.given(name) is not None]
        if len(given) != 1:
            what = (
                "allow and deny exclude each other"
                if given
                else f"filtertype = {options.spec.type} needs allow or deny"
            )
            options.fault("deny" if given else "allow", what, "give exactly one of the two")
        self.listed = given[0] if given else "allow"
        path = options.given("database")
        usual = [f"{folder}/{name}" for folder in FOLDERS for name in names]
        self._table = Table("geoip", [path.value.strip()] if path else usual, options.place("database"))
        self.tables = (self._table,)
        self._unknown_fails = (
            options.choice("unknown", ("pass", "fail"), "fail" if self.listed == "allow" else "pass") == "fail"
        )
        self._why = ""

    def fields(self, record: Record) -> dict[str, str]:
        """Return what a record says, as fields of the failure; empty if nothing."""
        raise NotImplementedError

    def holds(self, fields: dict[str, str]) -> bool:
        """Return whether the list holds what a record says."""
        raise NotImplementedError

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return the failure, with its fields, if it comes from where nobody should."""
        address = (failure.host or failure.id).partition("/")[0]
        if address in INSIDE:
            self._why = f"{address} is private"
            return ()
        lookup: Lookup | None = self._table.content
        if lookup is None:
            self._why = "there is no database, so nobody is judged"
            return ()
        record = lookup(address) if net.packed(address) is not None else None
        fields = self.fields(record) if record is not None else {}
        if not fields:
            self._why = f"{address} is not in the database, which {'fails' if self._unknown_fails else 'passes'}"
            return (failure,) if self._unknown_fails else ()
        inside = self.holds(fields)
        self._why = f"{', '.join(fields.values())} is {'in' if inside else 'not in'} {self.listed}"
        if inside is (self.listed == "allow"):
            return ()
        return (failure._replace(captures={**failure.captures, **fields}),)

    def why(self, failure: Failure) -> str:
        """Say where the address is from, and what follows."""
        return self._why


def text(value: object) -> str:
    """Return a value of a record as text; nothing for what is none."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
