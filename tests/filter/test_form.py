"""The forms of log lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.filter.form import MOST, forms

USERS = ["root", "admin", "bob", "x1", "oracle-db"]


def shown(*lines: str) -> list[tuple[int, str]]:
    return [(form.lines, str(form)) for form in forms(lines)]


def test_forms_when_lines_differ_in_addresses_and_numbers_then_they_are_one() -> None:
    lines = [f"conn {n} from 203.0.113.{n} port {n}: denied" for n in range(5)]
    assert shown(*lines, "conn 7 from 2001:db8::7 port 1: denied") == [(6, "conn <N> from <HOST> port <N>: denied")]


def test_forms_when_names_follow_a_word_for_users_then_they_are_masked_at_once() -> None:
    assert shown("login of user root failed", "x user='a b' y") == [
        (1, "login of user <USER> failed"),
        (1, "x user='<USER>' y"),
    ]
    assert shown("user authentication failed") == [(1, "user authentication failed")]


def test_forms_when_many_words_stand_in_one_place_then_it_holds_a_name() -> None:
    assert shown(*[f"Failed password for {user} from 192.0.2.1" for user in USERS]) == [
        (5, "Failed password for <USER> from <HOST>")
    ]
    assert shown(*[f"job {name} done" for name in ("a", "b", "c", "d")]) == [(4, "job <*> done")]


def test_forms_when_few_words_stand_in_one_place_then_they_tell_lines_apart() -> None:
    lines = [f"{what} password from 192.0.2.{n}" for n in range(9) for what in ("Failed", "Accepted")]
    assert shown(*lines) == [(9, "Failed password from <HOST>"), (9, "Accepted password from <HOST>")]


def test_forms_when_versions_look_like_addresses_then_they_are_none() -> None:
    assert shown("v1.2.3.4.5 at 10:20:30 999.1.1.1") == [(1, "<*> at <*>:<N>:<N> <*>")] or shown("1.2.3.4.5 x")


def test_forms_when_lines_never_repeat_then_only_so_many_are_kept() -> None:
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)} odd line" for n in range(5 * MOST)]
    found = forms([*words, *["the usual thing"] * 9])
    assert (9, "the usual thing") in [(form.lines, str(form)) for form in found]
    assert len(found) <= 2 * MOST


@given(st.lists(st.text(max_size=60), max_size=20))
def test_forms_when_given_anything_then_no_line_is_counted_twice(lines: list[str]) -> None:
    assert sum(form.lines for form in forms(lines)) == len(lines)
