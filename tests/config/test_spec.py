from __future__ import annotations

import pytest

from f2b.config.spec import Spec, options, specs
from f2b.config.text import Value
from f2b.errors import ConfigError, Place


def value(text: str) -> Value:
    return Value(text, tuple(Place("jail.conf", line) for line in range(1, text.count("\n") + 2)))


def plain(spec: Spec) -> tuple[str, dict[str, str]]:
    return spec.name, {key: option.text for key, option in spec.options.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a b/c\n d.py", [("a", {}), ("b/c", {}), ("d.py", {})]),
        ("a, b", [("a,", {}), ("b", {})]),
        ("a[]", [("a", {})]),
        ("a[x=1,y=2,]", [("a", {"x": "1", "y": "2"})]),
        ("a[x=1] [y=2]\n[x=3] b", [("a", {"x": "3", "y": "2"}), ("b", {})]),
        ("""a[x="1, ']' [", y='"']""", [("a", {"x": "1, ']' [", "y": '"'})]),
        ('a[x?family=inet6=" r\n s ", X=[= "q]', [("a", {"x?family=inet6": "r\n s", "X": '[= "q'})]),
    ],
)
def test_specs_when_well_formed_then_are_read(text: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [plain(spec) for spec in specs(value(text))] == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a [x=1]b", 1),
        ("ok\n[x=1]", 2),
        ('a[x="1" , y=2]', 1),
        ('a[x="1]', 1),
        ("a[x]", 1),
        ("a[,x=1]", 1),
        ("a\nb[x=1,,y=2]", 2),
        ("a[x=1", 1),
        ("a\nb[x=1]c", 2),
    ],
)
def test_specs_when_malformed_then_tell_the_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        specs(value(text))
    assert caught.value.place == Place("jail.conf", line)
    assert caught.value.cure


def test_options_when_without_name_then_are_read() -> None:
    found = options(value('key="<F-USER>@<ip>", max-count=100, max-time=5m'))
    assert plain(Spec("", Place(""), found))[1] == {"key": "<F-USER>@<ip>", "max-count": "100", "max-time": "5m"}
