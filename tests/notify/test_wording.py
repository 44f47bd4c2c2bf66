from __future__ import annotations

import json

import pytest

from f2b.client import Event
from f2b.notify.news import LONGEST_MATCH, News, news
from f2b.notify.pace import Digest, Gathered
from f2b.notify.wording import message, trial

NOW = 1_800_000_000.0
DETAILS = {
    "failures": 5,
    "bantime": 600,
    "ip": "203.0.113.5",
    "bancount": 2,
    "restored": False,
    "matches": ["one", "two", "x" * 1000, "four"],
    "captures": {"country": "DE"},
}


def event(**more: object) -> Event:
    return Event("ban", NOW, "sshd", "203.0.113.5", "e-1", {**DETAILS, **more})


def nowhere(address: str) -> tuple[str, str]:
    return "", ""


def test_news_when_a_ban_is_restored_then_it_is_none() -> None:
    assert news(event(restored=True), nowhere) is None


def test_news_when_a_ban_is_new_then_it_has_what_matters_and_little_of_the_log() -> None:
    found = news(event(), lambda address: ("FR", f"AS64500 net of {address}"))
    assert found
    assert (found.country, found.network) == ("FR", "AS64500 net of 203.0.113.5")
    assert [len(line) for line in found.matches] == [3, LONGEST_MATCH, 4]
    unknown = news(event(), nowhere)
    assert unknown
    assert (unknown.country, unknown.network) == ("DE", "")


def test_message_when_somebody_is_banned_then_it_says_who_where_how_long_and_why() -> None:
    found = news(event(), lambda address: ("DE", "AS64500 Example"))
    assert found
    told = message(found, "web1", "key")
    assert told.title == "web1: 203.0.113.5 banned in sshd"
    assert told.text.splitlines()[:2] == [
        "203.0.113.5 banned in sshd for 10m, 5 failures, ban number 2",
        "from DE, AS64500 Example",
    ]
    data = json.loads(json.dumps(told.data))
    assert (data["event"], data["host"], data["count"], data["bantime"]) == ("ban", "web1", 1, 600)


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (News("ban", NOW, "manual", "192.0.2.1", 0, -1), "192.0.2.1 banned in manual for ever, by hand"),
        (News("down", NOW, "sshd", reason="nft fails"), "does not work in sshd: nft fails"),
        (News("unban", NOW, "sshd", "192.0.2.1"), "192.0.2.1 unbanned in sshd"),
        (News("refused", NOW, "sshd", "192.0.2.1", reason="a gateway"), "192.0.2.1 not banned in sshd: a gateway"),
        (News("error", NOW, reason="disk full"), "error: disk full"),
        (News("gap", NOW, reason="restarted"), "some events are missing: restarted"),
    ],
)
def test_message_when_it_is_about_one_event_then_it_is_a_sentence(each: News, said: str) -> None:
    assert message(each, "h", "k").text == said


def test_message_when_many_came_then_it_is_a_digest() -> None:
    many = Gathered()
    for number in range(37):
        who = f"198.18.0.{number % 5}"
        country = "CN" if number < 30 else "BR"
        many.add(News("ban", NOW, "sshd" if number % 2 else "web", who, 5, 600, country=country), NOW)
    many.add(News("error", NOW, "web", reason="oh"), NOW)
    told = message(many.digest(NOW + 600), "h", "k")
    lines = told.text.splitlines()
    assert lines[0] == "37 bans, 1 error in the last 10 minutes, top: CN (30), BR (7)"
    assert "jails: web (19), sshd (18)" in lines
    assert "- web: oh" in lines
    assert told.data["count"] == 38
    assert told.data["ids"]["198.18.0.0"] == 8
    json.dumps(told.data)


def test_digest_when_there_are_very_many_addresses_then_it_stays_small() -> None:
    many = Gathered()
    for number in range(12_000):
        many.add(News("ban", NOW, "sshd", f"10.0.{number >> 8}.{number & 255}", 5, 600), NOW)
    digest = many.digest(NOW)
    assert isinstance(digest, Digest)
    assert digest.kinds == {"ban": 12_000}
    assert len(digest.ids) == 10_000
    assert len(json.dumps(message(digest, "h", "k").data)) < 2000


def test_trial_when_sent_then_it_says_that_it_is_one() -> None:
    assert trial("h", "k", NOW).data["event"] == "test"
