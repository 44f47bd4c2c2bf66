"""What members of the socket's group may do: ask, and follow the events. All else is for root, and the owner.

One of them, whom `fleetuser` names, may also carry over bans of other hosts: `f2b fleet run` talks to the network,
and needs no more.
"""

from __future__ import annotations

from f2b.control.protocol import Message, Request, Words
from f2b.errors import ControlError

REQUESTS = frozenset({"ping", "status", "summary", "jail", "banned", "explain", "events", "metrics"})
SATELLITE = "impose"
"""What the user whom `fleetuser` names may do besides: carry over bans, none of whom no filter may ban."""
WORDS = frozenset({"ping", "status", "version", "banned"})
"""Of Fail2Ban's; others may run what an action has defined."""


def refusal(message: Message, satellite: bool = False) -> ControlError | None:
    """Return why a member of the group may not do this; None if he may. `satellite`: it is the fleet's."""
    if isinstance(message, Request):
        what = message.name
        allowed = what in REQUESTS or (satellite and what == SATELLITE)
    elif isinstance(message, Words):
        what = str(message.words[0]) if message.words else ""
        allowed = what in WORDS
    else:
        return None
    return None if allowed else ControlError(f"the socket's group may only ask, not {what:.50}; do it as root")
