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


GARBAGE = """
import gc
from f2b import memory
memory.settle()
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
kept = [{"a": [number]} for number in range(100_000)]
whole = seen.count(2)
for number in range(1000):
    ring = []
    ring.append(ring)
memory.search()
print(whole, len(seen) > 0, seen.count(2))
"""


def test_settle_when_much_is_counted_then_all_of_it_is_searched_for_garbage_only_on_demand() -> None:
    run = subprocess.run([sys.executable, "-c", GARBAGE], capture_output=True, text=True, check=True)
    assert run.stdout.split()[:2] == ["0", "True"]
    assert int(run.stdout.split()[2]) > 0


RINGS = """
import gc
from f2b import memory
memory.settle()
class Ring:
    gone = 0
    def __init__(self):
        self.own = self
    def __del__(self):
        Ring.gone += 1
old = Ring()
memory.search()
counts = [memory.filled()]
kept = [{"a": [number]} for number in range(100_000)]
counts.append(memory.filled())
new = Ring()
del old, new
seen = len(gc.get_objects(2)) + len(gc.get_objects(1)) + len(gc.get_objects(0))
memory.search()
counts += [memory.filled(), Ring.gone, seen > 100_000, sum(len(gc.get_objects(each)) for each in range(3)) < 1000]
memory.search(whole=True)
print(*counts, Ring.gone)
"""


def test_search_when_much_is_kept_then_only_what_is_new_is_looked_at_and_once_in_a_while_all() -> None:
    run = subprocess.run([sys.executable, "-c", RINGS], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "False", "1", "True", "True", "2"]
