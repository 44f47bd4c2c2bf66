"""Settings against what Fail2Ban itself makes of the same files (`fail2ban-client -d` needs no server)."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from f2b import duration
from f2b.config.model import ActionSpec, JailSpec, Settings
from f2b.config.search import load

STOCK = Path("/etc/fail2ban")
Said = dict[str, Any]


def dumped(directory: Path) -> tuple[dict[str, Said], str]:
    """Return what Fail2Ban tells its server of each jail, and what it says besides."""
    command = ["/usr/bin/fail2ban-client", "-c", str(directory), "-d"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    jails: dict[str, Said] = {}
    for line in run.stdout.splitlines():
        if line.startswith("["):
            _take(ast.literal_eval(line), jails)
    return jails, run.stderr


def _take(words: list[Any], jails: dict[str, Said]) -> None:
    verb, name, *rest = words
    if verb == "add":
        jails[name] = defaultdict(list, {"backend": rest[0], "actions": {}})
    if verb not in ("set", "multi-set") or name not in jails:
        return
    said, option = jails[name], rest[0]
    if option == "addaction":
        said["actions"][rest[1]] = rest[2:]
    elif option == "action":
        said["actions"][rest[1]] = dict(rest[2])
    elif option in ("addfailregex", "addignoreregex"):
        said[option] += rest[1] if verb == "multi-set" else rest[1:]
    elif option == "addlogpath":
        said[option].append((rest[1], rest[2]))
    elif option == "addjournalmatch":
        said[option].append(rest[1:])
    elif option == "addignoreip":
        said[option] += rest[1:]
    else:
        said[option] = rest[1]


def jail_as_told(jail: JailSpec) -> Said:
    """Return a jail in the words of `dumped`, without actions."""
    rule = jail.filter
    paths = [(path, "tail" if log.tail else "head") for log in jail.logpath for path in _glob(log.pattern)]
    return {
        "backend": jail.backend,
        "addfailregex": [text.value for text in rule.failregex],
        "addignoreregex": [text.value for text in rule.ignoreregex],
        "prefregex": rule.prefregex.value if rule.prefregex else None,
        "maxlines": rule.maxlines,
        "datepattern": [text.value for text in rule.datepattern],
        "usedns": rule.usedns,
        "addjournalmatch": [shlex.split(match) for match in rule.journalmatch],
        "maxretry": jail.maxretry,
        "maxmatches": jail.maxmatches,
        "findtime": jail.findtime,
        "bantime": jail.bantime,
        "bantime.increment": jail.increment.enabled,
        "addignoreip": list(jail.ignoreip),
        "ignorecommand": jail.ignorecommand,
        "logencoding": jail.logencoding,
        "addlogpath": [] if jail.journal else paths,
    }


def as_dumped(said: Said) -> Said:
    """Return what Fail2Ban told of a jail with its defaults and types."""
    date = said["datepattern"] or ""
    return {
        "backend": said["backend"],
        "addfailregex": said["addfailregex"],
        "addignoreregex": said["addignoreregex"],
        "prefregex": said["prefregex"] or None,
        "maxlines": said["maxlines"] or 1,
        "datepattern": [line.strip() for line in date.splitlines() if line.strip()],
        "usedns": said["usedns"] or "warn",
        "addjournalmatch": said["addjournalmatch"],
        "maxretry": said["maxretry"] if said["maxretry"] != [] else 3,
        "maxmatches": said["maxmatches"] if said["maxmatches"] != [] else 5,
        "findtime": duration.seconds(str(said["findtime"] or 600)),
        "bantime": duration.seconds(str(said["bantime"] or 600)),
        "bantime.increment": bool(said["bantime.increment"]),
        "addignoreip": said["addignoreip"],
        "ignorecommand": said["ignorecommand"] or "",
        "logencoding": said["logencoding"] or "auto",
        "addlogpath": said["addlogpath"],
    }


def _glob(pattern: str) -> list[str]:
    return [str(path) for path in sorted(Path("/").glob(pattern.removeprefix("/")))]


def action_as_told(action: ActionSpec, said: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return our options and Fail2Ban's. Parameters and [Init] it leaves with tags; at run time it fills them in."""
    theirs = {key: str(value) for key, value in said.items() if key != "bantime"}
    filled = {
        key for key, value in theirs.items() if "<" in value and (key == "actiontype" or not key.startswith("action"))
    }
    ours = {key: _plain(key, value) for key, value in action.options.items()}
    for key in filled & ours.keys():
        theirs[key], ours[key] = _run_time(theirs[key], theirs), _run_time(ours[key], theirs)
        if "<" in theirs[key]:  # a tag that only the commands can have filled in, and they are compared
            theirs[key] = ours[key]
    for key in [key for key in ours if "?" in key and ours[key] == ours.get(key.partition("?")[0])]:
        # Since 1.1 a parameter replaces the variants for one family too; here we follow the newer Fail2Ban.
        theirs[key] = ours[key]
    return ours, theirs


def _plain(key: str, value: str) -> str:
    """Return yes and no as Fail2Ban's dump has them."""
    if key in ("actionstart_on_demand", "actionrepair_on_unban", "norestored"):
        return str(value.lower() in ("1", "on", "true", "yes"))
    return value


def _run_time(value: str, options: dict[str, str]) -> str:
    for _ in range(9):
        value = re.sub(r"<([^ <>]+)>", lambda tag: options.get(tag[1], tag[0]), value)
    return value


def assert_same(ours: Settings, theirs: dict[str, Said]) -> None:
    """Compare jail by jail, action by action."""
    assert [jail.name for jail in ours.jails] == list(theirs), [str(problem) for problem in ours.problems]
    for jail in ours.jails:
        said = theirs[jail.name]
        assert jail_as_told(jail) == as_dumped(said), jail.name
        assert [action.name for action in jail.actions] == list(said["actions"]), jail.name
        for action in jail.actions:
            if action.type == "python":
                assert said["actions"][action.name][0] == str(action.place), jail.name
                assert ast.literal_eval(said["actions"][action.name][1]) == action.options, jail.name
                continue
            mine, his = action_as_told(action, said["actions"][action.name])
            assert mine == his, (jail.name, action.name)


def stock_jails() -> list[str]:
    """Return the names of the jails in Debian's jail.conf."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(STOCK / "jail.conf")
    return [section for section in parser.sections() if section != "INCLUDES"]


def stock_actions() -> list[str]:
    """Return the names of all actions of Debian but those that are only there to be included."""
    files = (STOCK / "action.d").glob("*.conf")
    return sorted(file.stem for file in files if "[Definition]" in file.read_text())


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    """A copy of Debian's configuration."""
    directory = tmp_path / "fail2ban"
    shutil.copytree(STOCK, directory)
    return directory


@pytest.mark.parametrize("action", ["%(action_mwl)s", "%(action_xarf)s\n  %(action_blocklist_de)s"])
def test_stock_jails_when_all_are_enabled_then_say_what_fail2ban_says(stock: Path, action: str) -> None:
    lines = ["[DEFAULT]", "enabled = true", "bantime.increment = true", f"action = {action}", "fail2ban_agent = a"]
    lines += ["ignoreip = 127.0.0.1/8 ::1,192.0.2.1", "blocklist_de_apikey = k"]
    for number, name in enumerate(stock_jails()):
        (stock / f"{number}.log").touch()
        lines += [f"[{name}]", f"logpath = {stock}/{number}.log", "backend = auto"]
    (stock / "jail.local").write_text("\n".join(lines))
    ours = load(stock)
    assert_same(ours, dumped(stock)[0])
    assert len(ours.jails) == len(stock_jails())
    assert [problem for problem in ours.problems if problem.severity == "error"] == []


def test_stock_actions_when_one_jail_has_all_then_say_what_fail2ban_says(stock: Path) -> None:
    (stock / "x.log").touch()
    actions = "\n  ".join(f"{name}[port=1, blocktype=drop]" for name in stock_actions())
    (stock / "jail.local").write_text(f"[sshd]\nlogpath = {stock}/x.log\nbackend = polling\naction = {actions}\n")
    ours = load(stock)
    assert_same(ours, dumped(stock)[0])
    assert len(ours.jails[0].actions) == len(stock_actions())


@pytest.mark.parametrize("backend", ["systemd", "polling", "systemd[journalflags=1]"])
def test_stock_jails_when_of_a_named_backend_then_have_fail2bans_regexes(stock: Path, backend: str) -> None:
    (stock / "x.log").touch()
    lines = ["[DEFAULT]", "enabled = false", "mode = aggressive", "action = smtp.py[host=h]\n  smtp.py[actname=b]"]
    for name in ("sshd", "dovecot", "exim", "proftpd", "sieve", "recidive"):
        lines += [f"[{name}]", "enabled = true", f"logpath = {stock}/x.log tail", f"backend = {backend}"]
        lines += ["failregex = %(known/failregex)s", "    ^more <HOST>"]
    (stock / "jail.local").write_text("\n".join(lines))
    theirs = dumped(stock)[0]
    for said in theirs.values():
        said["backend"] = said["backend"].lower().partition("[")[0]
    ours = load(stock)
    assert len(ours.jails) == 6
    assert_same(ours, theirs)


# ---- small made-up trees -----------------------------------------------------------------------------------

NAMES = ["va", "vb", "vc", "vd", "ve"]
"""Options that may refer to later ones only, so that most trees are sound."""

plain = st.sampled_from(["x", "a b", "=", "[y]", "a;b", "#1", "'q'", "<HOST>", "<ip>", "\\", "$", "é"])


IN_FILES = ("%({})s", "<{}>", "<<p>{}>", "%(default/{})s", "<default/{}>", "%(lt/{})s", "<lt/{}>", "<{}-<w>>")
IN_JAILS = ("%({})s", "%(default/{})s")


def value(names: list[str], forms: tuple[str, ...] = (), extra: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Values that refer to `names`; the second of two lines is indented as a continuation."""
    references = [form.format(name) for form in forms for name in names]
    references += [
        form.format(name.upper()) for form in forms if "/" not in form and "p" not in form for name in names
    ]
    piece = st.one_of(plain, st.sampled_from([*references, *extra])) if references or extra else plain
    line = st.lists(piece, min_size=1, max_size=3).map("".join)
    return st.lists(line, min_size=1, max_size=2).map("\n    ".join)


@st.composite
def section(
    draw: st.DrawFn, names: list[str], forms: tuple[str, ...], known: bool = False, whole: bool = False
) -> str:
    """Some options, or all of them, each of which refers to later ones; `known` adds what they were before."""
    lines = []
    for name in names:
        if whole or draw(st.booleans()):
            extra = (f"%(known/{name})s",) if known else ()
            lines.append(f"{name} = {draw(value(NAMES[NAMES.index(name) + 1 :], forms, extra))}")
    return "\n".join(lines)


@st.composite
def definition(draw: st.DrawFn, main: str, local: bool) -> str:
    """A filter's or an action's file, or what is laid upon it."""
    lines = ["[DEFAULT]", draw(section(NAMES, IN_FILES, whole=not local))]
    lines += ["[lt]", draw(section(NAMES, (), whole=not local))]
    lines += ["[Definition]", "" if local else "p = v\nw = q", draw(section(NAMES[:4], IN_FILES, known=local))]
    if not local or draw(st.booleans()):
        lines.append(
            f"{main} = ^{draw(value(NAMES, IN_FILES, (f'%(known/{main})s',) if local else ('<ia>',)))} <HOST>"
        )
    lines += ["[Init]", f"ia = {draw(value([]))}", draw(section(["ve"], ()))]
    if draw(st.booleans()):
        lines += ["[Init?family=inet6]", f"{draw(st.sampled_from(['ia', 'ic']))} = {draw(value([]))}"]
    return "\n".join(lines) + "\n"


@st.composite
def parameters(draw: st.DrawFn) -> str:
    """What stands in brackets behind a name."""
    names = draw(st.lists(st.sampled_from(["va", "vb", "VC", "ia", "vd-q"]), max_size=3))
    inner = ['"x"', "'y z'", "x=[", '"%(va)s"', '"<vd>"', '" t\n   u"', '"<known/ia>"', "", "'\"'"]
    text = [f"{name}={draw(st.sampled_from(inner))}" for name in names]
    joint = draw(st.sampled_from([",", ", ", "]["]))
    return f"[{joint.join(text)}]" if text else ""


@st.composite
def tree(draw: st.DrawFn) -> dict[str, str]:
    """Files of a configuration with several jails, each with its own filter and action."""
    files: dict[str, str] = {}
    jails = ["[DEFAULT]", "enabled = true", "logpath = /dev/null", draw(section(NAMES, IN_JAILS, whole=True))]
    local = []
    for number in range(4):
        for folder, name, main in (("filter.d", f"f{number}", "failregex"), ("action.d", f"a{number}", "actionban")):
            before = f"[INCLUDES]\nbefore = {name}-b.conf\n" if draw(st.booleans()) else ""
            after = f"[INCLUDES]\nafter = {name}-b.conf\n" if not before and draw(st.booleans()) else ""
            files[f"{folder}/{name}.conf"] = before + after + draw(definition(main, local=False))
            if before or after:
                files[f"{folder}/{name}-b.conf"] = draw(definition(main, local=False))
            if draw(st.booleans()):
                files[f"{folder}/{name}.local"] = draw(definition(main, local=True))
        action = f"a{number}{draw(parameters())}"
        if draw(st.booleans()):
            action += f"\n    a{number}[actname=other, ia=1]"
        jails += [f"[j{number}]", draw(section(NAMES, IN_JAILS))]
        jails += [f"filter = f{number}{draw(parameters())}", f"action = {action}"]
        if draw(st.booleans()):
            regex = draw(st.sampled_from(["^%(known/p)s <HOST>", "^J <HOST>", "^%(va)s%(known/w)s <HOST>"]))
            local += [f"[j{number}]", draw(section(NAMES[:2], IN_JAILS, known=False)), f"failregex = {regex}"]
    files["jail.conf"] = "\n".join(jails) + "\n"
    files["jail.local"] = "\n".join(local) + "\n"
    return files


@settings(
    max_examples=settings().max_examples // 10,
    phases=[Phase.reuse, Phase.generate],  # to shrink a tree would ask Fail2Ban for minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files=tree())
def test_any_tree_when_read_then_says_what_fail2ban_says(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        shutil.copy(STOCK / "fail2ban.conf", directory)
        for name, text in files.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
        ours = load(directory)
        theirs, error = dumped(directory)
        if theirs:
            assert_same(ours, theirs)
        else:
            assert any(problem.severity == "error" for problem in ours.problems), error
