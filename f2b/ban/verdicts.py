"""What was found out of somebody before (`ignorecache`): whom to spare, without asking again."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

from f2b import duration, net
from f2b.events import Failure

MOST = 100
"""Verdicts that are kept if `max-count` does not say."""
KEEP_S = 300.0
"""How long they are if `max-time` does not say; both are Fail2Ban's numbers."""

_TAG = re.compile(r"<(F-)?([^ <>]+)>")


class Verdicts:
    """Spared or not, by a key such as `<ip>` or `<F-USER>@<ip>`; without a key nothing is kept."""

    def __init__(self, options: Mapping[str, str]) -> None:
        """Raises ValueError for a max-count or a max-time that is no number."""
        self._key = options.get("key", "")
        self._most = int(options.get("max-count") or MOST)
        self.kept = bool(self._key) and self._most > 0
        """Whether anything is."""
        self._keep_s = duration.seconds(options.get("max-time") or str(KEEP_S))
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def get(self, failure: Failure, now: float) -> bool | None:
        """Return whether somebody is to be spared, or None if that is not known."""
        known = self._known.get(_filled(self._key, failure)) if self.kept else None
        return known[1] if known and 0 <= now - known[0] < self._keep_s else None

    def put(self, failure: Failure, spared: bool, now: float) -> None:
        """Remember a verdict; the oldest is forgotten for it if there are too many."""
        if not self.kept:
            return
        key = _filled(self._key, failure)
        self._known.pop(key, None)
        while len(self._known) >= self._most:
            self._known.popitem(last=False)
        self._known[key] = (now, spared)


def _filled(text: str, failure: Failure) -> str:
    """Return the key with its tags replaced by what they stand for."""
    address = failure.host or failure.id
    values = {
        "ip": address,
        "ip-host": address,  # a name stands for its address as well as an address for its name
        "fid": failure.id,
        "family": {4: "inet4", 6: "inet6"}.get(net.family(address), ""),
    }

    def value(tag: re.Match[str]) -> str:
        if not tag[1]:
            return values.get(tag[2], tag[0])
        caught = failure.captures.get(tag[2].lower(), "")
        return caught if isinstance(caught, str) else ",".join(caught)

    return _TAG.sub(value, text)
