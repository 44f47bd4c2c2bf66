"""How a jail counts, whom it counts as one, and how long it bans: options to values.

Every function raises ConfigError, with the place and what to write instead.
"""

from __future__ import annotations

from f2b import net
from f2b.config import convert
from f2b.config import spec as names
from f2b.config.model import Collateral, Counting
from f2b.config.text import Value
from f2b.errors import ConfigError

COLLATERAL: tuple[Collateral, ...] = ("warn", "refuse", "no")


def counting(value: Value) -> Counting:
    """Return what maxretry and findtime mean."""
    if value.text == "window":
        return "window"
    if value.text in ("rate", ""):
        return "rate"
    cure = convert.near(value.text, ("rate", "window")) or "write rate (as Fail2Ban counts) or window"
    raise ConfigError(f"counting = {value.text} is unknown", value.place, cure)


def prefix4(value: Value) -> int:
    """Return how many bits of an IPv4 address count; fewer than 8 would shut out half the world for one attacker."""
    return _prefix(value, 8, 32)


def prefix6(value: Value) -> int:
    """Return how many bits of an IPv6 address count."""
    return _prefix(value, 16, 128)


def _prefix(value: Value, least: int, most: int) -> int:
    found = convert.integer(Value(value.text.lstrip("/"), value.places))
    if not least <= found <= most:
        raise ConfigError(f"a prefix of {found} bits cannot be", value.place, f"write {least} to {most}")
    return found


def networks(value: Value) -> tuple[str, ...]:
    """Return addresses and networks, which blanks or commas separate."""
    found = []
    for line in value.lines():
        for word in line.text.replace(",", " ").split():
            network = net.network(word)
            if network is None:
                raise ConfigError(
                    f"{word!r} is no address", line.place, "write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"
                )
            found.append(network)
    return tuple(found)


def proxies(value: Value) -> tuple[str, ...]:
    """Return addresses and networks, and the files that list such, as `file:PATH`."""
    found: list[str] = []
    for line in value.lines():
        for word in line.text.replace(",", " ").split():
            if word.startswith(("/", "file:/")):
                found.append(word if word.startswith("file:") else f"file:{word}")
            else:
                found += networks(Value(word, line.places))
    return tuple(found)


def collateral(value: Value) -> Collateral:
    """Return what becomes of bans that hit others, too."""
    for choice in COLLATERAL:
        if value.text.lower() == choice:
            return choice
    cure = convert.near(value.text, COLLATERAL) or f"write one of {', '.join(COLLATERAL)}"
    raise ConfigError(f"collateral = {value.text} is unknown", value.place, cure)


def factor(value: Value) -> str:
    """Return `bantime.factor`, found sound."""
    if value.text:
        from f2b.config.formula import Formula  # late: with ast it takes 0.7 MB, and few jails have one

        Formula(value.text, value.place, variables=())
    return value.text or "1"


def formula(value: Value) -> str:
    """Return `bantime.formula`, found sound; empty: the usual one."""
    if value.text:
        from f2b.config.formula import Formula  # late, too

        Formula(value.text, value.place)
    return value.text


def optional_seconds(value: Value) -> float | None:
    """Return a time, or None for an empty option."""
    return convert.seconds(value) if value.text else None


def cache(value: Value) -> dict[str, str]:
    """Return the options of `ignorecache`; empty: nothing is kept."""
    if not value.text:
        return {}
    found = {key: option.text for key, option in names.options(value).items()}
    cure = 'write key="<ip>", max-count=100, max-time=5m'
    if "key" not in found:
        raise ConfigError("ignorecache has no key", value.place, cure)
    for name, read in (("max-count", convert.integer), ("max-time", convert.seconds)):
        if found.get(name):
            read(Value(found[name], value.places))
    return found
