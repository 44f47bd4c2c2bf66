"""JSON lines of HTTP servers as requests: nginx (`escape=json`), Caddy, Traefik, and others by `field.NAME`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from f2b.filter.request import NO_METHOD, Asked, Request, asked

_PLACES = {
    "host": ("remote_addr", "request.remote_ip", "ClientHost", "request.remote_addr", "ClientAddr"),
    "user": ("remote_user", "user_id", "ClientUsername"),
    "method": ("request_method", "request.method", "RequestMethod"),
    "target": ("request_uri", "request.uri", "RequestPath"),
    "protocol": ("server_protocol", "request.proto", "RequestProtocol"),
    "status": ("status", "DownstreamStatus", "OriginStatus"),
    "size": ("body_bytes_sent", "bytes_sent", "size", "DownstreamContentSize", "OriginContentSize"),
    "referer": ("http_referer",),
    "agent": ("http_user_agent",),
    "vhost": ("request.host", "RequestHost", "http_host", "server_name", "host"),
    "duration": ("request_time", "duration"),
}
"""Where each field may stand: the first place that says something counts."""
_HEADERS = {"referer": "referer", "agent": "user-agent"}
_NS = 1e-9
"""Traefik's `Duration` is in nanoseconds."""

DATE_KEYS = ("time_iso8601", "time_local", "msec", "ts", "time", "timestamp", "@timestamp")
"""The keys under which dates stand."""

Document = Mapping[str, Any]


class JsonLine:
    """How JSON lines are read; `fields` says where fields of other names stand (`field.NAME = key.path`)."""

    def __init__(self, fields: Mapping[str, str], hostfield: str = "") -> None:
        self._fields = fields
        self._hostfield = hostfield

    def read(self, text: str) -> Request | None:
        """Return the request of a line, or None if it is none."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return self._request(found) if isinstance(found, dict) else None

    def _request(self, found: Document) -> Request | None:
        host = self._field(found, "host")
        line = self._asked(found)
        if not host or line is None:
            return None
        more = {self._hostfield: self._field(found, self._hostfield)} if self._hostfield else {}
        return Request(
            host,
            line,
            int(number(self._field(found, "status"))),
            int(number(self._field(found, "size"))),
            self._field(found, "referer"),
            self._field(found, "agent"),
            self._field(found, "user"),
            self._field(found, "vhost"),
            number(self._field(found, "duration")) or number(_at(found, "Duration")) * _NS,
            more,
        )

    def _asked(self, found: Document) -> Asked | None:
        method, target = self._field(found, "method"), self._field(found, "target")
        whole = self._field(found, "request")
        if method and target and (not whole or asked(whole).method != NO_METHOD):
            return Asked(method, target, self._field(found, "protocol"))
        if whole or isinstance(found.get("request"), str):
            return asked(whole)
        return Asked(method or NO_METHOD, target, "") if method or target else None

    def _field(self, found: Document, name: str) -> str:
        if name in self._fields:
            return _at(found, self._fields[name])
        for place in _PLACES.get(name, (name,)):
            text = _at(found, place)
            if text:
                return text
        header = _HEADERS.get(name) or (name[5:].replace("_", "-") if name.startswith("http_") else "")
        return _header(found, header) if header else ""


def _at(found: Any, path: str) -> str:
    """Return what stands at `key.path`, as text; a dot may be part of a key, too."""
    if not isinstance(found, dict):
        return ""
    if path in found:
        return _text(found[path])
    head, dot, tail = path.partition(".")
    while dot:
        if head in found and isinstance(found[head], dict):
            return _at(found[head], tail)
        more, dot, tail = tail.partition(".")
        head = f"{head}.{more}"
    return ""


def _header(found: Document, name: str) -> str:
    """Return a header as Caddy (`request.headers`) or Traefik (`request_NAME`) writes it."""
    request = found.get("request")
    headers = request.get("headers") if isinstance(request, dict) else None
    for key, value in headers.items() if isinstance(headers, dict) else ():
        if key.lower() == name:
            return _text(value)
    wanted = f"request_{name}"
    return next((_text(value) for key, value in found.items() if key.lower() == wanted), "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return "" if value == "-" else value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number(text: str) -> float:
    """Return a number; 0 for what is none."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found < 1e18 else 0.0
