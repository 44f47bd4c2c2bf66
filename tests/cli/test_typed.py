"""`f2b regex` with filters of all types: the same failures as in a server, and each type's own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from f2b.cli.main import run
from tests.cli.story import NOW, Story, ssh, web
from tests.daemon.geoip import country, write

A, B = "192.0.2.1", "198.51.100.2"


@pytest.fixture
def story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Story:
    return Story(tmp_path, capsys)


def tried(story: Story, name: str, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[Any], str]:
    status = run(["regex", "--json", "-c", str(story.folder), *more, str(story.folder / "log"), name])
    said = capsys.readouterr()
    return status, [json.loads(line) for line in said.out.splitlines()], said.err


def test_filter_of_a_type_when_tried_then_json_tells_of_each_failure(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.filter("f", "filtertype = http\nmethods = POST\nstatus = 401\nokstatus = 200\nweight = 2")
    story.log(web(A), "", "# comment", web(A, 1, "POST /x HTTP/1.1", 401), web(A, 2, "POST /x HTTP/1.1"))
    status, (entry, summary), _ = tried(story, "f", capsys)
    assert status == 0
    assert entry["line"] == 4
    (failure,) = entry["failures"]
    assert (failure["id"], failure["time"], failure["attempts"]) == (A, NOW + 1, 2)
    assert failure["captures"]["path"] == "/x"
    assert summary["summary"] | {} == {
        "lines": 3,
        "matched": 1,
        "ignored": 0,
        "missed": 2,
        "successes": 1,
        "lost": [],
        "failregex": [],
    }


def test_filter_when_it_judges_by_a_file_then_that_is_read_or_missed(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    database = story.folder / "c.mmdb"
    story.filter("f", f"filtertype = geo\nbase = sshd\ndeny = BR\ndatabase = {database}")
    story.log(ssh(A), ssh(B, 1))
    status, found, errors = tried(story, "f", capsys)
    assert (status, found) == (2, [])
    assert "geoipupdate" in errors
    write(database, {"192.0.2.0/24": country("BR", "SA")})
    status, found, _ = tried(story, "f", capsys)
    assert status == 0
    assert [failure["id"] for entry in found[:-1] for failure in entry["failures"]] == [A]
    assert found[0]["failures"][0]["captures"]["country"] == "BR"


def test_filter_when_tried_for_people_then_each_type_says_why(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.filter("f", "filtertype = slow\nbase = web")
    story.filter("web", "filtertype = http\nstatus = 404")
    log = story.log(web(A, status=404), web(A, 1, status=404), web(B, 2))
    assert run(["regex", "-v", "-c", str(story.folder), str(log), "f"]) == 0
    said = capsys.readouterr().out
    assert "web (http): 192.0.2.1: GET / 404: all options hold: status (404)" in said
    assert "f (slow): 192.0.2.1: the first in the slot" in said
    assert "f (slow): 192.0.2.1: not the first in the slot" in said
    assert "status does not hold for 200" in said
    assert "Lines: 3 lines, 1 failed, 0 succeeded, 2 missed" in said
