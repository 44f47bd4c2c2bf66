"""Who is never banned by a filter, so that nobody locks himself out: administrators, gateways, and who was allowed.

Unlike the allow list, this is asked when a ban is due: who protects is known by then. Pure: what is so now is handed
in by whoever may look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from f2b import net


class Protected:
    """Addresses and networks, and why each is protected."""

    def __init__(self, reasons: Mapping[str, str] | None = None) -> None:
        self._reasons = {key: why for key, why in (reasons or {}).items() if net.network(key)}
        self._nets = net.NetSet(self._reasons)
        self._spans: net.Spans | None = None
        """For `touches`; None: to be made."""

    def why(self, key: str) -> str:
        """Return why an address, or somebody in a network, is protected; empty if nobody is."""
        if not self._reasons:
            return ""
        if "/" not in key:
            holder = self._nets.holder(key)
            return "" if holder is None else self._reasons[holder]
        if not self.touches(key):
            return ""
        return next(f"{one}: {why}" for one, why in self._reasons.items() if one in net.Spans([key]))

    def touches(self, network: str) -> bool:
        """Return whether anybody in a network is protected."""
        if not self._reasons:
            return False
        if self._spans is None:
            self._spans = net.Spans(self._reasons)
        return network in self._spans


Protection = Callable[[Sequence[str]], Protected]
"""Who is protected now, where members of these groups count as administrators."""

NOBODY = Protected()


def nobody(groups: Sequence[str]) -> Protected:
    """Protect nobody: in a replay, say."""
    return NOBODY
