from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from f2b.errors import ConfigError
from f2b.web.bouncer import DELETES_FIRST, Bouncers, Keys
from f2b.web.decision import LONGEST_S
from f2b.web.handout import KEPT_S, MOST_BOUNCERS, Handout, Name
from f2b.web.mirror import FOR_EVER, Banned, Mirror
from tests.web.asking import AGENT, KEY, Enforcer, ask, hang_up

START = 10_000_000.0


class Site:
    """A mirror that the test writes, and the application over it; it can be started anew."""

    def __init__(self, path: str = ":memory:", keys: str = KEY) -> None:
        self.mirror = Mirror()
        self.now = START
        self.complaints: list[str] = []
        self._path = path
        self._keys = Keys(keys)
        self.bans: dict[tuple[str, str], Banned] = {}
        self.begin()

    def begin(self) -> None:
        """Start the process anew: only the file is still there."""
        self.mirror = Mirror()
        self.handout = Handout(self._path, self.now, self.complaints.append)
        bouncers = Bouncers(self.mirror, self._keys, self.handout, lambda: self.now)
        self.app = Starlette(routes=bouncers.routes())

    def ban(self, *ids: str, jail: str = "sshd", seconds: float = 600.0) -> None:
        end = FOR_EVER if seconds < 0 else self.now + seconds
        self.bans.update({(jail, key): Banned(jail, key, self.now, end, 3, 1) for key in ids})
        self.fill()

    def unban(self, *ids: str, jail: str = "sshd") -> None:
        for key in ids:
            del self.bans[jail, key]
        self.fill()

    def fill(self) -> None:
        self.mirror.fill(self.bans.values())

    def restart(self, *ids: str) -> None:
        """Start anew; meanwhile these are let in."""
        self.handout.close()
        self.begin()
        self.unban(*ids)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(str(tmp_path / "state" / "bouncers.sqlite3"))
    found.fill()
    return found


# ---- who may ask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "x", KEY[:-1], KEY + "x", KEY.upper(), "# comment", "é"])
@pytest.mark.parametrize("target", ["/v1/decisions", "/v1/decisions/stream?startup=true"])
def test_bouncer_when_its_key_is_wrong_then_access_is_forbidden(site: Site, target: str, key: str) -> None:
    headers = {"x-api-key": key} if key else {}
    for method in ("GET", "HEAD"):
        answer = ask(site.app, target, method, headers)
        assert (answer.status, answer.json) == (403, {"message": "access forbidden"})
    assert not site.handout.bouncers


def test_bouncer_when_there_are_several_keys_then_each_is_good() -> None:
    site = Site(keys=f"# firewall\n{KEY}\n\n  second-key  \n")
    site.ban("192.0.2.1")
    for key in (KEY, "second-key"):
        answer = ask(site.app, "/v1/decisions/stream?startup=false", headers={"x-api-key": key})
        assert [each["value"] for each in answer.json["new"]] == ["192.0.2.1"]
    assert len(site.handout.bouncers) == 2
    with pytest.raises(ConfigError, match="holds no key"):
        Keys("# nothing\n\n")


def test_bouncer_when_it_came_then_who_it_is_is_known(site: Site) -> None:
    ask(site.app, "/v1/decisions", "HEAD")
    site.now += 5
    ask(site.app, "/v1/decisions?ip=192.0.2.1", headers={"x-api-key": KEY, "user-agent": "crowdsec-test-bouncer/v2"})
    (bouncer,) = site.handout.bouncers.values()
    assert (bouncer.name.product, bouncer.agent, bouncer.pulled) == (
        "crowdsec-test-bouncer",
        "crowdsec-test-bouncer/v2",
        START + 5,
    )
    assert KEY not in bouncer.name.key


@pytest.mark.parametrize("target", ["/v1/decisions", "/v1/decisions/stream"])
def test_head_when_asked_then_it_is_good_and_says_nothing(site: Site, target: str) -> None:
    site.ban("192.0.2.1")
    answer = ask(site.app, target, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert Enforcer().pull(site.app)["new"]


def test_bouncer_when_nobody_knows_yet_who_is_banned_then_it_is_to_come_again(tmp_path: Path) -> None:
    site = Site(str(tmp_path / "db"))
    for target in ("/v1/decisions", "/v1/decisions/stream?startup=true", "/v1/decisions/stream"):
        answer = ask(site.app, target)
        assert answer.status == 503
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(("body", "status"), [(b"{}", 201), (b'{"remediation_components": []}', 201), (b"{", 400)])
def test_usage_when_it_is_reported_then_it_is_taken(site: Site, body: bytes, status: int) -> None:
    assert ask(site.app, "/v1/usage-metrics", "POST", body=body).status == status
    assert ask(site.app, "/v1/usage-metrics", "POST", {}, body).status == 403
    assert ask(site.app, "/v1/usage-metrics", "POST", body=b" " * (1 << 20) + b"{}").status == 413


# ---- one address ------------------------------------------------------------------------------------------


def test_decisions_when_nobody_fits_then_the_answer_is_null(site: Site) -> None:
    site.ban("192.0.2.0/24", jail="nginx", seconds=900)
    site.ban("192.0.2.1", seconds=60)
    assert ask(site.app, "/v1/decisions?ip=198.51.100.1").body == b"null"
    found = ask(site.app, "/v1/decisions?ip=192.0.2.1").json
    assert [(each["scope"], each["value"], each["scenario"], each["duration"]) for each in found] == [
        ("Range", "192.0.2.0/24", "f2b/nginx", "15m0s"),
        ("Ip", "192.0.2.1", "f2b/sshd", "1m0s"),
    ]
    assert ask(site.app, "/v1/decisions?ip=nonsense").status == 400
    assert len(ask(site.app, "/v1/decisions").json) == 2


# ---- the stream -------------------------------------------------------------------------------------------


def test_stream_when_bans_come_and_go_then_a_bouncer_is_told_what_changed_since_it_came(site: Site) -> None:
    site.ban("192.0.2.1", "192.0.2.2")
    one, other = Enforcer(), Enforcer()
    assert len(one.pull(site.app, startup=True)["new"]) == 2
    assert one.pull(site.app) == {"deleted": [], "new": []}
    site.unban("192.0.2.1")
    site.ban("2001:db8::1", "192.0.2.0/24")
    one.pull(site.app)
    assert (one.over, one.new) == (["192.0.2.1"], ["2001:db8::1", "192.0.2.0/24"])
    assert one.pull(site.app) == {"deleted": [], "new": []}
    other.pull(site.app, startup=True, agent="another/1")
    site.unban("192.0.2.2")
    assert (other.pull(site.app, agent="another/1")["deleted"], other.new) == (one.pull(site.app)["deleted"], [])
    assert set(one.held) == set(other.held) == {"2001:db8::1", "192.0.2.0/24"}


def test_stream_when_somebody_is_banned_let_in_and_banned_between_two_pulls_then_both_ends_agree(site: Site) -> None:
    one = Enforcer()
    one.pull(site.app, startup=True)
    site.ban("192.0.2.1")
    site.unban("192.0.2.1")
    assert one.pull(site.app) == {"deleted": [], "new": []}
    site.ban("192.0.2.1")
    one.pull(site.app)
    site.unban("192.0.2.1")
    one.pull(site.app)
    site.ban("192.0.2.1")
    one.pull(site.app)
    assert (one.over, one.new) == ([], ["192.0.2.1"])


def test_stream_when_another_jail_still_bans_somebody_then_he_is_not_deleted(site: Site) -> None:
    site.ban("192.0.2.1", jail="sshd", seconds=900)
    site.ban("192.0.2.1", jail="nginx", seconds=60)
    one = Enforcer()
    assert one.pull(site.app, startup=True)["new"][0]["scenario"] == "f2b/sshd"
    site.unban("192.0.2.1", jail="sshd")
    assert one.pull(site.app) == {"deleted": [], "new": []}
    site.unban("192.0.2.1", jail="nginx")
    assert one.pull(site.app)["deleted"][0]["value"] == "192.0.2.1"


@pytest.mark.parametrize(("agent", "deleted"), [(AGENT, []), (f"{DELETES_FIRST}/v0.0.25", ["192.0.2.1"])])
def test_stream_when_a_ban_lasts_longer_than_was_told_then_the_new_end_is_told(
    site: Site, agent: str, deleted: list[str]
) -> None:
    site.ban("192.0.2.1", seconds=60)
    one = Enforcer()
    one.pull(site.app, startup=True, agent=agent)
    site.ban("192.0.2.1", seconds=7200)
    one.pull(site.app, agent=agent)
    assert (one.over, one.held["192.0.2.1"]["duration"]) == (deleted, "2h0m0s")
    assert one.pull(site.app, agent=agent) == {"deleted": [], "new": []}


def test_stream_when_a_ban_is_for_ever_then_it_is_told_again_in_time(site: Site) -> None:
    site.ban("192.0.2.1", seconds=-1)
    one = Enforcer()
    one.pull(site.app, startup=True)
    site.now += LONGEST_S - 2 * 86_400
    assert not one.pull(site.app)["new"]
    site.now += 86_401
    assert one.pull(site.app)["new"][0]["duration"] == "596h31m23s"


def test_stream_when_a_ban_ends_while_the_server_is_away_then_it_is_deleted_all_the_same(site: Site) -> None:
    site.ban("192.0.2.1", seconds=60)
    one = Enforcer()
    one.pull(site.app, startup=True)
    site.now += 61
    assert one.pull(site.app)["deleted"][0]["value"] == "192.0.2.1"


def test_stream_when_filters_are_given_then_they_hold_for_both_lists(site: Site) -> None:
    site.ban("192.0.2.1", "192.0.2.0/24")
    site.ban("192.0.2.1", "192.0.2.9", jail="nginx")
    nets, ssh = Enforcer(), Enforcer()
    nets.pull(site.app, True, "&scopes=range", "nets/1")
    ssh.pull(site.app, True, "&scenarios_containing=ssh", "ssh/1")
    assert (set(nets.held), set(ssh.held)) == ({"192.0.2.0/24"}, {"192.0.2.1", "192.0.2.0/24"})
    site.unban("192.0.2.1", "192.0.2.0/24")
    nets.pull(site.app, False, "&scopes=range", "nets/1")
    ssh.pull(site.app, False, "&scenarios_containing=ssh", "ssh/1")
    assert (nets.over, sorted(ssh.over)) == (["192.0.2.0/24"], ["192.0.2.0/24", "192.0.2.1"])
    assert Enforcer().pull(site.app, True, "&origins=CAPI")["new"] == []


# ---- restarts, and answers that do not arrive -------------------------------------------------------------


def test_stream_when_we_start_anew_then_a_bouncer_that_goes_on_misses_nothing(site: Site) -> None:
    site.ban("192.0.2.1", "192.0.2.2", "192.0.2.3")
    one = Enforcer()
    one.pull(site.app, startup=True)
    site.unban("192.0.2.3")
    one.pull(site.app)
    site.restart("192.0.2.1")
    site.ban("192.0.2.4")
    one.pull(site.app)
    assert (one.over, one.new, set(one.held)) == (["192.0.2.1"], ["192.0.2.4"], {"192.0.2.2", "192.0.2.4"})


@pytest.mark.parametrize("takes", [0, 5, 60, 500])
def test_stream_when_an_answer_is_cut_off_then_it_is_told_again_even_by_the_next_of_us(
    site: Site, takes: int
) -> None:
    one = Enforcer()
    site.ban("192.0.2.1")
    one.pull(site.app, startup=True)
    site.unban("192.0.2.1")
    site.ban(*(f"198.51.100.{number}" for number in range(20)))
    hang_up(site.app, "/v1/decisions/stream?startup=false", takes)
    site.restart("198.51.100.3")
    one.held["198.51.100.3"] = "heard of it before it went away"
    one.pull(site.app)
    assert set(one.held) == {key for _, key in site.bans}
    assert one.pull(site.app) == {"deleted": [], "new": []}


def test_stream_when_nobody_knows_the_bouncer_then_it_is_told_everything(site: Site) -> None:
    site.ban("192.0.2.1")
    one = Enforcer()
    one.pull(site.app)
    assert one.new == ["192.0.2.1"]


def test_handout_when_the_file_is_broken_then_it_is_told_and_bouncers_are_answered(tmp_path: Path) -> None:
    path = tmp_path / "bouncers.sqlite3"
    path.write_text("no database" * 100)
    site = Site(str(path))
    site.ban("192.0.2.1")
    one = Enforcer()
    one.pull(site.app, startup=True)
    site.unban("192.0.2.1")
    one.pull(site.app)
    assert not one.held
    assert len(site.complaints) == 1
    assert "cannot be used" in site.complaints[0]


def test_handout_when_the_disk_refuses_then_bouncers_are_answered(site: Site) -> None:
    one = Enforcer()
    site.handout.close()
    site.ban("192.0.2.1")
    one.pull(site.app, startup=True)
    site.unban("192.0.2.1")
    one.pull(site.app)
    assert not one.held
    assert len(site.complaints) == 1


def test_handout_when_a_bouncer_was_not_heard_of_for_long_then_it_is_forgotten(site: Site) -> None:
    site.ban("192.0.2.1", seconds=-1)
    Enforcer().pull(site.app, startup=True)
    site.now += KEPT_S + 1
    site.restart()
    assert not site.handout.bouncers
    for number in range(MOST_BOUNCERS + 1):
        site.handout.meet(Name("key", f"host{number}", "x"), "x/1", site.now + number)
    assert len(site.handout.bouncers) == MOST_BOUNCERS
    assert Name("key", "host0", "x") not in site.handout.bouncers


STEP = st.tuples(st.sampled_from(["ban", "unban", "pull", "cut", "restart", "late", "start"]), st.integers(0, 11))


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEP, max_size=25), agent=st.sampled_from([AGENT, f"{DELETES_FIRST}/1"]))
def test_stream_when_anything_happens_then_after_a_pull_the_bouncer_holds_what_is_banned(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], agent: str
) -> None:
    site = Site(str(tmp_path_factory.mktemp("any") / "db"))
    site.fill()
    one = Enforcer()
    one.pull(site.app, startup=True, agent=agent)
    for step, number in [*steps, ("pull", 0)]:
        key, jail = f"192.0.2.{number % 4}", "abc"[number // 4]
        site.now += 1
        if step == "ban":
            site.ban(key, jail=jail, seconds=10 * number + 5)
        elif step == "unban" and (jail, key) in site.bans:
            site.unban(key, jail=jail)
        elif step == "cut":
            headers = {"x-api-key": KEY, "user-agent": agent}
            hang_up(site.app, "/v1/decisions/stream?startup=false", 0, headers)
        elif step == "restart":
            site.restart()
        elif step == "late":
            site.now += 30
        elif step in ("pull", "start"):
            one.pull(site.app, startup=step == "start", agent=agent)
            assert set(one.held) == {ban.id for ban in site.bans.values() if ban.end > site.now}


def test_stream_when_there_are_50_000_then_all_are_told_and_the_next_answer_is_short(site: Site) -> None:
    ids = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(50_000)]
    site.ban(*ids)
    one = Enforcer()
    began = time.monotonic()
    one.pull(site.app, startup=True)
    took = time.monotonic() - began
    assert set(one.held) == set(ids)
    site.unban(*ids[:10])
    began = time.monotonic()
    one.pull(site.app)
    sys.stdout.write(f"50,000 decisions in {took:.2f} s, ten deletions in {time.monotonic() - began:.3f} s\n")
    assert one.over == ids[:10]
    site.restart()
    assert one.pull(site.app) == {"deleted": [], "new": []}


def test_answer_when_it_is_long_then_it_is_one_json_document(site: Site) -> None:
    site.ban(*(f"10.0.{number >> 8}.{number & 255}" for number in range(1234)))
    answer = ask(site.app, "/v1/decisions/stream?startup=true")
    assert answer.headers["content-type"] == "application/json"
    found: Any = json.loads(answer.body)
    assert len({each["id"] for each in found["new"]}) == 1234
    assert len(ask(site.app, "/v1/decisions").json) == 1234
