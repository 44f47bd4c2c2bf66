"""`f2b networks`: the networks of countries or network operators, from a GeoIP database, as a list for `banlist`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

import click

from f2b.cli import show
from f2b.errors import ConfigError, SourceError

Network = IPv4Network | IPv6Network
Wanted = Callable[[Mapping[str, Any]], bool]

_COUNTRY_PLACES = ("country", "registered_country")
"""Where a record names its country; the first that does counts."""
_ASN = "autonomous_system_number"


@click.command(short_help="The networks of countries or operators, as a list to ban")
@click.option("--database", metavar="FILE", required=True, help="A GeoIP database (.mmdb) of countries or ASNs.")
@click.option("--country", "countries", metavar="CODE", multiple=True, help="Two letters, as BR. Again for more.")
@click.option(
    "--asn", "asns", metavar="ASN", multiple=True, help="A network operator's number, as AS1. Again for more."
)
@click.option("--invert", is_flag=True, help="All networks that the database knows, but for these.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def networks(database: str, countries: Sequence[str], asns: Sequence[str], invert: bool, as_json: bool) -> int:
    """Print the networks of countries or network operators, one a line: a file for a jail's `banlist`.

    Neighbours are joined. Exit codes: 0 done, 1 the database holds no such network, 2 wrong usage or database.

    \b
    Examples:
      f2b networks --database GeoLite2-Country.mmdb --country BR --country AR > /etc/f2b/america.list
      f2b networks --database GeoLite2-Country.mmdb --country DE --invert     everybody but Germany
      f2b networks --database GeoLite2-ASN.mmdb --asn AS64496,AS64497
    """
    if bool(countries) == bool(asns):
        raise click.UsageError("give --country or --asn, one of them")
    wanted = _in_countries(countries) if countries else _of_operators(asns)
    found = list(_joined(network for network, record in _records(database) if wanted(record) is not invert))
    if as_json:
        show.as_json({"networks": [str(network) for network in found]})
    else:
        sys.stdout.writelines(f"{network}\n" for network in found)
    if not found:
        print(f"f2b networks: {database} holds no such network", file=sys.stderr)
        return 1
    return 0


def _in_countries(codes: Iterable[str]) -> Wanted:
    """Return what tells records of these countries. Raises UsageError."""
    chosen = {part.strip().upper() for code in codes for part in code.split(",")}
    for code in sorted(chosen):
        if len(code) != 2 or not code.isalpha():
            raise click.UsageError(f"--country {code!r} is no country: write its two letters, as BR")

    def wanted(record: Mapping[str, Any]) -> bool:
        named = (record.get(place, {}).get("iso_code") for place in _COUNTRY_PLACES)
        return next(filter(None, named), None) in chosen

    return wanted


def _of_operators(numbers: Iterable[str]) -> Wanted:
    """Return what tells records of these network operators. Raises UsageError."""
    chosen = set()
    for part in (part.strip() for number in numbers for part in number.split(",")):
        digits = part.upper().removeprefix("AS")
        if not digits.isdecimal():
            raise click.UsageError(f"--asn {part!r} is no network operator: write its number, as AS64496")
        chosen.add(int(digits))
    return lambda record: record.get(_ASN) in chosen


def _records(path: str) -> Iterator[tuple[Network, Mapping[str, Any]]]:
    """Yield every network of a database and its record. Raises ConfigError, SourceError."""
    try:
        import maxminddb  # an extra, which nothing else needs
    except ImportError:
        raise ConfigError("reading GeoIP databases needs maxminddb", cure="pip install 'f2b[geoip]'") from None
    try:
        with maxminddb.open_database(path) as reader:
            for network, record in reader:
                if isinstance(record, dict):
                    yield network, record
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from None
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigError(f"{path} is no GeoIP database: {error}", cure="give a .mmdb file") from None


def _joined(found: Iterable[Network]) -> Iterator[Network]:
    """Yield networks in order, IPv4 first, neighbours joined."""
    four: list[IPv4Network] = []
    six: list[IPv6Network] = []
    for network in found:
        if isinstance(network, IPv4Network):
            four.append(network)
        else:
            six.append(network)
    yield from collapse_addresses(four)
    yield from collapse_addresses(six)
