"""Every page and every action, by who clicks and types."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.scene import ATTACKS, MANY, Scene
from tests.daemon.running import wait_for
from tests.web.browsing import TOKEN

ATTACKER = "203.0.113.1"
PAGES = ["/", "/jails", "/jail?name=sshd", "/jail?name=raw", "/bans", "/bans?jail=raw", "/past", "/line", "/replay"]


def log_in(browser: Chromium) -> None:
    browser.go("/login")
    browser.fill("/login", token=TOKEN)
    assert browser.path == "/"


@pytest.mark.parametrize("path", PAGES)
def test_page_when_logs_hold_scripts_then_none_runs(shown: Scene, browser: Chromium, path: str) -> None:
    log_in(browser)
    browser.go(path)
    assert browser.run("return document.body.dataset.owned") is None
    assert not browser.run("return document.querySelectorAll('main script, [onerror], [onload], [onfocus]').length")
    if path in ("/bans?jail=raw", "/past"):
        assert ATTACKS[0] in browser.text()
    assert browser.run("return [...document.images].every((one) => one.complete && one.naturalWidth > 0)")


@pytest.mark.parametrize("attack", ATTACKS)
def test_forms_when_a_script_is_written_into_them_then_it_stays_a_text(browser: Chromium, attack: str) -> None:
    log_in(browser)
    browser.go("/bans")
    browser.fill("/bans", q=attack)
    browser.go("/explain")
    browser.fill("/explain", id=attack)
    assert browser.run("return document.body.dataset.owned") is None
    browser.go("/line")
    browser.fill("/line", lines=f"2026-11-21 10:00:00 raw: {attack}", name="raw")
    assert "counts" in browser.text()
    browser.fill("/line", lines=attack, name="", regex=attack)
    browser.go("/replay")
    browser.fill("/replay", jail="raw", ignoreip=attack)
    browser.go("/change")
    browser.fill("/ban", id=attack)
    assert browser.run("return document.body.dataset.owned") is None
    assert not browser.run("return document.querySelectorAll('main script, [onerror], [onload], [onfocus]').length")


def test_bans_when_leafed_through_then_every_page_comes(browser: Chromium) -> None:
    browser.go("/bans?jail=scan&order=address")
    assert f"{MANY} bans, page 1 of 3" in browser.text(), browser.all("caption")[0].text
    for page in (2, 3):
        browser.press('nav[aria-label="Pages of the list"] a[rel="next"]')
        wait_for(lambda page=page: f"page {page} of 3" in browser.text())  # type: ignore[misc]  # its default
    assert len(browser.all("tbody tr")) == MANY - 200
    browser.go("/bans")
    browser.fill("/bans", q="192.0.2.32/30", jail="scan")
    assert "4 bans, page 1 of 1" in browser.text()


def test_explain_when_an_address_is_clicked_then_it_says_why(browser: Chromium) -> None:
    browser.go("/jail?name=sshd")
    who = browser.all("a.who")[0].text
    browser.press("a.who")
    wait_for(lambda: browser.path.startswith("/explain"))
    assert f"{who} is banned" in browser.text()
    assert "Failed password" in browser.text()


def test_line_when_a_regex_is_tried_then_its_verdict_is_told(browser: Chromium) -> None:
    browser.go("/line")
    line = "2026-11-21 10:00:00 app: no entry for 192.0.2.200"
    browser.fill("/line", lines=line, regex="^ app: no entry for <ADDR>$")
    assert "192.0.2.200" in browser.text()
    assert browser.all(".badge.good")
    browser.fill("/line", regex="^ app: no exit for <ADDR>$")
    assert "does not match" in browser.text()


def test_replay_when_numbers_are_changed_then_the_difference_is_shown(browser: Chromium) -> None:
    browser.go("/replay")
    browser.fill("/replay", jail="sshd", maxretry="12", rotated="yes")
    assert "banned only by the present one" in browser.text()
    assert browser.all(".badge.quiet")


def test_actions_when_logged_in_then_they_work(shown: Scene, browser: Chromium) -> None:
    browser.go("/")
    assert not browser.all('a[href="/change"]')
    browser.go("/login")
    browser.fill("/login", token="open sesame, please")
    assert "This is not the token" in browser.text()
    browser.fill("/login", token=TOKEN)
    browser.go("/change")
    browser.fill("/ban", id="192.0.2.240", jail="web", time="1h")
    assert "192.0.2.240: 1 newly banned" in browser.text()
    assert "192.0.2.240" in shown.server.banned()
    wait_for(lambda: _listed(browser, "192.0.2.240"))
    browser.press('button[aria-label="Unban 192.0.2.240 in web"]')
    wait_for(lambda: "192.0.2.240: 1 let in again" in browser.text())
    assert "192.0.2.240" not in shown.server.banned()
    browser.go("/change")
    browser.fill("/allow", id="192.0.2.241", time="1h")
    assert "192.0.2.241" in shown.server.ask("allow").stdout
    browser.press('form[action="/logout"] button')
    wait_for(lambda: bool(browser.all('a[href="/login"]')))
    browser.go("/change")
    assert browser.path == "/login"


def _listed(browser: Chromium, who: str) -> bool:
    browser.go(f"/bans?q={who}")
    return who in browser.text() and bool(browser.all(f'button[aria-label^="Unban {who} "]'))


def test_overview_when_something_happens_then_it_is_shown_without_a_click(shown: Scene, browser: Chromium) -> None:
    browser.go("/")
    for _ in range(3):
        shown.write("sshd", "sshd: Failed password for root from 203.0.113.200")
    wait_for(lambda: "203.0.113.200" in browser.text())
    browser.press("#pause")
    assert browser.all("#pause")[0].get_attribute("aria-pressed") == "true"


def test_overview_when_scripts_are_off_then_it_is_as_complete(browser: Chromium) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.go("/")
    assert "banned now" in browser.text()
    assert ATTACKER in browser.text()
    browser.go("/bans")
    browser.fill("/bans", q="192.0.2.77")
    assert "192.0.2.77" in browser.text()


def test_cookies_when_a_script_asks_then_it_gets_none(browser: Chromium, tmp_path: Path) -> None:
    log_in(browser)
    assert browser.run("return document.cookie") == ""
    assert [(one["name"], one["sameSite"], one["httpOnly"]) for one in browser.driver.get_cookies()] == [
        ("f2b", "Strict", True)
    ]
