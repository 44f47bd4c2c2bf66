"""Debian's Chromium without a screen, driven by its own driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.daemon.running import PATIENCE_S, wait_for

WIDE, PHONE = (1280, 900), (360, 740)
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


class Chromium:
    """A browser, and what a reader does with it."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def go(self, path: str) -> None:
        """Open a page."""
        self.driver.get(self.url + path)

    @property
    def path(self) -> str:
        """Where it is."""
        return self.driver.current_url.removeprefix(self.url)

    def text(self) -> str:
        """Return what can be read."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def all(self, selector: str) -> Sequence[WebElement]:
        """Return the elements that CSS selects."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def fill(self, form: str, **fields: str) -> None:
        """Fill in a form, by where it goes and its fields' names, and send it by its button."""
        before = self.driver.find_element(By.TAG_NAME, "html")
        for name, value in fields.items():
            self._write(self.driver.find_element(By.CSS_SELECTOR, f'form[action="{form}"] [name="{name}"]'), value)
        self.press(f'form[action="{form}"] button')
        wait_for(lambda: _gone(before))

    @staticmethod
    def _write(field: WebElement, value: str) -> None:
        if field.get_attribute("type") == "checkbox":
            field.click()
        elif field.tag_name == "select":
            field.find_element(By.CSS_SELECTOR, f'option[value="{value}"]').click()
        else:
            field.clear()
            field.send_keys(value)

    def press(self, selector: str) -> None:
        """Press the first of what CSS selects."""
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script)

    def command(self, name: str, **fields: object) -> None:
        """Give one of Chromium's own commands."""
        self.driver.execute_cdp_cmd(name, fields)

    def colours(self, scheme: str) -> None:
        """Let it be dark or light."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def size(self, size: tuple[int, int]) -> None:
        """Give the page so many pixels."""
        width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def complaints(self) -> list[str]:
        """Return what the browser complained of, but for answers that are errors on purpose."""
        said = [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]
        return [one for one in said if "Failed to load resource" not in one]


def _gone(element: WebElement) -> bool:
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException

    try:
        element.tag_name  # noqa: B018 - asking is what tells
    except (StaleElementReferenceException, WebDriverException):
        return True
    return False


Check = Callable[[Chromium], object]


@contextmanager
def chromium(folder: Path, url: str) -> Iterator[Chromium]:
    """Give a browser with an empty profile."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (*_ARGUMENTS, f"--user-data-dir={folder}/profile"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        driver.set_page_load_timeout(PATIENCE_S)
        found = Chromium(driver, url)
        found.size(WIDE)
        yield found
    finally:
        driver.quit()
