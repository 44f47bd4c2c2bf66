"""Options of counting and growing bans: what they may say, and what is told with its line if they say more."""

from __future__ import annotations

from pathlib import Path

import pytest

from f2b.config import search
from f2b.config.model import Settings

FILTER = "[Definition]\nfailregex = ^<HOST>$\n"
HEAD = "[a]\nenabled = true\nfilter = a\naction = dry\n"


def load(folder: Path, options: str) -> Settings:
    (folder / "filter.d").mkdir()
    (folder / "filter.d/a.conf").write_text(FILTER)
    (folder / "a.log").touch()
    (folder / "jail.conf").write_text(f"{HEAD}logpath = {folder}/a.log\n{options}\n")
    return search.load(folder)


def test_options_of_counting_are_read(tmp_path: Path) -> None:
    text = "counting = window\nprefix4 = 24\nprefix6 = /64\nbantime.factor = 2*3\nbantime.formula = ban.Time * 2"
    (jail,) = load(tmp_path, text).jails
    assert (jail.counting, jail.prefix4, jail.prefix6) == ("window", 24, 64)
    assert (jail.increment.factor, jail.increment.formula) == ("2*3", "ban.Time * 2")


def test_options_of_counting_unsaid_are_fail2bans(tmp_path: Path) -> None:
    (jail,) = load(tmp_path, "bantime.factor =\nbantime.formula =\ncounting =").jails
    assert (jail.counting, jail.prefix4, jail.prefix6) == ("rate", 32, 128)
    assert (jail.increment.factor, jail.increment.formula) == ("1", "")


@pytest.mark.parametrize(
    "option",
    [
        "counting = windows",
        "prefix4 = 0",
        "prefix4 = 33",
        "prefix6 = 129",
        "prefix6 = x",
        "bantime.factor = abc",
        "bantime.factor = ban.Time",
        "bantime.formula = ban.Time *",
        "bantime.formula = __import__('os')",
        'ignorecache = key="<ip>", max-count=x',
        'ignorecache = key="<ip>", max-time=soon',
        "ignorecache = max-count=5",
    ],
)
def test_option_of_counting_that_is_wrong_keeps_the_jail_down_and_is_told_with_its_line(
    tmp_path: Path, option: str
) -> None:
    settings = load(tmp_path, option)
    assert not settings.jails
    (problem,) = (problem for problem in settings.problems if problem.severity == "error")
    assert problem.place == (str(tmp_path / "jail.conf"), 6)
    assert problem.cure


def test_jail_of_our_own_bans_needs_no_log(tmp_path: Path) -> None:
    settings = load(tmp_path, "backend = bans")
    (jail,) = settings.jails
    assert (jail.backend, jail.logpath, jail.journal) == ("bans", (), False)
    assert not settings.problems
