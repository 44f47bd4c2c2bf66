"""Reading log lines with a filter that f2b ships, as the server does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from f2b.config.search import load_filter_file
from f2b.date.reader import DateReader
from f2b.events import Failure
from f2b.filter.regex import compile_filter
from f2b.lines import LineReader


def failures(spec: str, lines: Iterable[str], now: float, nowhere: Path) -> list[Sequence[Failure]]:
    """Return what each line is to the filter `NAME[option=value,...]`, never to a jail of that name.

    `nowhere` is an empty folder.
    """
    found, problems = load_filter_file(spec, nowhere)
    assert found is not None
    assert not problems
    filter_, wrong = compile_filter(found)
    assert filter_ is not None
    assert not wrong
    reader = LineReader(DateReader([text.value for text in found.datepattern]))
    return [filter_.feed(reader.line(line, now)) for line in lines]
