"""Which files a pattern means, without a look at the disk."""

from __future__ import annotations

from pathlib import Path

from f2b.source.pattern import expand, means

NAMES = ("a.log", "a.log.1", "b.log.gz", ".hidden.log", "c/a.log", "c/d/a.log", "[x].log", "a", "c/.log")
PATTERNS = ("*.log", "*", "a*", "*/*.log", "*/*/*", "**/a.log", "[[]x].log", "?.log", ".*", "a.log", "c/.*")


def test_means_when_files_are_there_then_it_names_exactly_what_expand_does(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for pattern in PATTERNS:
        meant = {path for path in expand(f"{tmp_path}/{pattern}") if Path(path).is_file()}
        found = {f"{tmp_path}/{name}" for name in NAMES if means(f"{tmp_path}/{pattern}", f"{tmp_path}/{name}")}
        assert found == meant, pattern
