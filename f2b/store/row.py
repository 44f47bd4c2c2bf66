"""Bans and counts as rows: Fail2Ban's columns and its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from f2b import net
from f2b.ban.counter import Tally
from f2b.ban.packed import Remnant, remnant
from f2b.events import Ban, Captures, Failure
from f2b.store import schema

SANE = schema.SANE.format("ip", "timeofban, bantime, bancount") + " AND typeof(jail) = 'text'"
"""Which rows can be read as bans."""
UNKNOWN = -2
"""A ban time that a very old database did not hold."""

_DECODER = json.JSONDecoder()
_FAILURES = b'"failures": '
_COUNTED = re.compile(rb'[{ ]"failures": (\d{1,9})[,}]')


def whole(seconds: float) -> float:
    """Return seconds as an int where they are one: Fail2Ban's columns are INTEGER, and fractions stay REAL."""
    return int(seconds) if seconds == int(seconds) else seconds


def number(value: object) -> float:
    """Return a column that holds a number, 0 for anything else."""
    return value if isinstance(value, (int, float)) and abs(value) < 1 << 62 else 0


_IP = "ip"
"""In `data`: whose failures they were, where the id is no address (`<F-ID>`)."""
_OWN_TIME = "f2b_own_time"
"""In `data`: the ban's length is its own, by hand or because it was prolonged, and no jail's bantime cuts it."""
_OWNED = f'"{_OWN_TIME}": "yes"'.encode()


def ban_data(ban: Ban, most: int, own_time: bool) -> bytes:
    """Return the `data` column: captures, failures and the newest `most` matches."""
    captures = {**ban.captures, _OWN_TIME: "yes"} if own_time else ban.captures
    if ban.host and not net.family(ban.id):
        captures = {**captures, _IP: ban.host}
    return _json(captures, ban.matches[-most:] if most > 0 else (), ban.failures)


def ban_of(jail: str, row: tuple[str, float, float, int, object], own_time: bool) -> Ban:
    """Return the ban that (ip, timeofban, bantime, bancount, data) holds; `own_time`: whatever `data` says."""
    key, time, duration, count, data = row
    captures, matches, failures = _read(data)
    own_time = bool(captures.pop(_OWN_TIME, "")) or own_time
    address = captures.pop(_IP, "") or captures.get("ip4") or captures.get("ip6") or ""
    host = key if net.family(key) else net.address(str(address))
    return Ban(jail, key, time, duration, failures, matches, captures, host, count, own_time, restored=True)


def remnant_of(key: str, time: float, duration: float, count: int, data: object, own_time: bool) -> Remnant:
    """Return that ban as it is kept in memory: without captures and matches, which few ever ask for (`ban_of`).

    There may be a hundred thousand, so of the usual ones no more is read than needed. No name and no log line can
    contain what is looked for: JSON writes the quotes in them as \\".
    """
    # To find a text and look closely there takes a third of what searching with the regex would.
    found = _COUNTED.match(data, data.find(_FAILURES) - 1) if isinstance(data, bytes) else None
    if found is None or (net.packed(key) is None and not net.family(key)):
        ban = ban_of("", (key, time, duration, count, data), own_time)
        return Remnant(key, time, duration, ban.failures, count, ban.own_time, ban.host)
    own_time = own_time or _OWNED in data  # type: ignore[operator]  # found: it is bytes
    return remnant((key, time, duration, int(found[1]), count, own_time, key))


def tally_data(tally: Tally) -> bytes:
    """Return what a count remembers of its lines."""
    own = {"f2b_host": tally.seen.host or "", "f2b_times": [str(when) for when in tally.times]}
    return _json({**tally.seen.captures, **own}, tally.matches, tally.failures)


def tally_of(row: tuple[str, float, float, int, int, object]) -> Tally:
    """Return the count that (ip, first, last, retry, failures, data) holds."""
    key, first, last, retry, failures, data = row
    captures, matches, _ = _read(data)
    host, times = captures.pop("f2b_host", ""), captures.pop("f2b_times", ())
    seen = Failure(key, str(host) or None, first, matches, captures)
    return Tally(first, last, retry, failures, seen, matches, _times(times))


def _times(times: object) -> tuple[float, ...]:
    try:
        return tuple(map(float, times)) if isinstance(times, tuple) else ()
    except ValueError:
        return ()


def _json(captures: Captures, matches: Sequence[str], failures: int) -> bytes:
    """Return bytes, as Fail2Ban writes them; in ASCII, since a log may contain what UTF-8 cannot hold."""
    plain = {name: _plain(captures[name]) for name in captures}
    return json.dumps({"matches": matches, "failures": failures} | plain).encode("ascii")


def _plain(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _read(data: object) -> tuple[dict[str, str | Sequence[str]], tuple[str, ...], int]:
    """Return captures, matches and failures; what is broken is as if it were not there, as in Fail2Ban."""
    try:
        # decode() looks at blanks too, at twice the time: thousands of bans are restored at once.
        found, _ = _DECODER.raw_decode(data.decode() if isinstance(data, bytes) else str(data))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {}, (), 0
    matches = found.pop("matches", None)
    failures = found.pop("failures", 0)
    captures: dict[str, str | Sequence[str]] = {
        name: value if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in found.items()
        if value is not None
    }
    lines = [it if isinstance(it, str) else _match(it) for it in matches] if isinstance(matches, list) else ()
    return captures, tuple(lines), failures if isinstance(failures, int) else 0


def _match(match: object) -> str:
    """Return a line: Fail2Ban keeps the first one as [before, date, after]."""
    return "".join(map(str, match)) if isinstance(match, list) else str(match)
