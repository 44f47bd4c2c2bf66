"""`f2b replay --json`: a story for each filter type, and how old logs are read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from f2b.cli.main import run
from f2b.events import Ban
from f2b.store import Store
from tests.cli.story import NOW, Story, ssh, stamp, web
from tests.daemon.geoip import country, operator, write

A, B, C, D = "192.0.2.1", "198.51.100.2", "203.0.113.3", "2001:db8::4"


@pytest.fixture
def story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Story:
    return Story(tmp_path, capsys)


def test_regex_when_played_then_ban_and_unban_stand_in_their_order(story: Story) -> None:
    story.jail(filter="sshd")
    story.log(*(ssh(A, at) for at in (0, 1, 2)), ssh(B, 5000))
    told = story.replay()
    assert told.status == 0
    assert told.events == [
        {"event": "ban", "time": NOW + 2, "jail": "j", "id": A, "failures": 3, "bantime": 3600},
        {"event": "unban", "time": NOW + 3602, "jail": "j", "id": A, "failures": 3, "bantime": 3600},
    ]
    assert told.summary["event"] == "summary"
    assert told.summary["lines"] == 4
    assert told.summary["jails"]["j"]["found"] == 4


def test_http_when_played_then_only_requests_that_fit_count(story: Story) -> None:
    story.filter("wp", "filtertype = http\nmethods = POST\npaths = ^/wp-login\\.php\nstatus = !302")
    story.jail(filter='wp[methods="GET POST"]')
    login = "POST /wp-login.php HTTP/1.1"
    lines = [web(A, at, login) for at in range(3)]
    lines += [web(B, at, login, 302) for at in range(9)]
    lines += [web(C, at, "GET /%77p-login.php?x HTTP/1.1") for at in range(3)]
    lines += [web(D, at, "HEAD /wp-login.php HTTP/1.1") for at in range(9)]
    story.log(*sorted(lines, key=lambda line: line.split("[")[1]))
    assert story.replay().banned() == [A, C]


def test_okstatus_when_played_then_a_login_clears_the_failures(story: Story) -> None:
    story.filter("f", "filtertype = http\npaths = ^/login\nstatus = 401\nokstatus = 200")
    story.jail()
    login, home = "POST /login HTTP/1.1", "GET / HTTP/1.1"
    lines = [web(A, 0, login, 401), web(A, 1, login, 401), web(A, 2, login, 200), web(A, 3, login, 401)]
    lines += [web(B, 4, login, 401), web(B, 5, login, 401), web(B, 6, home, 200), web(B, 7, login, 401)]
    story.log(*lines)
    assert story.replay().bans() == [(B, 7)]


def test_okregex_when_played_then_only_the_same_user_of_the_host_is_cleared(story: Story) -> None:
    story.jail(filter="sshd")
    lines = [ssh(A, 0), ssh(A, 1), ssh(A, 2, word="good"), ssh(A, 3)]
    lines += [ssh(B, 4), ssh(B, 5), ssh(B, 6, "ann", "good"), ssh(C, 7, word="good"), ssh(B, 8)]
    story.log(*lines)
    assert story.replay().bans() == [(B, 8)]


def test_login_when_one_jail_reads_of_it_then_no_other_bans_its_address_if_it_is_to_care(story: Story) -> None:
    story.write("filter.d/f.conf", "[Definition]\nfailregex = ^ sshd: bad \\S+ from <HOST>$\n")
    story.jail("a", filter="sshd", maxretry=9)
    story.jail("b", collateral="refuse")
    story.jail("c")
    story.log(ssh(A, 0, word="good"), *(ssh(host, at) for at in (1, 2, 3) for host in (A, B)))
    told = story.replay()
    assert (told.banned("b"), told.banned("c")) == ([B], [A, B])


def test_useragent_when_played_then_scanners_and_the_nameless_are_banned(story: Story) -> None:
    story.filter(
        "f", "filtertype = useragent\nagents = zgrab\n  sqlmap\nallowagents = ^Good\nmaxagents = 2\nwindow = 5m"
    )
    story.jail(maxretry=1)
    lines = [web(A, 0, agent="ZGrab/1"), web(B, 1, agent="-"), web(C, 2, agent="Good zgrab")]
    story.log(*lines, *(web(D, 3 + at, agent=f"a{at}") for at in range(3)))
    assert story.replay().bans() == [(A, 0), (B, 1), (D, 5)]


def test_slow_when_played_then_patience_is_banned_and_a_burst_is_not(story: Story) -> None:
    story.filter("f", "filtertype = slow\nbase = sshd\nslot = 30m")
    story.jail(maxretry=4, findtime="1d")
    lines = [(at, ssh(A, at)) for at in range(0, 4 * 1800, 1800)] + [(at, ssh(B, at)) for at in range(600, 700)]
    story.log(*(line for _, line in sorted(lines)))
    assert story.replay().bans() == [(A, 5400)]


def test_geo_over_asn_over_http_when_played_then_admin_from_a_brazilian_data_centre_is_banned(story: Story) -> None:
    places = write(
        story.folder / "c.mmdb", {"192.0.2.0/24": country("BR", "SA"), "198.51.100.0/24": country("BR", "SA")}
    )
    nets = write(
        story.folder / "a.mmdb", {"192.0.2.0/24": operator(14061, "DO"), "203.0.113.0/24": operator(14061, "DO")}
    )
    story.filter("admin", "filtertype = http\npaths = ^/admin")
    story.filter("centre", f"filtertype = asn\nbase = admin\ndeny = AS14061\n  (?i)hosting\ndatabase = {nets}")
    story.filter("f", f"filtertype = geo\nbase = centre\ndeny = BR\ndatabase = {places}")
    story.jail(maxretry=1)
    story.log(*(web(host, 0, "GET /admin HTTP/1.1") for host in (A, B, C)), web(A.replace("1", "7"), 1))
    assert story.replay().bans() == [(A, 0)]


def test_anomaly_when_played_then_who_stands_out_is_banned(story: Story) -> None:
    story.filter("f", "filtertype = anomaly\nstatus = 404\nminrequests = 5\nratio = 0.5\ndeviation = 3")
    story.jail(maxretry=1)
    crowd = [web(f"198.51.100.{host}", at, status=404 if at == 1 else 200) for at in range(6) for host in range(9)]
    story.log(*crowd, *(web(A, 10 + at, status=404) for at in range(6)))
    assert story.replay().bans() == [(A, 14)]


def test_robots_when_played_then_who_read_it_and_went_on_is_banned(story: Story) -> None:
    rules = story.write("robots.txt", "User-agent: *\nDisallow: /private\n")
    story.filter("f", f"filtertype = robots\nrobots = {rules}\nafterfetch = yes")
    story.jail(maxretry=2)
    private = "GET /private/x HTTP/1.1"
    lines = [web(A, 0, "GET /robots.txt HTTP/1.1")] + [
        web(host, 1 + at, private) for at in range(2) for host in (A, B)
    ]
    story.log(*lines)
    assert story.replay().bans() == [(A, 2)]


@pytest.mark.parametrize(("ban", "banned"), [("hosts", [A, B, C]), ("subnet", ["192.0.2.0/24"])])
def test_distributed_when_played_then_the_whole_wave_is_banned(story: Story, ban: str, banned: list[str]) -> None:
    group = "groupby = user" if ban == "hosts" else "groupby = subnet\nban = subnet"
    story.filter("f", f"filtertype = distributed\nbase = sshd\n{group}\nminhosts = 3")
    story.jail(maxretry=1)
    hosts = (A, B, C) if ban == "hosts" else ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    story.log(*(ssh(host, at) for at, host in enumerate(hosts)), ssh(D, 5, "other"))
    assert story.replay().bans() == [(who, 2) for who in banned]


def test_subnet_when_it_holds_somebody_who_is_spared_then_it_is_not_banned(story: Story) -> None:
    story.filter("f", "filtertype = distributed\nbase = sshd\ngroupby = subnet\nban = subnet\nminhosts = 3")
    story.jail(maxretry=1, ignoreip="192.0.2.77")
    story.log(*(ssh(f"192.0.2.{host}", host) for host in (1, 2, 3)))
    assert not story.replay().bans()


def test_correlate_when_played_then_who_shows_up_everywhere_is_banned(story: Story) -> None:
    story.filter("missing", "filtertype = http\nstatus = 404")
    story.filter("f", "filtertype = correlate\nscores = ssh:1 web:1\n  ssh.ban:5\nthreshold = 4")
    story.jail(logpath=None, maxretry=1)
    story.jail("ssh", filter="sshd", maxretry=9)
    story.jail("web", filter="missing", logpath=story.folder / "access", maxretry=9)
    story.log(*(ssh(host, at) for at in (0, 2) for host in (A, B)))
    story.log(web(A, 1, status=404), web(A, 3, status=404), web(C, 4, status=404), name="access")
    assert story.replay().bans() == [(A, 3)]


def test_correlate_when_a_jail_is_not_there_then_that_is_an_error_and_others_go_on(story: Story) -> None:
    story.filter("f", "filtertype = correlate\nscores = nowhere:1\nthreshold = 4")
    story.jail(logpath=None)
    story.jail("ssh", filter="sshd")
    story.log(*(ssh(A, at) for at in range(3)))
    told = story.replay()
    assert told.banned("ssh") == [A]
    assert "filter.d/f.conf:3: jail j: scores: there is no jail 'nowhere'" in told.errors


def test_blocklist_when_played_then_listed_addresses_are_banned_sooner(story: Story) -> None:
    tor = story.write("tor.txt", f"# exits\n{A}\n2001:db8::/32\n")
    story.filter("f", f"filtertype = blocklist\nbase = sshd\nlists = {tor}\nweight = 3")
    story.jail()
    story.log(ssh(A), *(ssh(B, at) for at in range(9)), ssh(D, 9))
    assert story.replay().bans() == [(A, 0), (D, 9)]


def test_any_when_played_then_one_request_counts_once(story: Story) -> None:
    story.filter("missing", "filtertype = http\nstatus = 404")
    story.filter("login", "filtertype = http\npaths = login")
    story.filter("f", "filtertype = any\nbase = missing\n       login")
    story.jail(maxretry=2)
    login = "GET /login HTTP/1.1"
    story.log(web(A, 0, login, 404), web(B, 1, login), web(B, 2, status=404), web(C, 3))
    assert story.replay().bans() == [(B, 2)]


def test_filter_when_layered_then_local_and_includes_hold_for_types_as_well(story: Story) -> None:
    story.write("filter.d/base.conf", "[Definition]\nfiltertype = http\nstatus = 404\n")
    story.write("filter.d/f.conf", "[INCLUDES]\nbefore = base.conf\n[Definition]\nmethods = GET\n")
    story.write("filter.d/f.local", "[Definition]\nstatus = 403\n")
    story.jail(maxretry=1)
    story.log(web(A, 0, status=403), web(B, 1, status=404), web(C, 2, "POST / HTTP/1.1", 403))
    assert story.replay().bans() == [(A, 0)]


def test_logformat_when_apaches_then_percent_signs_need_no_doubling(story: Story) -> None:
    for name, form in (("f", '%h %t "%r" %>s'), ("g", '%%h %%t "%%r" %%>s')):
        story.filter(name, f"filtertype = http\nlogformat = {form}\nstatus = 404")
        story.jail(name, filter=name, maxretry=1)
    story.log(f'{A} [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 404')
    told = story.replay()
    assert told.bans("f") == told.bans("g") == [(A, 0)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("filtertype = htpp\nstatus = 1", 2, "did you mean 'http'"),
        ("filtertype = http\nstatuss = 404", 3, "no option 'statuss'"),
        ("filtertype = http\npaths = ^/a\n        # fine\n        (", 5, "bad regex"),
        ("filtertype = geo\nbase = sshd\ndeny = BR\ndatabase = /nowhere/c.mmdb", 5, "geoipupdate"),
        ("filtertype = blocklist\nbase = sshd\nlists = /nowhere/tor", 4, "/nowhere/tor"),
        ("filtertype = slow\nbase = f", 3, "circle"),
        ("filtertype = slow", 1, "needs base"),
    ],
)
def test_filter_when_wrong_then_the_place_is_told_and_other_jails_go_on(
    text: str, line: int, words: str, story: Story
) -> None:
    story.filter("f", text)
    story.jail()
    story.jail("ssh", filter="sshd")
    story.log(*(ssh(A, at) for at in range(3)))
    told = story.replay()
    assert told.banned("ssh") == [A]
    where = "f.conf:" if line == 1 else f"f.conf:{line}:"
    assert where in told.errors
    assert words in told.errors


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)])
def test_logs_when_given_and_packed_then_they_are_merged_by_time(
    ending: str, pack: Callable[[bytes], bytes], story: Story
) -> None:
    story.jail(filter="sshd", maxretry=4)
    one, two = story.folder / f"one{ending}", story.folder / "two"
    one.write_bytes(pack("".join(f"{ssh(A, at)}\n" for at in (0, 20, 40)).encode()))
    two.write_text("".join(f"{ssh(A, at)}\n" for at in (10, 30)))
    told = story.replay(str(one), str(two))
    assert told.bans() == [(A, 30)]
    assert told.summary["lines"] == 5


def test_line_when_it_has_no_date_then_the_last_one_of_its_log_or_the_files_counts(story: Story) -> None:
    story.jail(filter="sshd", maxretry=2)
    story.log(ssh(A, 0), f" sshd: bad root from {A}")
    late = story.log(f" sshd: bad root from {B}", f" sshd: bad root from {B}", name="late")
    os.utime(late, (NOW + 5000, NOW + 5000))
    assert story.replay().bans() == [(A, 0)]
    assert story.replay(str(late)).bans() == [(B, 5000)]


def test_uvicorn_when_played_then_its_undated_lines_take_the_files_time(story: Story) -> None:
    story.filter("f", "filtertype = http\nstatus = 404")
    story.jail(maxretry=2)
    path = story.log(*[f'INFO:     {A}:54321 - "GET /x HTTP/1.1" 404 Not Found'] * 2)
    os.utime(path, (NOW + 7, NOW + 7))
    assert story.replay().bans() == [(A, 7)]


def test_date_when_it_has_no_year_then_it_is_the_latest_before_now(story: Story) -> None:
    story.jail(filter="sshd", maxretry=1)
    story.log(f"Dec 24 10:00:00 sshd: bad root from {A}")
    ((_, at),) = story.replay().bans()
    assert -334 * 86400 < at < -330 * 86400


def test_jail_when_named_then_it_runs_alone_even_if_disabled(story: Story) -> None:
    story.jail("on", filter="sshd")
    story.jail("off", filter="sshd", enabled="false", maxretry=1)
    story.log(ssh(A))
    assert list(story.replay().summary["jails"]) == ["on"]
    told = story.replay("--jail", "off")
    assert list(told.summary["jails"]) == ["off"]
    assert told.banned("off") == [A]


def test_ban_when_increments_are_on_then_the_next_one_is_longer(story: Story) -> None:
    story.jail(filter="sshd", maxretry=1, **{"bantime.increment": "true"})
    story.log(ssh(A, 0), ssh(A, 5000))
    assert [event["bantime"] for event in story.replay().events if event["event"] == "ban"] == [3600, 7200]


def test_recidive_when_it_hears_of_bans_then_it_does_so_in_a_replay(story: Story) -> None:
    story.jail("ssh", filter="sshd", maxretry=1, bantime=1)
    story.jail("recidive", filter="recidive", backend="bans", logpath=None, findtime="1d", maxretry=2)
    story.log(ssh(A, 0), ssh(A, 100))
    assert story.replay().bans("recidive") == [(A, 100)]


def people(story: Story, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Return what a replay says to people."""
    now = str(NOW + 10 * 86400)
    assert run(["replay", "-c", str(story.folder), "--now", now, *more]) == 0
    return capsys.readouterr().out


def test_replay_when_for_people_then_it_is_a_table_and_a_time_line(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.jail(filter="sshd", maxretry=1)
    story.log(ssh(A), ssh(B, 86400), ssh(B, 86405, word="good"))
    said = people(story, capsys)
    assert re.search(rf"1h +j +{A} +1$", said, re.M)
    assert re.search(rf"1h +j +{B} +1 +yes$", said, re.M)
    assert re.search(r"^j  █ {46}█  2$", said, re.M)
    assert "3 lines, 2 bans of 2 addresses" in said


def test_replay_when_there_are_no_bans_then_it_says_what_was_found(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.jail(filter="sshd")
    story.log(ssh(A))
    assert re.search(r"^j +1 +0 +0 +0$", people(story, capsys), re.M)


def test_plot_when_asked_for_then_it_is_svg(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    story.jail(filter="sshd", maxretry=1)
    story.log(ssh(A), ssh(B, 86400))
    people(story, capsys, "--plot", str(story.folder / "bans.svg"))
    page = ElementTree.parse(story.folder / "bans.svg").getroot()
    assert page.tag.endswith("svg")
    assert len([box for box in page.iter() if box.get("class") == "bar"]) == 2


def test_compare_when_a_configuration_is_changed_then_the_difference_and_who_logged_in_are_told(
    story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story.jail(filter="sshd", maxretry=2)
    story.log(
        ssh(A), ssh(A, 1), ssh(B, 2), ssh(B, 600, word="good"), ssh(C, 3), ssh(D, 4), ssh(D, 86400, word="good")
    )
    changed = Story(tmp_path / "changed", capsys)
    changed.jail(filter="sshd", maxretry=1, logpath=story.folder / "log", ignoreip=A)
    said = people(story, capsys, "--compare", str(changed.folder))
    assert f"{changed.folder} against {story.folder}: 3 more, 1 fewer, 0 in both; 1 of the new ones logged in" in said
    assert re.search(rf"^\+ +{B} +j .* root$", said, re.M)
    assert re.search(rf"^- +{A} +j ", said, re.M)
    assert run(["replay", "--json", "-c", str(story.folder), "--compare", str(changed.folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told["more"]] == [B, C, D]
    assert [one["id"] for one in told["fewer"]] == [A]
    assert told["more"][0]["login"] == {"time": NOW + 600, "user": "root"}
    assert told["logged_in"] == 1


def test_compare_when_with_the_database_then_it_is_what_the_server_did(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.jail(filter="sshd", maxretry=1)
    story.log(ssh(A), ssh(B, 10))
    store = Store(str(story.folder / "db"), lambda level, text: None, 10)
    store.ban(Ban("j", B, NOW + 10, 3600))
    store.ban(Ban("j", C, NOW + 5, 3600))
    store.ban(Ban("j", D, NOW - 500, 3600))
    store.ban(Ban("other", D, NOW + 5, 3600))
    store.close()
    said = people(story, capsys, "--compare", "database", "--db", str(story.folder / "db"))
    assert "against the database: 1 more, 1 fewer, 1 in both; none of the new ones logged in" in said
    assert re.search(rf"^\+ +{A} ", said, re.M)
    assert re.search(rf"^- +{C} ", said, re.M)


def test_logs_when_a_glob_is_given_or_what_was_rotated_is_wanted_then_all_are_read_in_order(story: Story) -> None:
    story.jail(filter="sshd", maxretry=3)
    story.log(ssh(A, 20))
    story.log(ssh(A, 10), name="log.1")
    (story.folder / "log.2.gz").write_bytes(gzip.compress(f"{ssh(A, 0)}\n".encode()))
    assert story.replay().bans() == []
    assert story.replay("--rotated").bans() == [(A, 20)]
    assert story.replay(f"{story.folder}/log*").bans() == [(A, 20)]


def test_log_when_there_is_none_then_that_is_wrong_usage(story: Story) -> None:
    story.jail(filter="sshd")
    assert story.replay(str(story.folder / "nothing*")).status == 2


def test_replay_when_it_runs_then_it_touches_nothing(story: Story) -> None:
    """No file is written, no socket made, no program run: an audit hook in a process of its own sees all of these."""
    story.jail(filter="sshd", maxretry=1)
    story.jail("recidive", filter="recidive", backend="bans", logpath=None, maxretry=1)
    story.log(ssh(A), ssh(B, 1))
    before = {path: path.stat().st_mtime_ns for path in story.folder.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCHED, "replay", "--json", "-c", str(story.folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count('"event": "ban"') == 4
    assert done.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in story.folder.rglob("*")} == before


_WATCHED = """
import os, sys
def hook(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise SystemExit(f"wrote {arguments[0]}")
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "sqlite3.connect")):
        raise SystemExit(event)
    if event in {f"os.{verb}" for verb in "remove rename mkdir chmod chown link symlink truncate".split()}:
        raise SystemExit(event)
import ctypes
from f2b.cli.main import run
from f2b.events import Ban
from f2b.store import Store
sys.addaudithook(hook)
sys.exit(run(sys.argv[1:]))
"""


def test_filter_when_jails_share_it_then_each_bans_whom_it_bans_alone(story: Story) -> None:
    """Jails that read the same lines share a filter; one that reads another log as well must not join in."""
    text = "[Definition]\nprefregex = ^ sshd\\[<F-MLFID>\\d+</F-MLFID>\\]: <F-CONTENT>.+</F-CONTENT>$\n"
    rules = "failregex = ^bad <F-USER>\\S+</F-USER>$\n    ^<F-NOFAIL>from</F-NOFAIL> <HOST>$\n"
    story.write("filter.d/session.conf", f"{text}{rules}")
    story.filter("slow", "filtertype = slow\nbase = session\nslot = 60")
    dice = random.Random(5)
    for name in ("log", "more"):
        said = ((dice.choice((f"from {host}", "bad root")), pid) for host in (A, B, C) for pid in range(9))
        pairs = [*said] * 2
        dice.shuffle(pairs)
        story.log(*(f"{stamp(at * 5)} sshd[{pid}]: {text}" for at, (text, pid) in enumerate(pairs)), name=name)
    both = f"{story.folder / 'log'}\n    {story.folder / 'more'}"
    story.jail("one", filter="session", maxretry=2)
    story.jail("two", filter="session", maxretry=4)
    story.jail("slowly", filter="slow", maxretry=2)
    story.jail("wide", filter="session", maxretry=5, logpath=both)
    together = story.replay()
    for jail in ("one", "two", "slowly", "wide"):
        assert together.bans(jail) == story.replay("--jail", jail).bans(jail) != []


def test_replay_when_there_is_no_jail_then_it_says_so(story: Story) -> None:
    assert story.replay().status == 2
