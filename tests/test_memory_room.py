"""How many may be counted, by the memory that a process may have."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("limit_mb", "fewest", "most"), [(4000, 100_000, 100_000), (100, 10_000, 30_000), (35, 2_000, 2_000)]
)
def test_room_when_memory_is_limited_then_fewer_are_counted(limit_mb: int, fewest: int, most: int) -> None:
    code = "import resource, sys; from f2b import memory; "
    code += f"resource.setrlimit(resource.RLIMIT_AS, ({limit_mb} << 20,) * 2); print(memory.room(1, 100_000))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert fewest <= int(done.stdout) <= most


@pytest.mark.parametrize(
    ("limit_mb", "most_bans", "most_lines"), [(96, (60_000, 100_000), 10_000), (64, (30_000, 60_000), 5_000)]
)
def test_bans_when_memory_is_limited_then_fewer_are_held(
    limit_mb: int, most_bans: tuple[int, int], most_lines: int
) -> None:
    code = "import resource, sys; from f2b import memory; "
    code += f"resource.setrlimit(resource.RLIMIT_AS, ({limit_mb} << 20,) * 2); "
    code += "print(memory.bans(), memory.lines(1, 10_000), memory.lines(50, 10_000))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    bans, lines, of_fifty = map(float, done.stdout.split())
    assert most_bans[0] <= bans <= most_bans[1]
    assert of_fifty <= 200
    assert 1000 <= lines <= most_lines
