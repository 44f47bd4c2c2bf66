"""The shipped filters against the annotated sample logs of Debian's fail2ban package, service by service."""

from __future__ import annotations

import pytest

from tests.filters.agreement import agreement, names

SHARE = 0.98
"""So many of a service's lines are read as annotated; docs/filters.md says why the others are not."""


@pytest.mark.parametrize("name", names())
def test_shipped_filter_when_it_reads_annotated_samples_then_it_agrees(name: str) -> None:
    (result,) = agreement([name])
    assert result.lines > 0
    assert len(result.wrong) <= (1 - SHARE) * result.lines, result.wrong
