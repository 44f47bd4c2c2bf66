"""What tags say of a ban, in Fail2Ban's forms."""

from __future__ import annotations

import pytest

from f2b.events import PERMANENT, Ban
from f2b.firewall.render import Recipe
from f2b.firewall.ticket import Context, Counts, about, about_nobody, reverse
from f2b.value import replace

NOTHING = Context()
BAN = Ban("sshd", "192.0.2.1", 1000.0, 600, 2, ("a line", "x'y"), {"user": "bob", "ip4": "192.0.2.1"}, count=2)


def said(tag: str, ban: Ban = BAN, context: Context = NOTHING) -> str:
    """Return what a tag stands for."""
    return about(ban, context).values[tag]()


def test_lookups_when_no_tag_names_them_then_they_are_not_made() -> None:
    asked: list[bool] = []

    def history(ban: Ban, own: bool) -> tuple[int, tuple[str, ...]]:
        asked.append(own)
        return 3, ()

    context = Context(history=history)
    assert said("ip", context=context) == "192.0.2.1"
    assert asked == []
    assert said("ipjailfailures", context=context) == "3"
    assert asked == [True]


def test_host_name_when_it_is_known_then_its_tag_says_it() -> None:
    assert Recipe({"actionban": "<ip-host>"}, NOTHING).names("ip-host", "ban", "inet4")
    assert said("ip-host") == "None"
    assert about(BAN, NOTHING, "a.example.org").values["ip-host"]() == "a.example.org"


@pytest.mark.parametrize(
    ("key", "captures", "expected"),
    [
        ("192.0.2.1", {"ip4": "192.0.2.9"}, "192.0.2.1"),
        ("2001:db8::/64", {"ip6": "2001:DB8::9"}, "2001:db8::9"),
        ("192.0.2.0/24", {"ip4": "192.0.2.9"}, "192.0.2.9"),
        ("2001:db8::/64", {"dns": "x"}, "2001:db8::/64"),
        ("2001:db8::/64", {"ip6": "nonsense"}, "2001:db8::/64"),
    ],
)
def test_address_to_report_when_a_network_is_banned_then_it_is_who_failed_in_it(
    key: str, captures: dict[str, str], expected: str
) -> None:
    assert said("ip-seen", Ban("sshd", key, 0, 60, captures=captures, host=key)) == expected


def test_records_when_the_context_knows_them_then_tags_tell_all_jails_and_the_own() -> None:
    context = Context(
        history=lambda ban, own: (4, ("own",)) if own else (9, ("all", "jails")),
        counts=lambda: Counts(1, 2, 3, 4),
    )
    told = {tag: value() for tag, value in about(BAN, context).values.items()}
    assert (told["ipfailures"], told["ipmatches"]) == ("9", "all\njails")
    assert (told["ipjailfailures"], told["ipjailmatches"]) == ("4", "own")
    counted = ("banned", "banned_total", "found", "found_total")
    assert [told[f"jail.{name}"] for name in counted] == ["1", "2", "3", "4"]


def test_dumps_when_they_are_asked_for_then_they_have_fail2bans_form() -> None:
    assert said("F-*") == str({"matches": ["a line", "x'y"], "failures": 2, "user": "bob", "ip4": "192.0.2.1"})
    assert said("raw-ticket") == (
        "BanTicket: ip=192.0.2.1 time=1000.0 bantime=None bancount=2 #attempts=2 matches=['a line', \"x'y\"]"
    )
    restored = said("raw-ticket", replace(BAN, restored=True, duration=PERMANENT, matches=()))
    assert restored == "BanTicket: ip=192.0.2.1 time=1000 bantime=-1 bancount=3 #attempts=2 matches=[]"


def test_captures_when_they_are_of_a_session_then_none_is_of_one_line_alone() -> None:
    caught = about(Ban("j", "192.0.2.1", 0, 600, captures={"mlfid": "7", "nofail": "try"}), NOTHING).caught
    assert (caught("nofail"), caught("mlfid"), caught("users")) == ("", "7", "")
    assert about(Ban("j", "192.0.2.1", 0, 600, captures={"nofail": "try"}), NOTHING).caught("nofail") == "try"


def test_captures_when_the_id_is_no_address_then_the_address_is_among_them() -> None:
    ban = Ban("j", "somebody", 0, 600, host="192.0.2.1", captures={"fid": "somebody"})
    assert about(ban, NOTHING).caught("ip") == "192.0.2.1"
    assert (said("ip", ban), said("fid", ban), said("family", ban)) == ("192.0.2.1", "somebody", "inet4")


@pytest.mark.parametrize(
    ("captures", "restored", "users"),
    [
        ({"user": "bob"}, False, ""),
        ({"user": "bob", "mlfid": "7"}, False, "{'bob'}"),
        ({"user": "", "mlfid": "7"}, False, ""),
        ({"user": "bob", "mlfid": "7", "users": ["bob"]}, True, "['bob']"),
        ({"user": "joe", "mlfid": "7", "users": ["bob", "joe"]}, True, "['bob', 'joe']"),
    ],
)
def test_users_when_a_session_names_them_then_they_are_a_set_and_a_list_once_restored(
    captures: dict[str, str | list[str]], restored: bool, users: str
) -> None:
    assert (
        about(Ban("j", "192.0.2.1", 0, 600, captures=captures, restored=restored), NOTHING).caught("users") == users
    )


def test_nobody_when_a_command_is_about_no_ban_then_it_knows_nobody_and_counts_nothing() -> None:
    ticket = about_nobody("inet6", Context(counts=lambda: Counts(1, 2, 3, 4)), 1700000000.5)
    told = {tag: value() for tag, value in ticket.values.items()}
    assert {told[tag] for tag in ("ip", "fid", "ip-rev", "matches")} == {""}
    assert (told["bancount"], told["jail.banned"]) == ("0", "0")
    assert (told["family"], told["bantime"], told["time"]) == ("inet6", "600", "1700000000.5")
    assert ticket.caught("user") == ""


@pytest.mark.parametrize(
    ("address", "reversed_"),
    [("192.0.2.1", "1.2.0.192."), ("2001:db8::/64", "0." * 24 + "8.b.d.0.1.0.0.2."), ("somebody", "")],
)
def test_reverse_when_an_address_is_given_then_its_parts_come_backwards(address: str, reversed_: str) -> None:
    assert reverse(address) == reversed_
