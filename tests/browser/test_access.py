"""For whom a page is: who reads with the keyboard, with a screen reader, in the dark, on a phone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import PHONE, WIDE, Chromium
from tests.browser.test_actions import log_in

PAGES = [
    *("/", "/jails", "/jail?name=sshd", "/bans", "/bans?jail=raw", "/past", "/line", "/replay", "/change"),
    "/explain?id=203.0.113.1",
]
_FAULTS = r"""
const faults = [];
const say = (what, one) => faults.push(`${what}: ${one.outerHTML.slice(0, 120)}`);
const all = (selector) => [...document.querySelectorAll(selector)];
const name = (one) => one.getAttribute("aria-label") || one.innerText.trim() || one.querySelector("img[alt]")?.alt;

if (!document.documentElement.lang) faults.push("no language");
if (!document.title) faults.push("no title");
for (const part of ["header", "main", "footer", "h1"]) {
  if (all(part).length !== 1) faults.push(`${all(part).length} of ${part}`);
}
for (const one of all("nav, [role=region]")) if (!one.getAttribute("aria-label")) say("a part without a name", one);
const names = all("nav").map((one) => one.getAttribute("aria-label"));
if (new Set(names).size !== names.length) faults.push(`parts of one name: ${names}`);
for (const one of all("input:not([type=hidden], [hidden]), select, textarea")) {
  if (!one.labels.length) say("no label", one);
}
for (const one of all("a, button:not([hidden])")) if (!name(one)) say("no name", one);
for (const one of all("img")) if (!one.alt) say("no text for a picture", one);
for (const one of all("table")) if (!one.caption?.innerText) say("no caption", one);
for (const one of all("th")) if (!one.scope || !one.innerText.trim()) say("no scope or text", one);
for (const one of all("[tabindex]")) if (one.tabIndex > 0) say("out of the order of tabs", one);
for (const one of all("[aria-describedby]")) {
  if (!document.getElementById(one.getAttribute("aria-describedby"))) say("described by nothing", one);
}
const ids = all("[id]").map((one) => one.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
let level = 0;
for (const one of all("h1, h2, h3, h4")) {
  const here = Number(one.tagName[1]);
  if (here > level + 1) say("a level is left out", one);
  level = here;
}

const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const over = ([r, g, b, a = 1], under) => [r, g, b].map((part, at) => part * a + under[at] * (1 - a));
const back = (one) => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) layers.unshift(numbers(getComputedStyle(at).backgroundColor));
  return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
};
const light = (colour) => {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
for (const one of all("body *")) {
  const written = [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim());
  if (!written || !one.getClientRects().length) continue;
  const style = getComputedStyle(one), under = back(one);
  const pair = [light(over(numbers(style.color), under)), light(under)].sort((a, b) => b - a);
  const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)}`, one);
}
return faults;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_when_looked_at_then_everybody_can_use_them(browser: Chromium, scheme: str) -> None:
    browser.colours(scheme)
    browser.go("/login")
    faults = {"/login": browser.run(_FAULTS)}
    log_in(browser)
    for path in PAGES:
        browser.go(path)
        faults[path] = browser.run(_FAULTS)
    browser.go("/line")
    browser.fill("/line", lines="x\n2026-11-21 10:00:00 raw: y", name="raw")
    faults["a report"] = browser.run(_FAULTS)
    browser.go("/replay")
    browser.fill("/replay", jail="sshd", maxretry="12")
    faults["a difference"] = browser.run(_FAULTS)
    browser.go("/bans?q=nobody")
    faults["nothing"] = browser.run(_FAULTS)
    browser.go("/nosuch")
    faults["no page"] = browser.run(_FAULTS)
    assert not {path: found for path, found in faults.items() if found}


def test_pages_when_on_a_phone_then_they_do_not_run_over_its_edge(browser: Chromium) -> None:
    log_in(browser)
    browser.size(PHONE)
    wide = {}
    for path in PAGES:
        browser.go(path)
        wide[path] = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert not {path: pixels for path, pixels in wide.items() if pixels > 0}


def test_keyboard_when_tab_is_pressed_then_the_order_is_that_of_the_page(browser: Chromium) -> None:
    log_in(browser)
    browser.go("/bans?q=192.0.2.222")
    seen: list[int] = []
    order = "return [...document.querySelectorAll('*')].indexOf(document.activeElement)"
    for _ in range(200):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        at = browser.run(order)
        if seen and at <= seen[-1]:
            break
        seen.append(at)
        shown = browser.run(
            "const one = document.activeElement, box = one.getBoundingClientRect();"
            "return [getComputedStyle(one).outlineStyle, box.width > 0 && box.right > 0]"
        )
        assert shown == ["solid", True], browser.run("return document.activeElement.outerHTML")
    focusable = "a[href], button:not([hidden]), input:not([type=hidden], [hidden]), select, textarea, [tabindex='0']"
    assert len(seen) == len(browser.all(focusable))


def test_keyboard_when_the_first_link_is_followed_then_the_content_has_the_focus(browser: Chromium) -> None:
    browser.go("/")
    ActionChains(browser.driver).send_keys(Keys.TAB).send_keys(Keys.ENTER).perform()
    assert browser.run("return document.activeElement.id") == "content"


@pytest.mark.parametrize(
    ("name", "path", "scheme", "size"),
    [
        ("web-overview", "/", "light", (1200, 980)),
        ("web-explain", "/explain?id=203.0.113.1", "light", (1200, 900)),
        ("web-past", "/past?span=1d", "dark", (1200, 980)),
        ("web-phone", "/", "dark", (390, 800)),
    ],
)
def test_page_when_pictured_then_it_is_no_empty_one(
    browser: Chromium, tmp_path: Path, name: str, path: str, scheme: str, size: tuple[int, int]
) -> None:
    """The pictures of docs/, where F2B_PICTURES names a folder."""
    folder = Path(os.environ.get("F2B_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    browser.colours(scheme)
    browser.size(size)
    browser.go(path)
    picture = folder / f"{name}.png"
    assert browser.driver.save_screenshot(str(picture))
    assert picture.stat().st_size > 10_000
    browser.size(WIDE)
