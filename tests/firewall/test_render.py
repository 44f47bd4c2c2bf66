"""Words of commands: tags, families, and that no value of a log can become a command."""

from __future__ import annotations

import string
import subprocess
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall.render import MAX_VALUE, Recipe
from f2b.firewall.shell import Command
from f2b.firewall.ticket import Context, about

CONTEXT = Context(fq_hostname="host.example.org", sh_hostname="host")
BAN = Ban(
    jail="sshd",
    id="192.0.2.1",
    time=1700000000.0,
    duration=600,
    failures=3,
    matches=("first line", "second line"),
    captures={"user": "bob", "fport": "22", "users": ["bob", "joe"]},
    count=2,
)
SPECIAL = "\\#&;`|*?~<>^()[]{}$'\"\r\n"


def worded(
    text: str, ban: Ban = BAN, context: Context = CONTEXT, options: Mapping[str, str] = MappingProxyType({})
) -> Command:
    """Return the command of an actionban `text`, beside other options."""
    return Recipe({"actionban": text, **options}, context).command("ban", about(ban, context))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("ip", "192.0.2.1"),
        ("family", "inet4"),
        ("ip-rev", "1.2.0.192."),
        ("ip-host", "None"),
        ("fid", "192.0.2.1"),
        ("failures", "3"),
        ("ipfailures", "3"),
        ("ipjailfailures", "3"),
        ("time", "1700000000.0"),
        ("bantime", "600"),
        ("bancount", "2"),
        ("restored", "0"),
        ("F-USER", "bob"),
        ("F-PORT", "22"),
        ("F-FPORT", "22"),
        ("F-NOBODY", ""),
        ("F-user", "<F-user>"),
        ("jail.name", "<jail.name>"),
        ("jail.banned", "0"),
        ("br", "\n"),
        ("sp", " "),
        ("fq-hostname", "host.example.org"),
        ("sh-hostname", "host"),
        ("timeout", "60"),
        ("actionunban", ""),
        ("unknown", "<unknown>"),
        ("IP", "<IP>"),
    ],
)
def test_tag_when_it_is_replaced_then_its_value_stands_there(tag: str, value: str) -> None:
    assert worded(f"a[<{tag}>]b") == Command(f"a[{value}]b")


def test_values_when_they_are_special_then_they_are_arguments_in_the_order_of_tags_and_filter_tags_last() -> None:
    command = worded('mail <F-USERS> "<matches>" <ip> <matches>')
    assert (
        command.text == 'f2bV_matches=$0 f2bV_F_users=$1 \nmail $f2bV_F_users "$f2bV_matches" 192.0.2.1 $f2bV_matches'
    )
    assert command.args == ("first line\nsecond line", str({"bob", "joe"}))


def test_values_when_there_are_more_than_ten_then_the_shell_sees_each() -> None:
    names = [f"v{n}" for n in range(13)]
    ban = Ban("j", "192.0.2.1", 0, 600, captures={name: f"<{name}>" for name in names})
    command = worded("printf '%s,' " + " ".join(f'"<F-{name.upper()}>"' for name in names), ban)
    assert shell(command) == "".join(f"<{name}>," for name in names)


def test_static_tags_when_they_are_nested_then_they_are_replaced_to_the_end() -> None:
    assert (
        worded("<a-<mode>> <b>", options={"mode": "x", "b": "[<c>]", "c": "<ip>", "a-x": "found"}).text
        == "found [192.0.2.1]"
    )


def test_static_tag_when_it_has_a_variant_for_the_family_then_the_variant_is_taken() -> None:
    options = {"tool": "iptables", "tool?family=inet6": "ip6tables"}
    assert worded("<tool> <ip>", options=options).text == "iptables 192.0.2.1"
    assert worded("<tool> <ip>", Ban("j", "2001:db8::1", 0, 600), options=options).text == "ip6tables 2001:db8::1"
    assert worded("<tool> <ip>", Ban("j", "somebody", 0, 600), options=options).text == "iptables somebody"


def test_static_tag_when_it_is_named_like_a_dynamic_one_then_it_wins_but_for_bantime() -> None:
    assert worded("<failures> <bantime>", options={"failures": "many", "bantime": "5"}).text == "many 600"


def test_static_matches_when_they_are_special_then_they_are_escaped_in_place() -> None:
    assert worded("echo <matches>", options={"matches": "a;b$"}).text == r"echo a\;b\$"


def test_timeout_when_it_is_a_time_expression_then_its_tag_is_seconds() -> None:
    assert worded("<timeout>", options={"timeout": "2m"}).text == "120"


@pytest.mark.parametrize("options", [{"a": "<b>", "b": "<a>"}, {"a": "<a>"}, {"a": "<a><a>"}, {"timeout": "soon"}])
def test_recipe_when_options_cannot_be_used_then_it_says_so_at_once(options: dict[str, str]) -> None:
    with pytest.raises(ActionError):
        Recipe({"actionban": "<a>", **options}, CONTEXT)


def test_dynamic_value_when_it_looks_like_a_tag_then_it_is_never_replaced() -> None:
    ban = Ban("j", "192.0.2.1", 0, 600, captures={"user": "<ip>"}, matches=("<F-USER>",))
    command = worded("<F-USER> <matches>", ban)
    assert command.args == ("<F-USER>", "<ip>")


def test_bare_when_a_command_knows_only_its_family_then_other_tags_stay() -> None:
    assert Recipe({"actioncheck": "<family> <ip> <x>", "x": "y"}, CONTEXT).bare("check", "") == Command(" <ip> y")


values = st.text(st.characters(codec=None, min_codepoint=0, max_codepoint=0x10FFFF) | st.sampled_from(SPECIAL))


def received(value: str) -> str:
    """Return what a program can get of a value: no NUL, no half of a surrogate pair, no novel."""
    return value[:MAX_VALUE].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def shell(command: Command) -> str:
    done = subprocess.run(["/bin/sh", "-c", command.text, *command.args], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("utf-8")


@given(values, values, st.lists(values.filter(bool), max_size=3))
def test_values_when_they_are_special_then_none_stands_in_the_text(who: str, user: str, lines: list[str]) -> None:
    ban = Ban("j", who, 0, 600, captures={"user": user}, matches=tuple(lines))
    command = worded(";<fid>;<F-USER>;<matches>;<ip>;", ban)
    whole = [who, user, "\n".join(lines), who]
    # Had a `;` of a value come in, there would be more places than values.
    places = command.text[command.text.index(";") + 1 : -1].split(";")
    assert len(places) == len(whole)
    for value, place in zip(whole, places, strict=True):
        expected = received(value)
        assert place.startswith("$f2bV_") if set(expected) & set(SPECIAL) else place == expected
    assert set(command.args) == {received(value) for value in whole if set(received(value)) & set(SPECIAL)}


@given(st.lists(st.tuples(values, values), min_size=1, max_size=20))
def test_values_when_the_shell_prints_them_then_they_are_what_the_log_said(pairs: list[tuple[str, str]]) -> None:
    # Many values a shell, because a shell costs more than all the rest.
    captures = {f"v{n}": value for n, pair in enumerate(pairs) for value in [pair[0]]}
    ban = Ban("j", "192.0.2.1", 0, 600, captures=captures, matches=tuple(pair[1] for pair in pairs))
    # A value that is not special stands there as it is, blanks and all: the quotes are the file's.
    text = "printf '%s\\1' " + " ".join(f'"<F-V{n}>"' for n in range(len(pairs))) + ' "<matches>"'
    out = shell(worded(text, ban))
    assert out == "".join(f"{received(value)}\x01" for value in [*captures.values(), "\n".join(ban.matches)])


@given(st.text(string.ascii_letters + string.digits + " \t.,:-_=+/@%!", max_size=30))
def test_values_when_they_are_harmless_then_they_stand_in_the_text(user: str) -> None:
    ban = Ban("j", "192.0.2.1", 0, 600, captures={"user": user})
    assert worded("echo '<F-USER>'", ban) == Command(f"echo '{user}'")


def test_value_when_it_is_huge_then_it_is_cut_so_that_the_command_still_runs() -> None:
    ban = Ban("j", "192.0.2.1", 0, 600, captures={"user": "\U0001f600;" * 100_000})
    assert shell(worded('printf %s "<F-USER>"', ban)) == ("\U0001f600;" * 100_000)[:MAX_VALUE]
