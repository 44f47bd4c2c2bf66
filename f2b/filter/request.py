"""One request of an HTTP access log, as the filter types see it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.named import NamedTuple

_HTTP = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (.+) (HTTP/\d(?:\.\d)?)|([A-Z]+) ((?:/|https?://)\S*)", re.DOTALL)
_ORIGIN = re.compile(r"(?:https?|wss?)://[^/?]*", re.IGNORECASE)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOTHING: Mapping[str, str] = {}

NO_METHOD = "-"
"""The method of what is no HTTP: TLS, SSH, garbage."""


class Asked(NamedTuple):
    """A request line."""

    method: str
    target: str
    """Path and query, as sent."""
    protocol: str


class Glimpse(NamedTuple):
    """What is plain to see of a request."""

    line: str
    """The request line."""
    status: int
    agent: str | None
    """None if that is not so plain."""


def asked(line: str) -> Asked:
    """Return what a request line says; of one that is no HTTP, all is target."""
    found = _HTTP.fullmatch(line)
    if found is None:
        return Asked(NO_METHOD, line, "")
    return Asked(found[1] or found[4], found[2] or found[5], found[3] or "")


class Request:
    """What the log says of one request; what it does not say is empty. `agent` None: the log has no place for it."""

    __slots__ = (
        "_parts",
        "agent",
        "duration",
        "host",
        "method",
        "more",
        "protocol",
        "referer",
        "size",
        "status",
        "target",
        "user",
        "vhost",
    )

    def __init__(
        self,
        host: str,
        asked: Asked,
        status: int,
        size: int = 0,
        referer: str = "",
        agent: str | None = None,
        user: str = "",
        vhost: str = "",
        duration: float = 0.0,
        more: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Take what the log says; `more` is what it says besides."""
        self.host = host
        """The client: an address, or a name where the server looks names up."""
        self.method, self.target, self.protocol = asked
        self.status = status
        self.size = size
        self.referer = referer
        self.agent = agent
        self.user = user
        self.vhost = vhost
        self.duration = duration
        """Seconds."""
        self.more = more
        self._parts: tuple[str, str] | None = None

    @property
    def path(self) -> str:
        """What was asked for, decoded once, without query."""
        return (self._parts or self._split())[0]

    @property
    def query(self) -> str:
        """What stands behind the first `?`, decoded once, `+` as a blank."""
        return (self._parts or self._split())[1]

    @property
    def relative(self) -> str:
        """The target without scheme and host, as sent."""
        origin = _ORIGIN.match(self.target)
        if origin is None:
            return self.target
        rest = self.target[origin.end() :]
        return rest if rest.startswith("/") else f"/{rest}"

    def captures(self) -> dict[str, str]:
        """Return what a failure tells of it."""
        found = {
            "user": self.user,
            "method": self.method,
            "target": self.target,
            "path": self.path,
            "query": self.query,
            "protocol": self.protocol,
            "status": str(self.status) if self.status else "",
            "size": str(self.size),
            "referer": self.referer,
            "agent": self.agent or "",
            "vhost": self.vhost,
            "duration": f"{self.duration:g}" if self.duration else "",
        }
        return {name: text for name, text in found.items() if text}

    def _split(self) -> tuple[str, str]:
        if self.method == NO_METHOD:
            self._parts = self.target, ""
        else:
            path, _, query = self.relative.partition("?")
            self._parts = decoded(path), decoded(query.replace("+", " "))
        return self._parts


def decoded(text: str) -> str:
    """Return a text with `%xx` decoded, once; bytes that are no UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    raw = _ENCODED.sub(lambda found: bytes((int(found[1], 16),)), text.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")
