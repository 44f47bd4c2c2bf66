"""The shipped jails for what regexes cannot say, as they are shipped: tests/scenarios/JAIL.log says whom each bans.

The second line of a log names who is to be banned, and nobody else may be.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from f2b.config import search
from tests.cli.story import Story
from tests.daemon.geoip import country, operator, write

ROOT = Path(__file__).parent.parent.parent
LOGS = sorted((ROOT / "tests" / "scenarios").glob("*.log"))
JAILS = re.findall(r"^\[(.+)\]$", (ROOT / "jails" / "scenario.conf").read_text(encoding="utf-8"), re.M)
EVERYWHERE = ROOT / "tests" / "scenarios" / "repeat-everywhere"


@pytest.fixture
def story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Story:
    """A folder without a jail.conf, so that the shipped jails count, and the files that they judge by."""
    made = Story(tmp_path, capsys)
    (tmp_path / "jail.conf").unlink()
    (tmp_path / "filter.d" / "sshd.conf").unlink()
    places = write(
        tmp_path / "places.mmdb",
        {
            "203.0.113.0/24": country("BR", "SA"),
            "198.51.100.0/24": country("DE", "EU"),
            "192.0.2.0/24": country("FR", "EU"),
        },
    )
    made.filter("ssh-abroad", f"database = {places}")
    made.filter("web-admin-abroad", f"database = {places}")
    operators = write(tmp_path / "operators.mmdb", {"203.0.113.0/24": operator(64500, "Cheap VPS Hosting")})
    made.filter("ssh-hosting", f"database = {operators}")
    rules = made.write("robots.txt", "User-agent: *\nDisallow: /private/\n")
    made.filter("web-robots", f"robots = {rules}")
    made.filter("tor-exits", f"lists = {made.write('tor.txt', '203.0.113.5')}")
    for name in ("ssh-abroad", "ssh-hosting", "web-admin-abroad", "web-robots", "tor-exits"):
        (tmp_path / "filter.d" / f"{name}.conf").rename(tmp_path / "filter.d" / f"{name}.local")
    return made


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_shipped_jail_when_it_reads_its_example_then_it_bans_who_is_named(log: Path, story: Story) -> None:
    named = log.read_text(encoding="utf-8").splitlines()[1].removeprefix("# bans: ").split()
    told = story.replay("--jail", log.stem, str(log))
    assert told.banned(log.stem) == sorted(named), told.errors


def test_repeat_everywhere_when_a_host_fails_a_little_everywhere_then_it_is_banned(story: Story) -> None:
    story.write(
        "jail.local",
        "[repeat-everywhere]\nenabled = true\n"
        f"[sshd]\nenabled = true\nlogpath = {EVERYWHERE / 'sshd.log'}\n"
        f"[web-auth-storm]\nenabled = true\nlogpath = {EVERYWHERE / 'web.log'}\n"
        f"[web-probes]\nenabled = true\nlogpath = {EVERYWHERE / 'web.log'}\n"
        "[recidive]\nenabled = false\n",
    )
    told = story.replay()
    assert told.banned("repeat-everywhere") == ["203.0.113.5"], told.errors
    assert not told.banned("sshd")


def test_shipped_jails_when_counted_then_each_has_an_example_and_is_off(tmp_path: Path) -> None:
    assert {*JAILS} == {path.stem for path in LOGS} | {EVERYWHERE.name}
    assert not {*JAILS} & {jail.name for jail in search.load(tmp_path).jails}
