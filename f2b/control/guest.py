"""What members of the socket's group may do: ask, and follow the events. All else is for root, and the owner."""

from __future__ import annotations

from f2b.control.protocol import Message, Request, Words
from f2b.errors import ControlError

REQUESTS = frozenset({"ping", "status", "summary", "jail", "banned", "explain", "events", "metrics"})
WORDS = frozenset({"ping", "status", "version", "banned"})
"""Of Fail2Ban's; others may run what an action has defined."""


def refusal(message: Message) -> ControlError | None:
    """Return why a member of the group may not do this; None if he may."""
    if isinstance(message, Request):
        what, allowed = message.name, message.name in REQUESTS
    elif isinstance(message, Words):
        what = str(message.words[0]) if message.words else ""
        allowed = what in WORDS
    else:
        return None
    return None if allowed else ControlError(f"the socket's group may only ask, not {what:.50}; do it as root")
