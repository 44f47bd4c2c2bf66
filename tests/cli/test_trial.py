"""`f2b regex` on a long log, where lines that cannot match are passed over: the same lines count in the same way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

FILTER = "^ host app: failure of <F-USER>\\S+</F-USER> from <ADDR>$"
LINES = [
    *("Nov 20 00:50:26 host cron: nothing to do", "Nov 20 00:50:26 host app: failure of root from 192.0.2.1"),
    *("", "   ", "# a comment", "\u3000", "no date", "Nov 20 00:50:26 host app: failure of é from 2001:db8::1"),
    "# app: failure of root from 192.0.2.2",
]
WEIGHTS = [50, 3, 1, 1, 1, 1, 3, 3, 1]


def tried(log: Path, *options: str) -> str:
    command = [sys.executable, "-m", "f2b", "regex", "--now", "1763600000", *options, str(log), FILTER]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("ending", ["\n", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_long_log_when_lines_are_passed_over_then_all_of_them_count(
    tmp_path: Path, ending: str, encoding: str
) -> None:
    dice = random.Random(7)
    lines = [*dice.choices(LINES, WEIGHTS, k=3000), "Nov 20 00:50:27 host app: failure of z from 192.0.2.9"]
    log = tmp_path / "log"
    log.write_bytes(("\n".join(lines) + ending).encode(encoding))
    failed = [number for number, line in enumerate(lines, 1) if "app:" in line and not line.startswith("#")]
    tested = sum(not line.isspace() and line != "" and not line.startswith("#") for line in lines)
    rows = [json.loads(row) for row in tried(log, "--json", "-e", encoding).splitlines()]
    assert [row["line"] for row in rows[:-1]] == failed
    expected = {"lines": tested, "matched": len(failed), "ignored": 0, "missed": tested - len(failed)}
    assert rows[-1]["summary"].items() >= expected.items()
    text = tried(log, "-e", encoding)
    assert f"Lines: {tested} lines, 0 ignored, {len(failed)} matched, {tested - len(failed)} missed" in text
    assert ("words that a match needs" in text) is (encoding == "utf-8")
