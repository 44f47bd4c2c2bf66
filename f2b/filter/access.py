"""HTTP access logs: from a line to a `Request`, in whichever format it is written.

Every line is read for itself: common, combined and vhost_combined, JSON, and Uvicorn's lines look so different that
none is taken for another, and one jail may read logs of several formats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b import net
from f2b.config.model import FilterSpec
from f2b.date.bracket import CLF, PATTERN
from f2b.errors import ConfigError
from f2b.events import Line
from f2b.filter import json_line, logformat
from f2b.filter.client import Client
from f2b.filter.json_line import JsonLine, number
from f2b.filter.logformat import ISO, QUOTED, Form
from f2b.filter.option import Options
from f2b.filter.request import Asked, Glimpse, Request, asked
from f2b.filter.rule import find

AUTO = "auto"
NAMES = (AUTO, "common", "combined", "vhost_combined", "json", "uvicorn")
"""Words for `logformat`; they all mean that the line decides."""

_READING = frozenset({"logformat", "hostfield", "trustedproxies"})

# Text of a client's stands only where quotes fence it in, or (the user's name) before the date and the first quote.
_COMMON = re.compile(
    rf'(\S+) (\S+) ([^"\\]*?(?:\\.[^"\\]*?)*?) \[[^\]]{{1,40}}\] "({QUOTED})" (\d+|-) (\d+|-)'
    rf'(?: "({QUOTED})" "({QUOTED})"(?: "({QUOTED})")?)?'
).match
_UVICORN = re.compile(r'(?:[^"]*[\s\]])?(\S{1,64}):\d+ - "(.*)" (\d{3})(?: [^"]*)?', re.DOTALL).fullmatch
_STATUS = {f" {status}{end}": status for status in range(100, 600) for end in (" ", "")}
"""What stands behind the request line's quote, and which status that is."""
_PORT = re.compile(r"(.*):\d+").fullmatch
_ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v", b"f": b"\f", b"e": b"\x1b", b"0": b"\0"}

_DATES = (
    PATTERN,
    *(rf'^\{{.*"{key}":\s*"{date}"' for key in json_line.DATE_KEYS for date in (ISO, CLF)),
    *(rf'^\{{.*"{key}":\s*"?{{EPOCH}}' for key in json_line.DATE_KEYS),
    "{^LN-BEG}",
)


class Access:
    """Reads the lines of access logs as one filter was told to."""

    def __init__(self, options: Options) -> None:
        self._form = _form(options)
        self.plain = self._form is None
        """The line decides how it is read."""
        self.client = Client(options)
        self.key = frozenset(
            (name, text.value)
            for name, text in options.spec.options.items()
            if name in _READING or name[:6] == "field."
        )
        """What decides how lines are read: filters with equal keys may share one reader."""
        self._before: tuple[Line | None, Request | None] = None, None
        fields = {
            name.removeprefix("field."): text.value.strip()
            for name in options.spec.options
            if name.startswith("field.") and (text := options.given(name)) is not None
        }
        self._json = JsonLine(fields, self.client.field)

    def request(self, line: Line) -> Request | None:
        """Return the request of a line, with the client that is to answer for it; None if it is none."""
        before, request = self._before
        if before is not line:
            request = self._request(line)
            self._before = line, request
        return request

    def _request(self, line: Line) -> Request | None:
        found = self._read(line.raw)
        if found is None and line.raw != line.text[:-1]:  # what has no date of its own, or comes from the journal
            found = self._read(line.text[:-1])
        if found is not None:
            found.host = self.client.of(found)
        return found

    def _read(self, text: str) -> Request | None:
        if self._form is not None:
            match = find((self._form.rule,), text)
            return _formed(self._form.read(match[1])) if match else None
        if text.startswith("{"):
            return self._json.read(text)
        match_common = _COMMON(text)
        if match_common is not None:
            return _common(match_common)
        match_uvicorn = _UVICORN(text) if ' - "' in text else None
        return None if match_uvicorn is None else _uvicorn(match_uvicorn)


def glimpse(raw: str) -> Glimpse | None:
    """Return what is plain to see of a line in the common format, or one like it: for bulk.

    Quotes in what a client says are escaped, so without a backslash every quote is the server's.
    """
    if "\\" in raw:
        return None
    parts = raw.split('"')
    if len(parts) < 3:
        return None
    status = _STATUS.get(parts[2][:5])
    return None if status is None else Glimpse(parts[1], status, parts[5] if len(parts) == 7 else None)


def dates(spec: FilterSpec) -> tuple[str, ...]:
    """Return the date patterns of the log format that a filter names."""
    text = spec.options.get("logformat")
    if text is None or not text.value.strip() or text.value.strip().lower() in NAMES:
        return _DATES
    try:
        return logformat.understood(text).dates
    except ConfigError:  # told where the filter is built
        return _DATES


def _form(options: Options) -> Form | None:
    text = options.given("logformat")
    if text is None or text.value.strip().lower() in NAMES:
        return None
    try:
        return logformat.understood(text)
    except ConfigError as error:
        options.fault("logformat", error.what, error.cure, error.place)
        return None


def _common(match: re.Match[str]) -> Request:
    host, second, user, line, status, size, referer, agent, forwarded = match.groups()
    vhost = ""
    if second != "-" and net.packed(host) is None:
        port = _PORT(host)
        if port is not None or net.packed(second) is not None:
            vhost, host = (port[1] if port else host), second
            user = user.partition(" ")[2]
    return Request(
        host,
        asked(unescaped(line)),
        _whole(status),
        _whole(size),
        _said(referer),
        None if agent is None else _said(agent),
        _said(user),
        vhost,
        more={} if forwarded is None else {"http_x_forwarded_for": _said(forwarded)},
    )


def _uvicorn(match: re.Match[str]) -> Request:
    host, line, status = match.groups()
    return Request(host.strip("[]"), asked(line), int(status))


def _formed(fields: Mapping[str, str]) -> Request | None:
    """Return the request that the fields of a named format tell of."""
    said = {name: _said(text) for name, text in fields.items()}
    get = said.get
    line = asked(get("request", "")) if "request" in said else None
    if line is None:
        target = get("target") or get("path", "") + ("?" + get("query", "").lstrip("?") if get("query") else "")
        line = Asked(get("method") or ("-" if "method" in said else ""), target, get("protocol", ""))
    duration = number(get("duration", "")) or number(get("duration_ms", "")) / 1e3
    return Request(
        get("host", ""),
        line,
        int(number(get("status", ""))),
        int(number(get("size", ""))),
        get("referer", ""),
        get("agent"),
        get("user", ""),
        get("vhost", ""),
        duration or number(get("duration_us", "")) / 1e6,
        said,
    )


def _whole(digits: str) -> int:
    return int(digits[:18]) if digits != "-" else 0


def _said(text: str | None) -> str:
    return "" if text is None or text == "-" else unescaped(text)


def unescaped(text: str) -> str:
    r"""Return what a client sent, where the log writes `\x22`, `\"` or `\n`; bytes that are no UTF-8 as Latin-1."""
    if "\\" not in text:
        return text
    raw = _ESCAPED.sub(_byte, text.encode("utf-8", "surrogatepass"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1" if text.isascii() else "utf-8", "replace")


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else _LETTERS.get(found[2], found[2])
