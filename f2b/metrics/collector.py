"""Asks the server when somebody scrapes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest, write_to_textfile

from f2b.client import Client, ControlError
from f2b.metrics.family import away, families

CLOSELY_S = 300.0
"""How often the kernel is asked for all its elements: of 50,000 bans that takes the server a moment."""


class Collector:
    """One server's numbers."""

    def __init__(self, client: Client, closely_s: float = CLOSELY_S) -> None:
        self._client = client
        self._closely_s = closely_s
        self._asked = float("-inf")
        self._elements: dict[tuple[str, str], int] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def describe(self) -> list[Metric]:
        """Return nothing: names are told when there are numbers."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all families; Prometheus' library calls this for each scrape."""
        closely = time.monotonic() - self._asked >= self._closely_s
        try:
            answer = self._client.ask("metrics", closely=closely)
        except ControlError:
            yield from away()
            return
        if closely:
            self._asked = time.monotonic()
            self._elements = {
                (jail["name"], action["name"]): action["elements"]
                for jail in answer["jails"]
                for action in jail["actions"]
                if action["elements"] is not None
            }
        yield from families(answer, self._elements)

    def text(self) -> bytes:
        """Return it in Prometheus' text format."""
        return generate_latest(self.registry)

    def write(self, path: str) -> None:
        """Put it into a file for node_exporter, at one stroke. Raises OSError."""
        write_to_textfile(path, self.registry)
