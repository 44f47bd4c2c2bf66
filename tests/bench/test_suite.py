"""The measurements themselves, at a thousandth of their size: both programs run, and their answers agree."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import daemon, growth, logs, page, plot, suite, trial
from bench.program import FAIL2BAN, f2b, run
from bench.row import Bench, Measured, Row, outcome
from bench.server import Folder


def test_filter_row_when_measured_then_both_found_the_same(tmp_path: Path) -> None:
    attack = next(row for row in suite.ROWS if row.name == "attack")
    measured = attack.measure(Bench(tmp_path, FAIL2BAN, f2b(), 1, 0.001, False))
    assert len(measured.theirs) == len(measured.ours) == 1
    assert measured.agree == "both of 1,000: 1,000 matched, 0 ignored, 0 missed"


@pytest.mark.parametrize("name", ["botsearch", "plain404"])
def test_access_row_when_measured_then_there_was_something_to_find(name: str, tmp_path: Path) -> None:
    row = next(row for row in suite.ROWS if row.name == name)
    measured = row.measure(Bench(tmp_path, FAIL2BAN, f2b(), 1, 0.05, False))
    assert re.match(r"both of \d+,000: [1-9]\d* matched, 0 ignored, [\d,]+ missed$", measured.agree)


def test_counts_when_nothing_is_said_of_lines_then_the_answers_differ() -> None:
    assert trial.counts("nothing") == ()
    assert trial._agreement((), ()).startswith("DIFFERENT")
    assert trial._agreement((9, 0, 1, 8), (9, 0, 2, 7)).startswith("DIFFERENT")


def test_suite_when_a_row_fails_then_the_others_are_measured_and_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bench: Bench) -> Measured:
        raise SystemExit("it broke")

    rows = [Row(name, name, "ms", 1, 1, act) for name, act in (("bad", fail), ("good", lambda _: Measured([2], [1])))]
    monkeypatch.setattr(suite, "ROWS", rows)
    monkeypatch.setattr(suite, "NAMES", ["bad", "good"])
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "results" / "bench.json")
    with pytest.raises(SystemExit, match="not measured: bad"):
        suite.main([])
    assert json.loads(suite.RESULTS.read_text())["rows"] == {"good": [[2], [1], "", ""]}


def test_server_when_it_reads_a_log_then_both_count_the_same(tmp_path: Path) -> None:
    jails = ["sshd", "vsftpd"]
    daemon.written(tmp_path / "log", logs.mixed(500, start=daemon.begin(500)), jails)
    reading = {"logpath": tmp_path / "log", "maxretry": 1000, "findtime": "1w", "action": ""}
    folder = Folder(tmp_path / "server", dict.fromkeys(jails, reading))
    counted = [daemon.read_all(program, folder, jails)[1] for program in (FAIL2BAN, f2b())]
    assert counted[0] == counted[1]
    assert counted[0][0] > 1
    assert counted[0][1] == 1


def test_kernel_when_a_server_restores_bans_then_they_are_counted(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    folder = Folder(tmp_path / "server", {"sshd": {"logpath": tmp_path / "auth.log", "bantime": daemon.DAY_S}})
    daemon._stored(folder.db, 30)
    assert daemon._in_kernel("fill", (30,), folder.command(f2b()))[0] > 0


def test_kernel_when_lines_are_written_then_each_takes_its_time(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.touch()
    folder = Folder(tmp_path / "server", {"sshd": {"logpath": log, "maxretry": 1}})
    taken = daemon._in_kernel("reach", (log, 3), folder.command(f2b()))
    assert len(taken) == 3
    assert all(each > 0 for each in taken)


def test_run_when_a_program_fails_then_its_last_words_are_told() -> None:
    with pytest.raises(SystemExit, match=r"exit code 3\nlast words"):
        run(["sh", "-c", "echo last words; exit 3"])


@pytest.mark.parametrize(
    ("unit", "theirs", "ours", "ratio", "verdict"),
    [
        ("lines/s", 10, 900, 90, "aim"),
        ("lines/s", 10, 500, 50, "yes"),
        ("lines/s", 10, 499, 49.9, "**no**"),
        ("ms", 300, 1, 300, "aim"),
        ("ms", 300, 50, 6, "yes"),
        ("ms", 300, 51, 300 / 51, "**no**"),
    ],
)
def test_outcome_when_runs_are_compared_then_the_verdict_follows_the_goals(
    unit: str, theirs: float, ours: float, ratio: float, verdict: str
) -> None:
    goals = (50, 90) if unit == "lines/s" else (50, 1)
    one = Row("one", "one", unit, *goals, lambda bench: Measured((), ()))
    found = outcome(one, Measured((theirs, theirs * 2, theirs / 2), (ours, ours, ours * 9)))
    assert found.ratio == pytest.approx(ratio)
    assert found.verdict == verdict


def test_page_when_written_then_it_holds_every_row_and_a_plot(tmp_path: Path) -> None:
    rows = {row.name: Measured([1.0], [2.0], "same") for row in suite.ROWS}
    grown = {it.name: [growth.Point(size, 1000.0, 50_000.0) for size in it.sizes] for it in growth.GROWTHS}
    results = {"rows": rows, "growth": grown, "load": {"noise": 5.0}}
    suite.write(json.loads(json.dumps(results)), tmp_path, "One run.")
    text = (tmp_path / "benchmarks.md").read_text()
    assert all(row.title in text for row in suite.ROWS)
    assert "load average up to 5.0" in text
    drawn = ElementTree.parse(tmp_path / "benchmarks.svg")
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) == 2 * len(growth.GROWTHS)


def test_plot_when_lines_are_drawn_then_all_of_it_lies_inside() -> None:
    text = plot.panels(["a < b"], [{"one": [(1, 5), (100, 70_000)], "two": [(1, 5), (100, 5)]}], "lines/s")
    for circle in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}circle"):
        assert plot.LEFT <= float(circle.attrib["cx"]) <= plot.WIDTH
        assert plot.TOP <= float(circle.attrib["cy"]) <= plot.HEIGHT - plot.BOTTOM


@pytest.mark.parametrize("kind", logs.LOGS)
def test_logs_when_made_twice_then_they_are_the_same_lines(kind: str) -> None:
    assert list(islice(logs.LOGS[kind](300), 200)) == list(logs.LOGS[kind](200))


def test_page_when_an_amount_is_told_then_it_has_the_digits_that_matter() -> None:
    told = [page._amount(number, "ms") for number in (0.012, 1.25, 12.34, 123.4)]
    assert told == ["0.012 ms", "1.25 ms", "12.3 ms", "123 ms"]
