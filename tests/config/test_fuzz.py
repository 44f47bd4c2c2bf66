"""No configuration, however broken, makes reading it raise, or take long: its faults are told."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, Text
from f2b.config.search import load, load_filter
from f2b.daemon.assemble import build_filter
from f2b.errors import Place
from f2b.filter.regex import compile_filter

JAIL = "[x]\nenabled = true\nfilter = x\naction = a\nlogpath = /x\n"
FILTER = "[Definition]\nfailregex = ^ <HOST>$\n"
MANY = 1_000_000
LONGEST_S = 20
"""Far more than any of these takes, far less than what has no end."""

PIECES = st.sampled_from(
    [
        *(
            "[Definition]",
            "[x]",
            "[Init?family=inet6]",
            "[INCLUDES]\n",
            "failregex",
            "before",
            "x.conf",
            "=",
            "%(",
            ")s",
        ),
        *(
            "%%",
            "<",
            ">",
            "<x>",
            "<HOST>",
            "<F-USER>",
            "known/",
            "\n",
            "\n ",
            "x",
            "[",
            "]",
            "(",
            ")",
            "\\",
            "*",
            '"',
        ),
        *("datepattern", "enabled = true\n", "{DATE}", "1d", ";", "#", "\0", "\ud800", "é"),
    ]
)
TEXT = st.lists(PIECES, max_size=40).map("".join)


def read(folder: Path, **files: str | bytes) -> None:
    """Read a configuration as server and tester do; files are named as `jail`, `x` (the filter), `y0` (others)."""
    for kind in ("filter.d", "action.d"):
        (folder / kind).mkdir()
    (folder / "action.d" / "a.conf").write_text("[Definition]\nactionban = true\n")
    for name, text in {"jail": JAIL, "x": FILTER, **files}.items():
        path = folder / ("jail.conf" if name == "jail" else f"filter.d/{name}.conf")
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    load(folder)
    found, _ = load_filter("x", folder)
    if found is not None:
        compile_filter(found)


@given(st.binary(max_size=300) | TEXT, st.binary(max_size=300) | TEXT)
def test_configuration_whatever_the_bytes_never_raises(jail: bytes | str, rules: bytes | str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read(Path(folder), jail=jail, x=rules)


@given(TEXT, TEXT)
def test_values_whatever_they_say_never_raise(value: str, regex: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read(Path(folder), jail=f"{JAIL}port = {value}\nbantime = {value}\n", x=f"{FILTER}  {regex}\n")


def chain(form: str, times: int, depth: int) -> str:
    """Return options each of which stands for the next, several times."""
    return "".join(f"a{level} = {form.format(level + 1) * times}\n" for level in range(depth)) + f"a{depth} = z\n"


def options(many: int, text: str = "1") -> str:
    """Return many options."""
    return "".join(f"b{number} = {text}\n" for number in range(many))


BIG = chain("%(a{})s", 10, 6)
HUGE = {
    "a filter %()s": ("x", "failregex = <HOST>%(a0)s\n" + chain("%(a{})s", 10, 9), "replaced without end"),
    "many %()s": ("jail", f"ignoreip = %(a0)s\n{BIG}bantime = %(b9)s\n{options(1000, '%(a0)s')}", "without end"),
    "a tag": ("x", "failregex = <a0>\n" + chain("<a{}>", 20, 9), "replaced without end"),
    "many tags": ("x", FILTER[13:] + chain("<a{}>", 10, 5) + options(1000, "<a0>"), "replaced without end"),
    "a chain of tags": ("x", "failregex = <a0>\n" + chain("<a{}>", 1, 5000), "lies too deep"),
    "a tag itself": ("x", "failregex = <failregex>\n", "refers to itself"),
    "tags in a line": ("x", f"failregex = <HOST>{'<u>' * 20_000}\nu = x\n", "replaced without end"),
    "a regex": ("x", f"failregex = <HOST>{'a' * 300_000}\n", "a regex of 300,006 characters"),
    "regexes": ("x", f"failregex = <HOST>{'{}<HOST>'.format(chr(10) + ' ') * 6000}\n", "more than 5,000 regexes"),
    "long regexes": ("x", "failregex =" + f"\n <HOST>{'a' * 200_000}" * 6, "1,000,000 characters of them"),
    "groups": ("x", f"failregex = <HOST>{'(' * 3000}{')' * 3000}\n", "bad regex"),
    "repeats": ("x", "failregex = <HOST>x{9999999999}\n", "bad regex"),
    "a date pattern": ("x", f"{FILTER[13:]}datepattern = {'a' * MANY}\n", "a date pattern of 1,000,000 characters"),
    "date patterns": (
        "x",
        f"{FILTER[13:]}datepattern = " + "\n ".join(f"{n}%%Y" for n in range(9000)),
        "9,000 lines",
    ),
    "a file": ("x", f"{FILTER[13:]}a = {'a' * 9 * MANY}\n", "this file has no end"),
    "a file's options": ("x", FILTER[13:] + options(20_000), "this section has no end"),
    "a file's faults": ("x", FILTER[13:] + "junk\n" * 100_000, "the rest is not read"),
    "bases": ("x", f"{FILTER[13:]}base = v0\n", "lies too deep"),
    "multiplying bases": ("x", f"{FILTER[13:]}base = {'z[a=1] ' * 11}\n", "more than 100 bases"),
    "includes": ("x", f"{FILTER[13:]}[INCLUDES]\nbefore = y0.conf\n", "its includes have no end"),
    "deep includes": ("x", f"{FILTER[13:]}[INCLUDES]\nbefore = w0.conf\n", "its includes lie too deep"),
    "a jail's options": ("jail", options(20_000), "this section has no end"),
    "actions": ("jail", f"action = {'a ' * 9000}\n", "more than 1,000 names in a list"),
    "an action's options": (
        "jail",
        f"action = a[{'b=1,' * 5}{','.join(f'b{n}=1' for n in range(9000))}]\n",
        "options",
    ),
    "a name": ("jail", f"filter = {'x' * 5000}\n", "there is no filter.d/xxx"),
    "a path": ("jail", f"logpath = {'/*a' * MANY}\n", "a path of 3000000 characters"),
    "a glob": ("jail", "logpath = /*/*/*/*/*/*/*/*\n", "have no end"),
    "a formula": ("jail", f"bantime.formula = {'1+' * MANY}1\n", "a formula of more than 1000 characters"),
    "a number": ("jail", f"bantime = {'9' * MANY}\n", "999"),
}
"""What has no end, by where it stands: in the filter x, or in the section of the jail x. What is said of it, too."""


OTHERS = {
    "y0.conf": ((f"y{n}", f"[INCLUDES]\nbefore = y{n + 1}.conf\nafter = y{n + 1}.conf\n") for n in range(20)),
    "w0.conf": ((f"w{n}", f"[INCLUDES]\nbefore = w{n + 1}.conf\n") for n in range(100)),
    "v0": ((f"v{n}", f"{FILTER}base = v{n + 1}\n") for n in range(100)),
    "z[a": [("z", f"{FILTER}base = {'sound ' * 10}\n")],
}
"""More files, by what they are for."""


def folder_of(folder: Path, where: str, text: str) -> Path:
    """Make a configuration of two jails: `x`, with this text, and `sound`."""
    for kind in ("filter.d", "action.d"):
        (folder / kind).mkdir()
    (folder / "action.d" / "a.conf").write_text("[Definition]\nactionban = true\n")
    jail = dict(line.split(" = ") for line in JAIL.splitlines()[1:])
    if where == "jail":
        jail.pop(text.partition(" = ")[0], None)
    files = {"x": f"[Definition]\n{text}" if where == "x" else FILTER, "sound": FILTER}
    for needed, others in OTHERS.items():
        files.update(others if needed in text else ())
    for name, content in files.items():
        (folder / "filter.d" / f"{name}.conf").write_text(content)
    sound = JAIL.replace("[x]", "[sound]").replace("filter = x", "filter = sound")
    own = "".join(f"{name} = {value}\n" for name, value in jail.items())
    (folder / "jail.conf").write_text(f"[x]\n{own}{text if where == 'jail' else ''}\n{sound}")
    return folder


@pytest.mark.parametrize("name", HUGE)
def test_jail_when_something_has_no_end_then_is_refused_with_its_place_and_the_other_runs(
    name: str, tmp_path: Path
) -> None:
    where, text, told = HUGE[name]
    begun = time.process_time()
    settings = load(folder_of(tmp_path, where, text))
    problems = [*settings.problems, *(one for jail in settings.jails for one in build_filter(jail)[1])]
    assert time.process_time() - begun < LONGEST_S
    errors = [problem for problem in problems if problem.severity == "error"]
    assert {problem.jail for problem in errors} == {"x"}
    assert "sound" in [jail.name for jail in settings.jails]
    assert any(told in problem.what for problem in errors)
    assert all(problem.place and problem.place.file.startswith(str(tmp_path)) for problem in errors)
    assert any(problem.place and problem.place.line for problem in errors) or "includes" in name
    assert max(len(str(problem)) for problem in errors) < 2000


@pytest.mark.parametrize(
    "jail",
    [
        JAIL + "".join(f"a{n}x{level} = %(a{n}x{level + 1})s\n" for n in range(1000) for level in range(9)),
        JAIL + "".join(f"a{n} = %(a{n + 1})s\n" for n in range(2000)),
        JAIL + "".join(f"a{n} = %(b{n})s\n" for n in range(2000)),
        JAIL + "".join(f"maxretr{n} = 1\n" for n in range(50_000)),
        JAIL.replace("/x\n", "\n ".join(f"/usr/*/*{n}.log" for n in range(1000)) + "\n"),
        "[INCLUDES]\nbefore = " + "\n ".join(["jail.d/y.conf"] * 10_000) + f"\n{JAIL}",
    ],
    ids=("chains", "one chain", "unknown", "misspelt", "globs", "includes"),
)
def test_jail_when_it_says_very_much_then_is_read_in_time(jail: str, tmp_path: Path) -> None:
    (tmp_path / "jail.d").mkdir()
    (tmp_path / "jail.d" / "y.conf").write_text("[DEFAULT]\na = 1\n")
    begun = time.process_time()
    read(tmp_path, jail=jail)
    assert time.process_time() - begun < LONGEST_S


def test_filter_when_it_has_thousands_of_chains_then_is_read_in_time(tmp_path: Path) -> None:
    text = "".join(f"a{n}x{level} = <a{n}x{level + 1}>\n" for n in range(1000) for level in range(9))
    begun = time.process_time()
    read(tmp_path, x=FILTER + text)
    assert time.process_time() - begun < LONGEST_S


@pytest.mark.parametrize("piece", ["[", "(?#", "\\", "<F-", "(?i)", "x?", "(a|b)", "<SKIPLINES>", "%%("])
def test_regex_when_it_is_as_long_as_can_be_then_is_compiled_or_refused_in_time(piece: str) -> None:
    begun = time.process_time()
    text = Text("<HOST>" + piece * (50_000 // len(piece)), Place("x.conf", 2))
    found, problems = compile_filter(FilterSpec("x", Place("x.conf"), failregex=(text,)))
    assert (found is None) == bool(problems)
    assert time.process_time() - begun < LONGEST_S
