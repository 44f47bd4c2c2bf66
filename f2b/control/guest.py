"""What members of the socket's group may do: ask, and follow the events. All else is for root, and the owner.

Some of them may do a little more, and no more than what they are for needs: whom `fleetuser` names, carry over bans
of other hosts (`f2b fleet run`); whom `webuser` names, ban and let in (`f2b web`).
"""

from __future__ import annotations

from collections.abc import Collection

from f2b.control.protocol import Message, Request, Words
from f2b.errors import ControlError

REQUESTS = frozenset({"ping", "status", "summary", "jail", "banned", "explain", "events", "metrics"})
FLEET = frozenset({"impose"})
"""What the user whom `fleetuser` names may do besides: carry over bans, none of whom no filter may ban."""
WEB = frozenset({"ban", "unban", "allow"})
"""What the user whom `webuser` names may do besides."""
WORDS = frozenset({"ping", "status", "version", "banned"})
"""Of Fail2Ban's; others may run what an action has defined."""


def refusal(message: Message, besides: Collection[str] = ()) -> ControlError | None:
    """Return why a member of the group may not do this; None if he may. `besides`: the requests that he may, too."""
    if isinstance(message, Request):
        what = message.name
        allowed = what in REQUESTS or what in besides
    elif isinstance(message, Words):
        what = str(message.words[0]) if message.words else ""
        allowed = what in WORDS
    else:
        return None
    return None if allowed else ControlError(f"the socket's group may only ask, not {what:.50}; do it as root")
