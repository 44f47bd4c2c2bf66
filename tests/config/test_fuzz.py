"""No configuration, however broken, makes reading it raise, or take long: its faults are told."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.search import load, load_filter
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
    return "".join(f"a{level} = {form.format(level + 1) * times}\n" for level in range(depth)) + f"a{depth} =\n"


@pytest.mark.parametrize(
    "regex",
    [
        "%(a0)s\n" + chain("%(a{})s", 10, 9),
        "<a0>\n" + chain("<a{}>", 20, 9),
        "<a0>\n" + chain("<a{}>", 1, 5000),
        "<failregex>",
        "<HOST>" + "a" * MANY,
        "<HOST>" + "[" * MANY,
        "<HOST>" + "(?#" * MANY,
        "<HOST>" + "(" * (MANY // 2) + ")" * (MANY // 2),
        "<HOST>" + "\\" * MANY,
        "<HOST>" + "<F-" * (MANY // 3),
        "<HOST>" + "%%(" * (MANY // 3),
        "<HOST>(?:a{1,65000}){1,65000}",
    ],
    ids=lambda regex: f"{regex[:12]} {len(regex)}",
)
def test_filter_when_it_grows_without_end_then_is_refused_in_time(regex: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    read(tmp_path, x=f"[Definition]\nfailregex = {regex}\n")
    assert time.monotonic() - begun < LONGEST_S


def test_includes_when_they_multiply_or_go_deep_or_are_no_names_then_are_refused(tmp_path: Path) -> None:
    def including(before: str, after: str = "") -> str:
        return f"[INCLUDES]\nbefore = {before}\nafter = {after}\n"

    begun = time.monotonic()
    twice = {f"y{level}": including(f"y{level + 1}.conf", f"y{level + 1}.conf") for level in range(18)}
    deep = {f"z{level}": including(f"z{level + 1}.conf") for level in range(1500)}
    read(tmp_path, x=including("y0.conf\n z0.conf\n " + "a" * 5000, "x.conf") + FILTER, **twice, **deep)
    assert time.monotonic() - begun < LONGEST_S
    _, problems = load_filter("x", tmp_path)
    assert {problem.what for problem in problems} >= {"its includes have no end"}


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


def test_names_when_no_file_can_have_them_then_are_told(tmp_path: Path) -> None:
    read(tmp_path, jail=JAIL.replace("filter = x", "filter = " + "x" * 5000))
    assert any("x" * 5000 in problem.what for problem in load(tmp_path).problems)
