"""The tables of types; and the type that docs/filter-types.md makes as an example, made as it says there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from f2b.filter import kind
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options
from tests.filter.typed import LOGIN, NOW, bad, fed, made, wrong

DOCS = (Path(__file__).parents[2] / "docs" / "filter-types.md").read_text(encoding="utf-8")


def test_worked_example_when_made_as_the_docs_say_then_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r'```python\n("""The type hours.*?)```', DOCS, re.DOTALL)
    names: dict[str, Callable[[Options], FailureJudge]] = {}
    exec(compile(code, "hours.py", "exec"), names)
    monkeypatch.setattr(kind, "OVER_FAILURES", {**kind.OVER_FAILURES, "hours": names["Hours"]})
    hour = str(time.localtime(NOW).tm_hour)
    tested = made("hours", LOGIN, first=hour, last=hour)
    assert [failure.id for failure in fed(tested, [bad(at=0), bad("192.0.2.2", at=3600)])] == ["192.0.2.2"]
    assert "no option 'fist'" in wrong("hours", LOGIN, fist="9")[0].what


def test_docs_when_read_then_they_name_every_type() -> None:
    types = {*kind.OVER_FAILURES, *kind.OVER_REQUESTS, *kind.OVER_EVENTS}
    assert types <= {*re.findall(r"`(\w+)`", DOCS.split("## Rules")[0])}
