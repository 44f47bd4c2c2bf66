from __future__ import annotations

from pathlib import Path

import pytest

from f2b.errors import ConfigError
from f2b.notify.origin import origin
from tests.daemon import geoip


def test_origin_when_there_are_databases_then_it_knows_country_and_network(tmp_path: Path) -> None:
    countries = geoip.write(tmp_path / "country.mmdb", {"203.0.113.0/24": geoip.country("NL", "EU")})
    networks = geoip.write(tmp_path / "asn.mmdb", {"203.0.113.0/25": geoip.operator(64500, "Example")})
    look = origin(str(countries), str(networks))
    assert look("203.0.113.5") == ("NL", "AS64500 Example")
    assert look("203.0.113.200") == ("NL", "")
    assert look("198.51.100.1") == ("", "")
    assert look("no address") == ("", "")


def test_origin_when_a_database_that_was_named_is_missing_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        origin(str(tmp_path / "missing.mmdb"), "")
