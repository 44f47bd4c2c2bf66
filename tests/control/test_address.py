"""Finding the server: the quick look into a configuration says what its reader says, or that it cannot tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.config import search
from f2b.control.address import socket_path
from f2b.control.plain import Unclear, plain_socket
from f2b.errors import ConfigError

LINES = [
    *("[Definition]", " [Definition]", "[Definition] ", "[DEFAULT]", "[Thread]", "[INCLUDES]", "before = other.conf"),
    *(
        "socket = /run/a",
        "socket=/run/b",
        "Socket = /run/c",
        " socket = /run/d",
        "socket: /run/e",
        "socket =",
        "socket",
    ),
    *("socket = /run/f ; why", "socket = %(dbfile)s", "socket = /run/g\r", "socket = relative", "socket = /a=b # c"),
    *(
        "# socket = /no",
        "; socket = /no",
        "  # socket",
        "",
        "  /more",
        "\tmore",
        "loglevel = INFO",
        "dbfile = /run/db",
    ),
    *("syslogsocket = auto", "logtarget = /run/socket", "odd", "\ufeff"),
]
FILES = ["fail2ban.conf", "fail2ban.d/a.conf", "fail2ban.d/b.local", "fail2ban.local", "f2b.conf", "f2b.d/z.conf"]


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a configuration."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(FILES), st.lists(st.sampled_from(LINES), max_size=8), min_size=1))
def test_plain_socket_when_it_can_tell_then_it_says_what_the_reader_says(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("conf")
    write(folder, {name: "\n".join(lines) for name, lines in files.items()})
    try:
        said = plain_socket(str(folder))
    except Unclear:
        return
    assert said == (search.load(folder, only=("",)).server.socket or "")


@pytest.mark.parametrize(
    "text",
    [
        "[Definition]\nsocket = /run/one\n",
        "# where?\n[DEFAULT]\nx = 1\n[Definition]\nsyslogsocket = auto\n\nsocket = /run/one\n\n# end\n",
        "[DEFAULT]\nsocket = /run/one\n[Definition]\n[Thread]\n",
    ],
)
def test_plain_socket_when_it_stands_as_usual_then_it_can_tell(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"fail2ban.conf": text})
    assert plain_socket(str(tmp_path)) == "/run/one"


def test_plain_socket_when_debians_configuration_is_asked_then_it_can_tell() -> None:
    assert plain_socket("/etc/fail2ban") == search.load(Path("/etc/fail2ban"), only=("",)).server.socket


def test_socket_path_when_the_words_are_not_plain_then_the_reader_finds_it(tmp_path: Path) -> None:
    write(tmp_path, {"fail2ban.conf": "[Definition]\nplace = /run\nsocket = %(place)s/one\n"})
    assert socket_path(None, str(tmp_path)) == "/run/one"


def test_socket_path_when_a_later_file_names_another_then_that_one_counts(tmp_path: Path) -> None:
    one, other = "[Definition]\nsocket = /run/one\n", "[Definition]\nsocket = /run/other\n"
    write(tmp_path, {"fail2ban.conf": one, "fail2ban.d/x.conf": one, "f2b.local": other})
    assert socket_path(None, str(tmp_path)) == "/run/other"


def test_socket_path_when_the_folder_is_missing_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        socket_path(None, os.fspath(tmp_path / "none"))


def test_socket_path_when_it_is_given_then_nothing_is_read(tmp_path: Path) -> None:
    assert socket_path("/run/given", str(tmp_path / "none")) == "/run/given"
