"""The section `[web]` of f2b.conf, read and checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.config.model import Text
from f2b.config.section import Section
from f2b.named import NamedTuple

SECTION = "web"


class Spec(NamedTuple):
    """What the page shows, and to whom."""

    token_file: str = ""
    """Of the token with which one may ban; empty: nobody may."""
    private: bool = False
    """Nothing is shown without the token."""
    hosts: frozenset[str] = frozenset()
    """Names by which browsers come through a proxy that speaks TLS, beside this host's loopback."""
    geoip: str = ""
    """A GeoIP database of countries; empty is none."""
    bouncer_key_file: str = ""
    """Of the key with which bouncers ask for decisions; empty: they may not."""


def read(section: Mapping[str, Text]) -> Spec:
    """Return what the section says. Raises ConfigError, with all that is wrong."""
    options = Section(SECTION, section)
    spec = Spec(
        token_file=options.text("token_file"),
        private=options.get("private", _flag, False),
        hosts=options.get("hosts", _hosts, frozenset()),
        geoip=options.text("geoip"),
        bouncer_key_file=options.text("bouncer_key_file"),
    )
    if spec.private:
        options.need("token_file", "private")
    options.end()
    return spec


def _flag(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError("write yes or no")
    return text.lower() == "yes"


def _hosts(text: str) -> frozenset[str]:
    names = text.lower().replace(",", " ").split()
    wrong = [name for name in names if not re.fullmatch(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]", name)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no name of a host; write it without https:// and port")
    return frozenset(names)
