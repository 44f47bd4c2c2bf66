"""`f2b tune`: other limits for a jail, each as a replay with them would do."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from f2b.cli.main import run
from f2b.cli.tune import knee
from tests.cli.story import NOW, Story, ssh

HOSTS = [f"192.0.2.{host}" for host in range(1, 9)] + ["2001:db8::1"]


@pytest.fixture
def story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Story:
    return Story(tmp_path, capsys)


@pytest.mark.parametrize("counting", ["rate", "window"])
@pytest.mark.parametrize(
    "more", [{}, {"prefix4": 29}, {"ignoreip": "192.0.2.3"}], ids=["hosts", "networks", "spared"]
)
def test_grid_when_compared_with_replays_then_it_bans_as_many(
    counting: str, more: dict[str, object], story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(5)
    lines, at = [], 0.0
    for _ in range(250):
        at += dice.choice((1, 1, 30, 200))
        lines.append(
            ssh(dice.choice(HOSTS), at, dice.choice(("ann", "bob")), dice.choice(("bad", "bad", "bad", "good")))
        )
    story.log(*lines)
    options = {"filter": "sshd", "counting": counting, **more}
    story.jail("j", **options)
    command = ["tune", "j", "--json", "-c", str(story.folder), "--maxretry", "2,4", "--findtime", "1m,20m"]
    assert run(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines"] == len(lines)
    assert len(told["grid"]) == 4
    for cell in told["grid"]:
        story.jail("j", **options, maxretry=cell["maxretry"], findtime=cell["findtime"])
        banned = {who for who, _ in story.replay().bans()}
        assert cell["banned"] == len(banned)
        assert 0 <= cell["logged_in"] <= len(banned)


def test_tune_when_for_people_then_it_is_a_table_with_knee_and_present_limits(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.jail(filter="sshd")
    lines = [ssh(f"192.0.2.{host}", at) for host in range(1, 30) for at in range(40)]
    lines += [ssh(f"198.51.100.{host}", at) for host in range(1, 30) for at in range(2)]
    lines += [ssh("198.51.100.1", 5, word="good")]
    story.log(*sorted(lines, key=lambda line: line.split()[0]))
    assert run(["tune", "j", "-c", str(story.folder), "--now", str(NOW + 100)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^10m +58/1 +58/1 +\[29/0\*\] +29/0", said, re.M), said
    assert "58 hosts with a failure" in said


def test_tune_when_there_is_no_such_jail_then_it_says_so(story: Story) -> None:
    assert run(["tune", "nobody", "-c", str(story.folder)]) == 2


def test_tune_when_values_are_none_then_that_is_wrong_usage(story: Story) -> None:
    story.jail(filter="sshd")
    story.log(ssh(HOSTS[0]))
    assert run(["tune", "j", "-c", str(story.folder), "--maxretry", "x"]) == 2
    assert run(["tune", "j", "-c", str(story.folder), "--findtime", "soon"]) == 2


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 100), (2, 20), (5, 18), (10, 15)], 1),
        ([(1, 100), (10, 90), (100, 0)], None),
        ([(1, 5), (2, 5), (3, 5)], None),
        ([(1, 5), (2, 1)], None),
    ],
)
def test_knee_when_a_curve_falls_then_it_is_where_it_bends(
    points: list[tuple[int, int]], expected: int | None
) -> None:
    assert knee(points) == expected
