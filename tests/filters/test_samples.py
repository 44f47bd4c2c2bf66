"""The shipped filters against the annotated sample logs of Debian's fail2ban package, service by service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.filters.agreement import agreement, names

SHARE = 0.98
"""So many of a service's lines are read as annotated."""
FEWEST = 1150
"""So many lines of all services are."""
# Lines that are read otherwise on purpose, for with one like them an attacker accuses anybody: docs/filters.md.
DELIBERATE = (
    "Failed password for invalid user test from 127.0.0.1 port 58946 ssh2: from 10.10.1.2 port 55555 ssh2",
    "tty=xxx ruser= rhost=192.0.2.2 user=test rhost=192.0.2.152",
)
DOC = Path(__file__).parent.parent.parent / "docs" / "filters.md"


@pytest.mark.parametrize("name", names())
def test_shipped_filter_when_it_reads_annotated_samples_then_it_agrees(name: str) -> None:
    (result,) = agreement([name])
    wrong = [one for one in result.wrong if not any(text in one.line for text in DELIBERATE)]
    assert result.lines > 0
    assert len(wrong) <= (1 - SHARE) * result.lines, wrong


def test_shipped_filters_when_they_read_all_samples_then_so_many_agree_and_the_docs_name_the_others() -> None:
    results = list(agreement())
    wrong = [one for result in results for one in result.wrong]
    assert sum(result.lines for result in results) - len(wrong) >= FEWEST
    text = DOC.read_text(encoding="utf-8")
    assert not [one.line for one in wrong if one.line not in text]
    assert not [name for name in names() if f"| `{name}` |" not in text]
