"""The soak, for two seconds in place of thirty minutes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench import soak
from bench.soak import Seen, grown_mb

ROOT = Path(__file__).parent.parent.parent


def test_soak_when_a_server_lives_through_it_then_no_line_is_lost() -> None:
    command = [sys.executable, "bench/soak", "--minutes", "0.04", "--rate", "2000", "--rotation", "0.7"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ": 0 lost" in run.stdout, run.stdout + run.stderr
    assert "the kernel holds whom the server says" in run.stdout


def test_writer_when_it_rotates_then_all_its_lines_are_in_some_file(tmp_path: Path) -> None:
    with closing(soak.Writer(tmp_path / "log")) as writer:
        for _ in range(2):
            writer.write(500)
            writer.rotate()
            writer.write(500)
        text = "".join(file.read_text() for file in tmp_path.iterdir())
    assert (text.count("\n"), text.count("Failed password")) == (writer.lines, writer.failures)
    assert writer.failures > 0


@pytest.mark.parametrize(
    ("memory", "grown"),
    [([(1, 10.0), (20, 12.0), (40, 13.5), (60, 13.0)], 1.5), ([(1, 10.0)], 0.0), ([(11, 10.0), (60, 9.0)], 0.0)],
)
def test_memory_when_it_has_settled_then_only_what_comes_after_counts(
    memory: list[tuple[float, float]], grown: float
) -> None:
    assert grown_mb(Seen(1, 1, 1, 1, 1, memory, True), 60) == grown
