"""The section `[fleet]` of f2b.conf, read and checked: everything wrong at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.config.model import Text
from f2b.config.section import Section
from f2b.named import NamedTuple

SECTION = "fleet"
ALL = "*"
URL = "redis://localhost:6379/0"
MAXLEN = 100_000
MAXBANS = 6000
"""New bans of other hosts in a minute."""
_URL = re.compile(r"(rediss?|unix|sentinels?)://[^\s]+")
_NAME = re.compile(r"[\w.:-]{1,64}")


class Jails(NamedTuple):
    """Some jails, or all."""

    names: frozenset[str]

    def hold(self, name: str) -> bool:
        """Return whether a jail is one of them."""
        return ALL in self.names or name in self.names


class Spec(NamedTuple):
    """Where the other hosts are met, and what is shared with them."""

    url: str
    user: str
    password_file: str
    ca: str
    name: str
    """What this host is called; empty is its own name."""
    keyfile: str
    share: Jails
    accept: Jails
    jail: str
    """Where bans go of jails that this host lacks; empty is nowhere."""
    quorum: int
    counts: bool
    """Failures are counted over all hosts."""
    maxlen: int
    maxbans: int
    prefix: str
    """What all keys in Redis begin with."""


def read(section: Mapping[str, Text]) -> Spec:
    """Return what the section says. Raises ConfigError, with all that is wrong."""
    options = Section(SECTION, section)
    share = options.get("share", _jails, Jails(frozenset()))
    spec = Spec(
        url=options.get("url", _url, URL),
        user=options.text("user"),
        password_file=options.text("password_file"),
        ca=options.text("ca"),
        name=options.get("name", _name, ""),
        keyfile=options.text("keyfile"),
        share=share,
        accept=options.get("accept", _jails, share),
        jail=options.text("jail"),
        quorum=options.get("quorum", _positive, 1),
        counts=options.get("count", _counts, False),
        maxlen=options.get("maxlen", _positive, MAXLEN),
        maxbans=options.get("maxbans", _positive, MAXBANS),
        prefix=options.get("prefix", _name, "f2b"),
    )
    if spec.user:
        options.need("password_file", "user")
    if section:
        options.need("keyfile", "share" if "share" in section else "accept")
    options.end()
    return spec


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("write redis://HOST:PORT, rediss:// for TLS, unix://PATH or sentinel://HOST:PORT,.../NAME")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("write letters, digits, dots and dashes, at most 64")
    return text


def _jails(text: str) -> Jails:
    return Jails(frozenset(text.replace(",", " ").split()))


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000_000:
        raise ValueError("write a number from 1 on")
    return int(text)


def _counts(text: str) -> bool:
    if text not in ("fleet", "host"):
        raise ValueError("write fleet or host")
    return text == "fleet"
