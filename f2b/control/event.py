"""Events as JSON can say them, and cursors: where a reader of them stands.

The keys are those of `f2b replay --json`; what it has not (the address, until when, which lines) stands behind.
"""

from __future__ import annotations

from collections.abc import Mapping

from f2b.daemon.feed import Entry, Event, Told, jail_of, kind
from f2b.errors import ControlError
from f2b.events import Ban, Collateral, Found, Prolonged, Spared, Surged, Unban

GAP = "gap"


def cursor(epoch: str, number: int) -> str:
    """Return where a reader stands, as text that means something to this run of the server only."""
    return f"{epoch}-{number}"


def number_of(text: str, epoch: str) -> int | None:
    """Return the event's number that a cursor holds; None if it is of another run. Raises ControlError."""
    run, _, number = text.rpartition("-")
    if not run or not (number.isascii() and number.isdigit()):
        raise ControlError(f"{text!r} is no cursor; take one from an event", 2)
    return int(number) if run == epoch else None


def gap(epoch: str, number: int, now: float, restarted: bool) -> Mapping[str, object]:
    """Return the event that says that others are missing before the next one."""
    why = "the server was restarted" if restarted else "older events are no longer kept"
    return {
        "event": GAP,
        "time": now,
        "jail": None,
        "id": None,
        "reason": why,
        "cursor": cursor(epoch, number),
    }


def said(entry: Entry, epoch: str) -> Mapping[str, object]:
    """Return an event as a JSON object."""
    event = entry.event
    ban = _ban(event)
    ours = ban if ban else event
    about: dict[str, object] = {
        "event": kind(event),
        "time": _time(event, entry.time),
        "jail": jail_of(event) or None,
        "id": getattr(ours, "id", None),
    }
    return about | _details(event) | {"cursor": cursor(epoch, entry.number)}


def _ban(event: Event) -> Ban | None:
    if isinstance(event, Ban):
        return event
    return event.ban if isinstance(event, (Prolonged, Unban)) else None


def _time(event: Event, noted: float) -> float:
    """Return when it happened; an unban when it was carried out, which may be before its time."""
    if isinstance(event, (Found, Ban)):
        return event.time
    if isinstance(event, Prolonged):
        return event.ban.time + (event.after or 0)
    return noted


def _details(event: Event) -> dict[str, object]:
    if isinstance(event, Found):
        return {"ip": event.seen or event.id, "by_hand": event.by_hand}
    if isinstance(event, Spared):
        return {"reason": event.why}
    if isinstance(event, Collateral):
        return {"reason": f"it would hit {', '.join(event.whom)}, too"}
    if isinstance(event, Surged):
        held = "held back until it is calmer" if event.held else "not held back"
        return {"reason": f"more than {event.maxbans} new bans within a minute; they are {held}"}
    if isinstance(event, Told):
        return {"reason": event.text}
    ban = _ban(event)
    assert ban
    details: dict[str, object] = {
        "failures": ban.failures,
        "bantime": ban.duration,
        "ip": ban.ip,
        "until": None if ban.duration < 0 else ban.end,
        "bancount": ban.count,
        "restored": ban.restored,
    }
    if isinstance(event, Unban):
        return details | {"by_hand": event.forget} | ({"by": event.by} if event.by else {})
    return details | {"matches": list(ban.matches), "captures": dict(ban.captures)}
