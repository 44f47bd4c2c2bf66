"""Whole configurations: what is read, and what is said of what is wrong."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, JailSpec, LogPath, Problem, Settings
from f2b.config.search import Machine, load, load_filter
from f2b.errors import ConfigError

FILTER = "[Definition]\nfailregex = ^bad <HOST>$\n"
JAIL = "[web]\nenabled = true\nfilter = web\naction = say\nlogpath = /log/web\n"
TREE = {
    "filter.d/web.conf": FILTER,
    "filter.d/mail.conf": FILTER + "journalmatch = _SYSTEMD_UNIT=mail.service\n",
    "action.d/say.conf": "[Definition]\nactionban = echo <ip>\n",
    "jail.conf": JAIL,
}
Tree = Callable[..., Path]


class Here:
    """A machine with these logs, and with a journal or without."""

    def __init__(self, logs: Collection[str] = ("/log/web",), journal: bool = False) -> None:
        self._logs = logs
        self._journal = journal

    def logs(self, pattern: str) -> list[str]:
        return [log for log in self._logs if log == pattern]

    def journal(self) -> bool:
        return self._journal


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write files over those of TREE, `jail` being jail.local, and return their folder."""

    def write(jail: str = "", **files: str) -> Path:
        named = {name.replace("__", "/").replace("_conf", ".conf"): text for name, text in files.items()}
        for name, text in {**TREE, "jail.local": jail, **named}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def only_jail(settings: Settings) -> JailSpec:
    assert settings.problems == ()
    (jail,) = settings.jails
    return jail


def only_problem(settings: Settings) -> Problem:
    (problem,) = settings.problems
    return problem


def where(problem: Problem) -> tuple[str, int]:
    assert problem.place
    return Path(problem.place.file).name, problem.place.line


# ---- what is read ------------------------------------------------------------------------------------------


def test_jail_when_read_then_has_types_and_defaults(tree: Tree) -> None:
    jail = only_jail(
        load(
            tree(
                "[web]\nfindtime = 1h\nbantime = 1.5m\nmaxretry = 2\nignoreip = ::1, 10.0.0.0/8\n a.example\n"
                "bantime.increment = yes\nbantime.multipliers = 1 2 4\nbantime.maxtime =\nport = ssh\n"
                'ignorecache = key="<ip>", max-count=5\nlogtimezone =\nlogpath = /log/web TAIL\n'
            ),
            Here(),
        )
    )
    assert (jail.findtime, jail.bantime, jail.maxretry, jail.maxmatches) == (3600, 90, 2, 5)
    assert jail.ignoreip == ("::1", "10.0.0.0/8", "a.example")
    assert (jail.increment.enabled, jail.increment.multipliers, jail.increment.maxtime) == (True, (1, 2, 4), None)
    assert jail.ignorecache == {"key": "<ip>", "max-count": "5"}
    assert (jail.logtimezone, jail.logpath) == ("UTC", (LogPath("/log/web", tail=True),))
    assert jail.options["port"].value == "ssh"
    assert jail.actions[0].options == {"actionban": "echo <ip>", "name": "web", "actname": "say"}


def test_regexes_when_from_several_files_then_each_knows_its_line(tree: Tree) -> None:
    directory = tree("[web]\nfailregex = %(known/failregex)s\n   ^more <HOST>\n", **{"filter.d__web_conf": FILTER})
    (first, second) = only_jail(load(directory, Here())).filter.failregex
    assert (Path(first.place.file).name, first.place.line) == ("web.conf", 2)
    assert (Path(second.place.file).name, second.place.line) == ("jail.local", 3)


@pytest.mark.parametrize(
    ("options", "logs", "journal", "expected"),
    [
        ("backend = auto", ["/log/web"], True, False),
        ("backend = auto", [], True, True),
        ("backend = auto", [], False, False),
        ("backend = auto\nsystemd_if_nologs = false", [], True, False),
        ("backend = polling", [], True, False),
        ("backend = SystemD[journalflags=1]", ["/log/web"], True, True),
    ],
)
def test_jail_when_logs_or_journal_exist_then_reads_one(
    tree: Tree, options: str, logs: list[str], journal: bool, expected: bool
) -> None:
    (jail,) = load(tree(f"[web]\nfilter = mail\n{options}\n"), Here(logs, journal)).jails
    assert jail.journal is expected
    assert jail.filter.logtype == ("journal" if expected else "file")


def test_server_settings_when_layered_then_f2b_conf_is_above(tree: Tree) -> None:
    directory = tree()
    (directory / "fail2ban.conf").write_text("[DEFAULT]\nloglevel = debug\nsocket = /a\n[Thread]\nstacksize = 0\n")
    (directory / "fail2ban.local").write_text("[Definition]\ndbpurgeage = 2d\nallowipv6 = no\n")
    (directory / "f2b.conf").write_text("[Definition]\nsocket = /b\nallowactions = yes\n[fleet]\npeers = x\n")
    server = load(directory, Here()).server
    assert (server.loglevel, server.socket, server.dbpurgeage, server.allowipv6) == ("DEBUG", "/b", 172800, "no")
    assert server.options["allowactions"].value == "yes"
    assert server.sections["fleet"]["peers"].value == "x"


def test_includes_when_they_lead_in_a_circle_then_are_read_once(tree: Tree) -> None:
    directory = tree(
        **{
            "filter.d__web_conf": "[INCLUDES]\nbefore = a.conf\nafter = gone.conf\n" + FILTER,
            "filter.d__a_conf": "[INCLUDES]\nbefore = web.conf\n[Definition]\nmaxlines = 3\n",
        }
    )
    (directory / "filter.d/a.local").write_text("[Definition]\nmaxlines = 4\n")
    assert only_jail(load(directory, Here())).filter.maxlines == 4


def test_filter_when_it_has_a_base_then_inherits_from_it(tree: Tree) -> None:
    directory = tree(
        "[web]\nfilter = slow[slot=1h]\n",
        **{"filter.d__slow_conf": "[Definition]\nfiltertype = slow\nbase = web[x=1]\n  mail\nslot = 30m\n"},
    )
    rule = only_jail(load(directory, Here())).filter
    assert (rule.type, rule.options["slot"].value) == ("slow", "1h")
    assert [base.name for base in rule.base] == ["web", "mail"]
    assert rule.journalmatch == ("_SYSTEMD_UNIT=mail.service",)


def test_shipped_filter_when_folder_has_none_of_this_name_then_is_used(tree: Tree) -> None:
    directory = tree("[web]\nfilter = nginx-404\naction = dry\n")
    (directory / "filter.d/nginx-404.local").write_text("[Definition]\nmine = 1\n")
    jail = only_jail(load(directory, Here()))
    assert jail.filter.options["mine"].value == "1"
    assert jail.actions[0].type == "dry"


def test_only_when_given_then_reads_no_other_jail_and_disabled_ones_if_asked(tree: Tree) -> None:
    directory = tree(
        "[other]\nfilter = nonsense\nenabled = true\n[off]\nfilter = web\naction = say\nlogpath = /log/web\n"
    )
    assert [jail.name for jail in load(directory, Here(), only=["web"]).jails] == ["web"]
    assert load(directory, Here(), only=["off"]).jails == ()
    assert [jail.name for jail in load(directory, Here(), only=["off"], disabled=True).jails] == ["off"]


# ---- what is wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "what", "cure"),
    [
        ("findtime = ten", "'ten' is no duration", "write 600"),
        ("bantime =", "is no duration", ""),
        ("filter = wep", "no filter.d/wep.conf", "did you mean 'web'?"),
        ("action = sey", "no action.d/sey.conf", "did you mean 'say'?"),
        ("action = x.py", "no action.d/x.py", ""),
        ("action = say say", "two actions are called 'say'", "actname"),
        ("action = say [port=1]", "follows no name", "without blanks"),
        ("backend = sytemd", "no backend 'sytemd'", "did you mean 'systemd'?"),
        ("logencoding = utf-9", "no encoding 'utf-9'", ""),
        ("ignorecache = max-count=1", "no key", "key="),
        ("logpath =", "no logpath", "journalmatch"),
        ("failregex =", "no failregex", "give it"),
        ("usedns = maybe", "usedns = maybe", "write yes"),
        ("ignorecommand = %(prot)s\nprot0 = 1", "%(prot)s", "did you mean %(prot0)s?"),
        ("ignorecommand = 5%", "single %", "%%"),
        ("action = say[port=%(port)s]\nport = %(port)s", "refers to itself", ""),
        ("nonsense", "is no option", "NAME = VALUE"),
        ("enabled = true\nenabled = true", "given twice", "remove one"),
        ("ignoreself = perhaps", "neither true nor false", "write true"),
    ],
)
def test_broken_jail_when_read_then_is_left_out_and_told(tree: Tree, line: str, what: str, cure: str) -> None:
    settings = load(
        tree(f"[ok]\nenabled = true\nfilter = web\naction = say\nlogpath = /log/web\n[web]\n{line}\n"), Here()
    )
    assert [jail.name for jail in settings.jails] == ["ok"]
    problem = settings.problems[0]
    assert (problem.severity, problem.jail) == ("error", "web")
    assert what in problem.what
    assert cure in problem.cure
    assert problem.place


@pytest.mark.parametrize(
    ("line", "what", "runs"),
    [
        ("maxretry = few", "no whole number", True),
        ("max_retry = 3", "'max_retry' is no option", True),
        ("port = %(prot)s", "%(prot)s", True),  # a variable that nobody uses, as in Fail2Ban
        ("action =", "no action", True),
        ("logpath = /log/none", "no file matches", True),
        ("logpath = /log/none\nskip_if_nologs = true", "leaves it out", False),
        ("backend = systemd", "none that can be read here", True),
    ],
)
def test_doubtful_jail_when_read_then_is_told_of(tree: Tree, line: str, what: str, runs: bool) -> None:
    settings = load(tree(f"[web]\n{line}\n"), Here())
    problem = only_problem(settings)
    assert (problem.severity, problem.jail) == ("warning", "web")
    assert what in problem.what
    assert problem.place
    assert bool(settings.jails) is runs


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[Definition]\nfailregex = ^<a> <HOST>\na = <b>\nb = <a>\n", 4, "<a> refers to itself"),
        ("[Definition]\nfailregex = ^%(a)s <HOST>\na = %(a)s\n", 3, "refers to itself"),
        ("[Definition]\nfailregex = ^x <HOST>\n  ^%(none)s <HOST>\n", 3, "%(none)s"),
        ("[Init]\nx = 1\n", 0, "no [Definition]"),
        ("[Definition]\nfailregex = a\nfailregex = b\n", 3, "given twice"),
        ("[Definition]\nfailregex = a <HOST>\nmaxlines = x\n", 3, "no whole number"),
        ("[Definition]\nfailregex = a <HOST>\nbase = web\n", 3, "itself as its base"),
    ],
)
def test_broken_filter_when_used_then_is_its_jails_problem(tree: Tree, text: str, line: int, what: str) -> None:
    settings = load(tree(**{"filter.d__web_conf": text}), Here())
    problem = only_problem(settings)
    assert settings.jails == ()
    assert (problem.jail, where(problem)) == ("web", ("web.conf", line))
    assert what in problem.what


def test_filter_when_it_is_no_text_then_tells_the_line(tree: Tree) -> None:
    directory = tree()
    (directory / "filter.d/web.conf").write_bytes(b"[Definition]\nfailregex = \xff <HOST>\n")
    problem = only_problem(load(directory, Here()))
    assert (problem.jail, where(problem), problem.what) == ("web", ("web.conf", 2), "this line is not UTF-8")


def test_jail_file_when_it_is_no_text_then_nothing_runs_and_it_is_told(tree: Tree) -> None:
    directory = tree()
    (directory / "jail.local").write_bytes(b"\xff")
    settings = load(directory, Here())
    assert (settings.jails, where(only_problem(settings))) == ((), ("jail.local", 1))


def test_default_when_a_line_of_it_is_wrong_then_jails_go_on(tree: Tree) -> None:
    settings = load(tree("[DEFAULT]\nnonsense\n"), Here())
    assert [jail.name for jail in settings.jails] == ["web"]
    assert (only_problem(settings).jail, where(only_problem(settings))) == ("", ("jail.local", 2))


def test_server_option_when_wrong_then_has_its_default(tree: Tree) -> None:
    directory = tree()
    (directory / "fail2ban.local").write_text("[Definition]\nloglevel = LOUD\n")
    settings = load(directory, Here())
    assert (settings.server.loglevel, len(settings.jails)) == ("INFO", 1)
    assert where(only_problem(settings)) == ("fail2ban.local", 2)


def test_folder_when_missing_then_raises_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        load(tmp_path / "none")


@given(
    st.lists(
        st.sampled_from(["[web]", "[DEFAULT]", "[x", "enabled = 1", " %(", "filter = web", "a = <a>", "b=%(a)s"])
    )
)
def test_load_when_jail_local_is_any_text_then_never_raises(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        for name, text in {**TREE, "jail.local": "\n".join(lines)}.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
        settings = load(directory, Here())
        assert settings.jails or settings.problems or "web" not in "".join(lines)


# ---- a filter to test --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["web", "web[maxlines=2]", "filter.d/web.conf", "web.conf", "mail", "off", "{}/alone.conf"]
)
def test_load_filter_when_name_means_one_then_returns_it(tree: Tree, name: str) -> None:
    directory = tree("[off]\nfilter = web\n")
    (directory / "alone.conf").write_text(FILTER)
    found, problems = load_filter(name.format(directory), directory, Here())
    assert isinstance(found, FilterSpec)
    assert [text.value for text in found.failregex] == ["^bad <HOST>$"]
    assert found.maxlines == (2 if "maxlines" in name else 1)
    assert problems == ()


@pytest.mark.parametrize("name", ["none", "^bad <HOST>$", "web[x", "none.conf"])
def test_load_filter_when_name_means_none_then_returns_nothing(tree: Tree, name: str) -> None:
    assert load_filter(name, tree(), Here()) == (None, ())


def test_load_filter_when_filter_is_broken_then_says_why(tree: Tree) -> None:
    directory = tree(**{"filter.d__mail_conf": "[Definition]\nfailregex = %(x)s\n"})
    found, (problem,) = load_filter("mail", directory, Here())
    assert found is None
    assert where(problem) == ("mail.conf", 2)


@pytest.mark.parametrize(
    "pattern",
    [
        "*.log",
        "*",
        "*/*.log",
        "b/../*.log",
        "*/",
        "a.lo[g]",
        ".*",
        "?.log",
        "a.log/*",
        "none/*",
        "**",
        "**/c.log",
        "[",
        "b/.h*",
    ],
)
def test_machine_when_asked_for_logs_then_finds_what_a_glob_means(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "b" / "d").mkdir(parents=True)
    for name in ("a.log", "c.log", ".hidden", "b/c.log", "b/.hidden", "b/d/c.log"):
        (tmp_path / name).touch()
    (tmp_path / "lost.log").symlink_to(tmp_path / "nowhere")
    expected = sorted(file for file in glob.glob(f"{tmp_path}/{pattern}") if Path(file).exists())
    assert Machine().logs(f"{tmp_path}/{pattern}") == expected


def test_machine_when_a_glob_is_deeper_than_any_folder_then_finds_nothing(tmp_path: Path) -> None:
    assert Machine().logs(f"{tmp_path}" + "/*" * 2000) == []
