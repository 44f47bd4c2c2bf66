"""What there is to tell: an event of the server, as far as people want to know of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from f2b.client import Event
from f2b.named import NamedTuple

MOST_MATCHES = 3
LONGEST_MATCH = 300
"""Characters: who reads a message on a phone wants no more of a log line."""
KINDS = ("ban", "unban", "prolong", "refused", "error", "down", "up", "gap")

Origin = Callable[[str], tuple[str, str]]
"""From an address to its country and its network, as far as they are known."""


class News(NamedTuple):
    """One thing to tell."""

    kind: str
    """One of KINDS."""
    time: float
    jail: str = ""
    id: str = ""
    failures: int = 0
    bantime: float = 0
    bancount: int = 0
    matches: Sequence[str] = ()
    reason: str = ""
    country: str = ""
    network: str = ""


def news(event: Event, origin: Origin) -> News | None:
    """Return what an event says to people; None for bans that are restored: they were told of before."""
    said = event.details
    if said.get("restored"):
        return None
    caught = said.get("captures", {})
    country, network = origin(said["ip"]) if said.get("ip") else ("", "")
    return News(
        event.event,
        event.time,
        event.jail or "",
        event.id or "",
        said.get("failures", 0),
        said.get("bantime", 0),
        said.get("bancount", 0),
        [line[:LONGEST_MATCH] for line in said.get("matches", ())[-MOST_MATCHES:]],
        said.get("reason", ""),
        country or caught.get("country", ""),
        network or " ".join(filter(None, (caught.get("asn"), caught.get("asorg")))),
    )


def fields(each: News) -> dict[str, Any]:
    """Return it as JSON can say it."""
    return {**each._asdict(), "matches": list(each.matches)}
