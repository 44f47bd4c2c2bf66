"""An nginx `log_format` or an Apache `LogFormat` to a regex that reads its lines, and to their date pattern.

The variables are those of ngx_http_log_module and mod_log_config.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from f2b.config.model import Text
from f2b.date.bracket import CLF
from f2b.errors import ConfigError
from f2b.filter.rule import Rule
from f2b.named import NamedTuple

ISO = r"%Y-%m-%dT%H:%M:%S(?:[.,]%f\d*)?%z"

QUOTED = r'[^"\\]*(?:\\.[^"\\]*)*'
"""What stands between quotes, where those in it are escaped."""


class Form(NamedTuple):
    """A log format, understood."""

    rule: Rule
    fields: tuple[str, ...]
    """What each of its groups caught: a field of a request, or another name."""
    dates: tuple[str, ...]
    """Its date pattern, if it holds a date."""

    def read(self, match: re.Match[str]) -> dict[str, str]:
        """Return the fields of a line; the first of a name that says something counts."""
        found: dict[str, str] = {}
        for name, text in zip(self.fields, match.groups(), strict=True):
            if text is not None and not found.get(name):
                found[name] = text
        return found


class _Piece(NamedTuple):
    """A variable, or (`name` empty) the text between two."""

    name: str
    text: str = ""
    date: str = ""
    """How it writes dates, as a date pattern; `{EPOCH}` and `{LEPOCH}` for seconds and for smaller units."""


_NGINX = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_APACHE = re.compile(r"%(?:%|(?:!?[\d,]+)?[<>]?(?:\{([^}]*)\})?([<>]?)(\^?[A-Za-z]{1,2}))")
_NGINX_NAMES = {
    "remote_addr": "host",
    "realip_remote_addr": "peer",
    "remote_user": "user",
    "request_method": "method",
    "request_uri": "target",
    "uri": "path",
    "args": "query",
    "query_string": "query",
    "server_protocol": "protocol",
    "body_bytes_sent": "size",
    "bytes_sent": "size",
    "http_referer": "referer",
    "http_user_agent": "agent",
    "host": "vhost",
    "http_host": "vhost",
    "server_name": "vhost",
    "request_time": "duration",
}
_NGINX_DATES = {"time_local": CLF, "time_iso8601": r"%Y-%m-%dT%H:%M:%S%z", "msec": "{EPOCH}"}
_APACHE_NAMES = {
    "h": "host",
    "a": "host",
    "u": "user",
    "r": "request",
    "m": "method",
    "U": "path",
    "q": "query",
    "H": "protocol",
    "s": "status",
    "b": "size",
    "B": "size",
    "O": "size",
    "v": "vhost",
    "V": "vhost",
    "T": "duration",
    "D": "duration_us",
}
_APACHE_HEADERS = {"referer": "referer", "user-agent": "agent", "host": "vhost"}
_APACHE_DATES = {"": rf"\[{CLF}\]", "sec": "{EPOCH}", "msec": "{LEPOCH}", "usec": "{LEPOCH}"}
_DURATIONS = {"s": "duration", "ms": "duration_ms", "us": "duration_us"}
_ONE_WORD = frozenset({"host", "peer", "method", "protocol", "vhost", "query"})
_NUMBERS = frozenset({"status", "size", "duration", "duration_us", "duration_ms"})


def understood(text: Text) -> Form:
    """Return a log format. Raises ConfigError if it is none, or does not say who asked."""
    written = _unquoted(text.value)
    pieces = list(_nginx(written) if _NGINX.search(written) else _apache(written))
    fields = tuple(piece.name for piece in pieces if piece.name)
    cure = "give nginx's log_format or Apache's LogFormat as it stands in their configuration"
    if "host" not in fields:
        raise ConfigError(f"logformat {written!r} does not say who asked", text.place, cure)
    if not {"request", "method", "status"} & {*fields}:
        raise ConfigError(f"logformat {written!r} says nothing of the request", text.place, cure)
    regex = "^" + "".join(f"({regex})" if piece.name else regex for piece, regex in _regexes(pieces))
    return Form(Rule(Text(regex, text.place)), fields, tuple(_dates(pieces)))


def _unquoted(text: str) -> str:
    """Return a format that may be written as in nginx.conf: pieces between quotes, one a line."""
    pieces = [line.strip().rstrip(";").rstrip() for line in text.split("\n")]
    if all(len(piece) > 1 and piece[0] == piece[-1] == "'" for piece in pieces if piece):
        return "".join(piece[1:-1] for piece in pieces)
    return " ".join(filter(None, pieces))


def _nginx(text: str) -> Iterator[_Piece]:
    at = 0
    for found in _NGINX.finditer(text):
        yield _Piece("", text[at : found.start()])
        at = found.end()
        name = found[1] or found[2]
        yield _Piece(_NGINX_NAMES.get(name, name), date=_NGINX_DATES.get(name, ""))
    yield _Piece("", text[at:])


def _apache(text: str) -> Iterator[_Piece]:
    text = text.replace('\\"', '"')  # as it stands in httpd.conf
    at = 0
    for found in _APACHE.finditer(text):
        yield _Piece("", text[at : found.start()])
        at = found.end()
        yield _Piece("", "%") if found[0] == "%%" else _apache_variable(found[1] or "", found[3])
    yield _Piece("", text[at:])


def _apache_variable(inner: str, letter: str) -> _Piece:
    if letter == "t":
        return _Piece("time", date=_APACHE_DATES.get(inner.removeprefix("begin:").removeprefix("end:"), inner))
    if letter == "i":
        header = inner.lower()
        return _Piece(_APACHE_HEADERS.get(header) or "http_" + header.replace("-", "_"))
    if letter == "a" and inner == "c":
        return _Piece("peer")
    if letter == "T" and inner:
        return _Piece(_DURATIONS.get(inner, "duration"))
    return _Piece(_APACHE_NAMES.get(letter, f"{letter}_{inner}".rstrip("_")))


def _regexes(pieces: list[_Piece]) -> Iterator[tuple[_Piece, str]]:
    """Yield each piece with what it looks like in a line."""
    for number, piece in enumerate(pieces):
        if not piece.name:
            yield piece, re.escape(piece.text)
            continue
        before = pieces[number - 1].text if number else ""
        after = "".join("\0" if one.name else one.text for one in pieces[number + 1 :])[:1]
        yield piece, _looks(piece, before[-1:], after)


def _looks(piece: _Piece, before: str, after: str) -> str:
    if before == after == '"':
        return QUOTED
    if piece.name == "time" and piece.date.startswith(r"\["):
        return r"\[[^\]]*\]"
    if before == "[" and after == "]":
        return r"[^\]]*"
    if piece.name in _NUMBERS:
        return r"[\d.]+|-"
    if piece.name == "path" and after != " ":
        return r"[^\s?]*"
    if piece.name in _ONE_WORD or after == "\0":
        return r"\S*" if not after or after.isspace() else r"\S*?"
    return r".*?" if after else r".*"  # may hold blanks


def _dates(pieces: list[_Piece]) -> Iterator[str]:
    """Yield the date pattern: the date where it stands in the format, up to what follows it."""
    known = list(_regexes(pieces))
    at = next((number for number, piece in enumerate(pieces) if piece.date), None)
    if at is None:
        return
    before = "".join(regex if not piece.name else f"(?:{regex})" for piece, regex in known[:at])
    after = known[at + 1][1] if at + 1 < len(known) else ""
    date = pieces[at].date
    epoch = date.startswith("{")
    yield (
        "^" + (before if epoch else before.replace("%", "%%")) + date + (after if epoch else after.replace("%", "%%"))
    )
