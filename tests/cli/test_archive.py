"""Old logs as `f2b replay` reads them: in the order of rotation, and no line left out that matters."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from f2b.cli import archive
from f2b.cli.archive import Archive
from f2b.config.model import FilterSpec, Text
from f2b.date.bracket import dates
from f2b.events import Failure
from f2b.filter.build import build, date_patterns
from f2b.lines import LineReader
from tests.filter.test_chunks import MISSING
from tests.filter.typed import NOW, PLACE, request, spec

SPECS = {
    "status": spec("http", status="400-499 !404", excludepaths="^/fav"),
    "path": spec("http", methods="POST", paths="^/login", status="200 401", okstatus="302"),
    "query": spec("http", query="union.*select"),
    "agents": spec("useragent", agents="sqlmap\nzgrab", allowagents="^Good", empty="no"),
    "many agents": spec("useragent", maxagents="2", empty="no"),
    "anomaly": spec("anomaly", status="404", ratio="0.2", minrequests="3"),
    "slow": spec("slow", MISSING, slot="1m"),
    "over the same": spec("any", spec("http", status="400-499"), spec("http", agents="curl")),
}
PATHS = ["/", "/login", "/%6cogin?x=1", "/favicon.ico", "/x?q=UNION select", "/x?q=union%20select+1", r"/\x22 200 1"]
AGENTS = ["Mozilla", "-", "sqlmap/1", "Good zgrab", "curl/8", r"a\" 404 1", "sqlmap"]


def text(dice: random.Random, at: int) -> str:
    """Return a line of an access log, of one format or another."""
    host, status = f"192.0.2.{dice.randrange(9)}", dice.choice((200, 302, 401, 404, 499))
    asked = f"{dice.choice(('GET', 'POST'))} {dice.choice(PATHS)} HTTP/1.1"
    line = request(asked, status, host, agent=dice.choice(AGENTS)).raw.replace(
        "10:00:00", f"10:{at // 60:02}:{at % 60:02}"
    )
    form = dice.randrange(10)
    return line + f' "{dice.choice(AGENTS)}"' if form == 0 else line.split('"-"')[0].rstrip() if form == 1 else line


def failures(tested: FilterSpec, path: Path, whole: bool) -> tuple[list[Failure], int, int]:
    """Return what a filter finds in all lines, or in those of the archive; how many it sees, and counts."""
    found, problems = build(tested)
    assert found is not None, problems
    reader = LineReader(dates(date_patterns(tested)))
    log = Archive(path, reader, [found])
    seen: list[Failure] = []
    lines = 0
    if whole:
        for line in reader.lines(path.read_bytes(), NOW):
            seen += found.feed(line)
        return seen, 0, 0
    for _, _, line, mask in log.records(0, NOW, lambda amount: None):
        lines += 1
        seen += found.feed(line) if mask & 1 else ()
    return seen, lines, log.lines


@pytest.mark.parametrize("name", SPECS)
def test_lines_when_some_are_passed_over_then_a_filter_finds_the_same(name: str, tmp_path: Path) -> None:
    dice = random.Random(7)
    path = tmp_path / "access.log"
    log = [text(dice, at) for at in range(3000)]
    path.write_text("".join(f"{line}\n" for line in log))
    expected, _, _ = failures(SPECS[name], path, whole=True)
    found, _, lines = failures(SPECS[name], path, whole=False)
    assert [(one.id, one.time, one.attempts, one.matches) for one in found] == [
        (one.id, one.time, one.attempts, one.matches) for one in expected
    ]
    assert lines == len(log)
    assert found


def test_lines_when_a_glance_tells_that_they_are_dull_then_few_are_read(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    lines = [request(f"GET /{at} HTTP/1.1").raw for at in range(20_000)]
    path.write_text("".join(f"{line}\n" for line in lines))
    _, read, counted = failures(SPECS["status"], path, whole=False)
    assert counted == len(lines)
    assert read < len(lines) / 2  # the first chunk is read whole, to learn what dates look like


def test_undated_line_when_lines_before_it_were_passed_over_then_it_has_the_last_ones_date(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    dated = [f"2026-11-21T10:{at // 60 % 60:02}:{at % 60:02}+00:00 x: dull" for at in range(3000)]
    path.write_text("\n".join([*dated, "sshd: bad root from 192.0.2.1", ""]))
    tested = FilterSpec("f", PLACE, failregex=(Text("bad \\S+ from <HOST>$", PLACE),))
    found, problems = build(tested)
    assert found is not None, problems
    reader = LineReader(dates(()))
    (*_, last) = Archive(path, reader, [found]).records(0, NOW + 1e7, lambda amount: None)
    assert last[2].time == NOW + 2999


def test_logs_when_rotated_then_they_come_oldest_first(tmp_path: Path) -> None:
    names = ["auth.log", "auth.log.1", "auth.log.10.gz", "auth.log.2.gz", "auth.log-20261101", "auth.log-20261008.xz"]
    for name in names:
        (tmp_path / name).write_text("")
    (tmp_path / "auth.log.old").write_text("")
    (tmp_path / "other.log.1").write_text("")
    expected = [names[5], names[4], names[2], names[3], names[1], names[0]]
    assert [path.name for path in archive.rotated(tmp_path / "auth.log")] == expected
    assert [path.name for path in archive.found(f"{tmp_path}/auth.log[.-]*[0-9gx]*") if path.name != "auth.log"][
        :5
    ] == expected[:5]


def test_progress_when_a_log_is_packed_then_it_tells_of_bytes_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"2026-11-21T10:00:00 x\n" * 50_000))
    found, _ = build(SPECS["status"])
    assert found is not None
    told: list[int] = []
    list(Archive(path, LineReader(dates(())), [found]).records(0, NOW, told.append))
    assert sum(told) == path.stat().st_size
