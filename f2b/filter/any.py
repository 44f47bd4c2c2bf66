"""The type any: a failure of any of its bases."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.events import Failure
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options


class Any(FailureJudge):
    """Lets every failure pass."""

    def __init__(self, options: Options) -> None:
        """Take no options."""

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return the failure."""
        return (failure,)

    def why(self, failure: Failure) -> str:
        """Say that it passes."""
        return "a failure of one of the bases"
