"""Log lines to try a filter on, from a text: cases as in tests/cases, or any log."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CASE = re.compile(r"\S+ \| ")


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield options of a filter (`[mode=ddos]`, or nothing) and the lines for it.

    A heading `[option=value]` holds for the lines below it. `ID | LINE` is a case, ID being who fails; comments begin
    with #.
    """
    options, lines = "", list[str]()
    for row in text.splitlines():
        if re.fullmatch(r"\[(?:[\w.-]+=.*)?\]", row):
            yield options, lines
            options, lines = row if row != "[]" else "", []
        elif row and not row.startswith("#"):
            lines.append(_CASE.sub("", row, count=1))
    yield options, lines
