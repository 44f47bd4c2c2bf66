"""The shipped filters, line by line: tests/cases/FILTER.log says whom each line accuses.

A heading `[mode=ddos]` holds the filter's options for the lines below it. A line is `ID | LOG LINE`; ID is `-` for
nobody.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.filters.reading import failures

ROOT = Path(__file__).parent.parent.parent
CASES = sorted((ROOT / "tests" / "cases").glob("*.log"))
VICTIM = "198.51.100.9"
"""Whom the attackers of the cases try to have banned."""
NOW = 1795255500.0
"""2026-11-21 10:05 UTC, shortly after the cases."""


def blocks(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the filter with each of its options, and the lines for it with the ids that they accuse."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for row in path.read_text(encoding="utf-8").splitlines():
        if row.startswith("["):
            found.append((path.stem + (row if row != "[]" else ""), []))
        elif row and not row.startswith("#"):
            who, line = row.split(" | ", 1)
            found[-1][1].append((who, line))
    return found


@pytest.mark.parametrize(
    ("spec", "lines"), [pytest.param(*block, id=block[0]) for path in CASES for block in blocks(path)]
)
def test_shipped_filter_when_it_reads_its_cases_then_it_accuses_who_is_named(
    spec: str, lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    found = failures(spec, [line for _, line in lines], NOW, tmp_path)
    accused = [(" ".join(failure.id for failure in of_line) or "-") for of_line in found]
    assert list(zip(accused, [line for _, line in lines], strict=True)) == lines


def test_shipped_filters_when_counted_then_each_has_hits_near_misses_and_an_injection() -> None:
    few = []
    for path in CASES:
        lines = [case for _, cases in blocks(path) for case in cases]
        plain = [who for who, line in lines if VICTIM not in line]
        misses = plain.count("-")
        if len(plain) - misses < 3 or misses < 3 or len(plain) == len(lines):
            few.append(path.stem)
    assert not few
    files = (ROOT / "filters").glob("*.conf")
    assert {path.stem for path in CASES} == {
        path.stem for path in files if re.search("^failregex =", path.read_text(encoding="utf-8"), re.M)
    }
