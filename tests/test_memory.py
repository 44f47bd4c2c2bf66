"""What only the start needed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from f2b import memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

pieces = [bytes(60_000) for _ in range(300)]
pinned = [bytes(600) for _ in range(300)]
del pieces
before = resident()
memory.settle()
print(before - resident())
"""


def test_settle_when_much_was_freed_then_the_system_has_it_back() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 5_000_000
