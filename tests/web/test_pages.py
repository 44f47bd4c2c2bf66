"""Every page and every action of `f2b web`, asked for as a browser does, and as attackers do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.daemon.running import fail, wait_for
from tests.web.browsing import ATTACKER, QUIET, TOKEN, Site, configure, send, served, site

PAGES = ["/", "/jails", "/jail?name=app", "/bans", "/past", "/explain", "/line", "/replay", "/login"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("web")) as found:
        found.settle()
        yield found


@pytest.fixture
def browser(shown: Site) -> Iterator[httpx.Client]:
    with shown.browser() as found:
        yield found


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.balanced = True
        self.feed(text)
        self.balanced &= not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self._open) and self._open.pop() == tag


@pytest.mark.parametrize("path", PAGES)
def test_page_when_anybody_asks_then_it_is_whole_and_nothing_runs_in_it(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    outline = Outline(answer.text)
    assert outline.balanced
    assert sum(tag == "h1" for tag, _ in outline.tags) == 1
    scripts = [said for tag, said in outline.tags if tag == "script"]
    assert [said.get("src") for said in scripts] == ["/refresh.js"]
    assert not [name for _, said in outline.tags for name in said if name == "style" or name.startswith("on")]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"


def test_overview_when_somebody_was_banned_then_it_says_so(browser: httpx.Client) -> None:
    wait_for(lambda: ATTACKER in browser.get("/").text)
    assert "Bans are not enforced" in browser.get("/").text


def test_bans_when_searched_then_those_are_listed(browser: httpx.Client) -> None:
    assert ATTACKER in browser.get("/bans", params={"q": "203.0.113.0/24"}).text
    assert ATTACKER not in browser.get("/bans", params={"q": "198.51.100.0/24"}).text


@pytest.mark.parametrize("query", ["page=99999999999", "page=-1", "order=x", "page=999999999&jail=%00", "q=%ff"])
def test_bans_when_asked_for_nonsense_then_a_page_comes(browser: httpx.Client, query: str) -> None:
    assert browser.get(f"/bans?{query}").status_code == 200


def test_explain_when_somebody_is_banned_then_the_lines_are_shown(browser: httpx.Client) -> None:
    page = browser.get("/explain", params={"id": ATTACKER}).text
    assert "banned" in page
    assert "failure of root" in page


def test_past_when_there_was_a_ban_then_it_is_drawn_and_counted(browser: httpx.Client) -> None:
    page = browser.get("/past?span=1d").text
    assert "data:image/svg+xml" in page
    assert re.search(r"\d+ bans? of \d+ id", page)
    assert "<td>NL</td>" in page


def test_line_when_tried_then_what_the_filter_makes_of_it_is_told(browser: httpx.Client) -> None:
    line = "2026-11-21 10:00:00 app: failure of <b>root</b> from 192.0.2.9"
    page = send(browser, "/line", "/line", lines=line, name="app").text
    assert "192.0.2.9" in page
    assert "<b>root" not in page
    assert "&lt;b&gt;root" in page


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/shadow", "app.conf/../x", "a b"])
def test_line_when_a_path_is_named_then_no_file_is_read(browser: httpx.Client, name: str) -> None:
    assert "This is no name" in send(browser, "/line", "/line", lines="x", name=name).text


def test_replay_when_a_jail_is_changed_then_the_difference_is_shown(shown: Site, browser: httpx.Client) -> None:
    fail(shown.log, QUIET, times=2)
    page = send(browser, "/replay", "/replay", jail="app", maxretry="2").text
    assert "banned only by the changed jail" in page
    assert QUIET in page


def test_replay_when_nobody_logged_in_then_no_regex_reads_the_log(browser: httpx.Client) -> None:
    page = send(browser, "/replay", "/replay", jail="app", failregex="^(?P<fid>.*)$").text
    assert "failure of" not in page


# ---- who may change something -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ban", "/unban", "/allow"])
def test_action_when_nobody_logged_in_then_it_asks_for_the_token(shown: Site, path: str) -> None:
    with shown.browser() as browser:
        answer = send(browser, "/login", path, id=QUIET)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert QUIET not in shown.server.banned()


def test_action_when_logged_in_then_the_server_does_it(shown: Site) -> None:
    with shown.inside() as browser:
        assert send(browser, "/change", "/ban", id="192.0.2.44", time="1h").status_code == 303
        assert "192.0.2.44" in shown.server.banned()
        assert "192.0.2.44: 1 newly banned" in browser.get("/bans").text
        assert send(browser, "/bans", "/unban", id="192.0.2.44").status_code == 303
        assert "192.0.2.44" not in shown.server.banned()
        assert send(browser, "/change", "/allow", id="192.0.2.45", time="1h").status_code == 303
        assert "192.0.2.45" in shown.server.ask("allow").stdout
        wrong = send(browser, "/change", "/ban", id="nobody")
        assert wrong.status_code == 400
        assert "is no address" in wrong.text


@pytest.mark.parametrize("mark", ["", "0" * 64, "é"])
def test_action_when_the_form_is_not_from_here_then_nothing_happens(shown: Site, mark: str) -> None:
    with shown.inside() as browser:
        assert browser.post("/ban", data={"mark": mark, "id": QUIET}).status_code == 403
    assert QUIET not in shown.server.banned()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_action_when_another_site_sends_it_then_it_is_refused(shown: Site, headers: dict[str, str]) -> None:
    with shown.inside() as browser:
        mark = re.findall('name="mark" value="([0-9a-f]+)"', browser.get("/change").text)[0]
        assert browser.post("/ban", data={"mark": mark, "id": QUIET}, headers=headers).status_code == 403


def test_session_when_logged_out_then_it_opens_nothing(shown: Site) -> None:
    with shown.inside() as browser:
        name = browser.cookies["f2b"]
        send(browser, "/", "/logout")
        browser.cookies.set("f2b", name)
        assert browser.get("/change").status_code == 303


def test_cookie_when_given_then_scripts_and_other_sites_never_have_it(shown: Site, browser: httpx.Client) -> None:
    said = browser.get("/").headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    before = browser.cookies["f2b"]
    send(browser, "/login", "/login", token=TOKEN)
    assert browser.cookies["f2b"] != before, "who fixed the name of a session would have it"


@pytest.mark.parametrize(
    "host", ["evil.test", "", "localhost.evil.test", "127.0.0.1.evil.test:8680", "localhost, evil"]
)
def test_host_when_it_is_not_ours_then_nothing_is_shown(browser: httpx.Client, host: str) -> None:
    answer = browser.get("/", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert ATTACKER not in answer.text


def test_body_when_it_has_no_end_then_it_is_refused(browser: httpx.Client) -> None:
    assert browser.post("/line", content=b"x" * (2 << 20)).status_code == 413


# ---- for programs -----------------------------------------------------------------------------------------


def test_api_when_read_then_it_says_who_is_banned(browser: httpx.Client) -> None:
    assert browser.get("/api/status").json()["jails"][0]["name"] == "app"
    answer = browser.get("/api/banned", params={"q": ATTACKER}).json()
    assert [(ban["id"], ban["jail"]) for ban in answer["bans"]] == [(ATTACKER, "app")]
    assert browser.get("/api/banned", params={"limit": "x"}).status_code == 400


def test_api_when_the_token_is_sent_then_it_bans_and_lets_in(shown: Site, browser: httpx.Client) -> None:
    browser.headers["Authorization"] = f"Bearer {TOKEN}"
    answer = browser.post("/api/ban", json={"ip": "192.0.2.50", "seconds": 600})
    assert (answer.status_code, answer.json()["banned"]) == (200, 1)
    assert "192.0.2.50" in shown.server.banned()
    assert browser.post("/api/unban", json={"ip": "192.0.2.50"}).json() == {"unbanned": 1}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"ip": "nobody"}}, 400),
        ({"json": {}}, 400),
        ({"json": {"ip": 7}}, 400),
        ({"json": ["192.0.2.1"]}, 400),
        ({"json": {"ip": "192.0.2.1", "jail": "none"}}, 409),
        ({"json": {"ip": "192.0.2.1", "seconds": "long"}}, 400),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": {"ip": "192.0.2.1"}}, 400),
    ],
)
def test_api_when_asked_for_nonsense_then_it_says_what_is_wrong(
    shown: Site, sent: dict[str, object], status: int
) -> None:
    with shown.browser() as browser:
        browser.headers["Authorization"] = f"Bearer {TOKEN}"
        answer = browser.request("POST", "/api/ban", **sent)  # type: ignore[arg-type]  # any of its arguments
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Cookie": "f2b=x"}])
def test_api_when_there_is_no_token_then_it_changes_nothing(browser: httpx.Client, headers: dict[str, str]) -> None:
    answer = browser.post("/api/ban", json={"ip": QUIET}, headers=headers)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]


def test_openapi_when_read_then_it_describes_what_is_there(browser: httpx.Client) -> None:
    described = browser.get("/api/openapi.json").json()
    schemas = described["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/(\w+)", str(described)):
        assert name in schemas
    for path, operations in described["paths"].items():
        for method in operations:
            assert browser.request(method.upper(), path).status_code not in (404, 405)
    status, ban = browser.get("/api/status").json(), browser.get("/api/banned").json()["bans"][0]
    for said, name in ((status, "Status"), (status["jails"][0], "Jail"), (ban, "Ban")):
        assert set(said) >= set(schemas[name]["properties"]) == set(schemas[name]["required"])


# ---- other settings: a page each ----------------------------------------------------------------------------


def test_private_when_set_then_nothing_is_shown_without_the_token(shown: Site, tmp_path: Path) -> None:
    configure(tmp_path, token_file=tmp_path / "token", private="yes")
    with served(shown.server, tmp_path) as url, Site(shown.server, url).browser() as browser:
        found = Site(shown.server, url)
        for path in ("/", "/bans", "/past", "/jail?name=app"):
            assert browser.get(path).headers["location"] == "/login"
        for path in ("/api/status", "/api/banned"):
            assert browser.get(path).status_code == 401
        with found.inside() as other:
            assert other.get("/").status_code == 200
        wrong = [send(browser, "/login", "/login", token=f"guess {number}") for number in range(7)]
        assert [answer.status_code for answer in wrong] == [403] * 5 + [429] * 2
        assert int(wrong[-1].headers["retry-after"]) > 0
        late = browser.post("/api/ban", json={"ip": QUIET}, headers={"Authorization": f"Bearer {TOKEN}"})
        assert late.status_code == 429


def test_read_only_when_there_is_no_token_then_nothing_can_be_changed(shown: Site, tmp_path: Path) -> None:
    configure(tmp_path)
    with served(shown.server, tmp_path) as url, Site(shown.server, url).browser() as browser:
        assert "read only" in browser.get("/").text
        assert browser.post("/api/ban", json={"ip": QUIET}).status_code == 403
        assert send(browser, "/login", "/login", token="").status_code == 403
        assert send(browser, "/login", "/ban", id=QUIET).headers["location"] == "/login"
        shown.server.end()
        wait_for(lambda: browser.get("/").status_code == 503)
        shown.server.start()
        wait_for(lambda: ATTACKER in browser.get("/bans").text)
