"""The sampler finds where the time went."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from bench import sampling


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(100))


def test_sampled_when_something_computes_then_it_is_found_there() -> None:
    found, seconds = sampling.sampled(lambda: burn(0.3))
    assert seconds >= 0.3
    here = sum(times for (file, _), times in found.items() if file == __file__)
    assert here > sum(found.values()) / 2


def test_told_when_there_are_samples_then_shares_and_source_lines_are_named() -> None:
    file = str(Path(sampling.__file__))
    text = sampling.told(Counter({(file, 1): 3, ("/usr/lib/python3/re/x.py", 7): 1}), 2.0, 1_000_000)
    assert "1,000,000 lines, 2,000 ns each" in text
    assert " 75.0 %     1500 ns  bench/sampling.py\n" in text
    assert " 25.0 %      500 ns  re/x.py" in text
    assert 'bench/sampling.py:1  """Where a line' in text


def test_main_when_run_then_the_report_of_the_filter_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    sampling.main(["plain404", "--lines", "200"])
    assert capsys.readouterr().out.startswith("200 lines, ")
