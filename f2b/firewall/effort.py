"""What an action's work has cost so far: calls, seconds, failures."""

from __future__ import annotations


class Effort:
    """Counts; it only grows."""

    __slots__ = ("calls", "failures", "seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.seconds = 0.0

    def add(self, seconds: float, worked: bool) -> None:
        """Count one call, or one command."""
        self.calls += 1
        self.seconds += seconds
        self.failures += not worked
