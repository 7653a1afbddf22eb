"""Fixtures: a headless Chromium, a page that it looks at, and what went wrong in it."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from host_tests.backend.page import PASSWORD, Page
from tools.backend.database import open_database
from tools.backend.web.parts import Settings
from tools.backend.web.serve import Server
from tools.lab.browser import PROGRAM
from tools.shared.paths import NO_BROWSER

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]  # only our page is opened


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; its pages are to be opened by `window`."""
    if NO_BROWSER.exists():
        pytest.skip(f"no browser: {NO_BROWSER.read_text()}")
    if not PROGRAM.exists():
        pytest.fail("there is no Chromium in .tools; make test-page fetches it")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(PROGRAM), args=OPTIONS, env={**os.environ, "HOME": home}
        )
        yield browser
        browser.close()


class Served(Page):
    """A page that is served on a port of loopback, while it is used as a context."""

    def __init__(self, folder: Path) -> None:
        database = open_database(f"sqlite:///{folder}/collector.db")
        super().__init__(database, folder, Settings(port=0))
        self.server = Server(self.parts)
        self.beats = threading.Event()

    def __enter__(self) -> Served:
        self.alarms.load()
        self.server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.close()
        self.engine.dispose()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return self.server.url.rstrip("/")

    def history(
        self, topic: str, value: Callable[[float], Any], hours: float, step: float, unit: str = "C"
    ) -> None:
        """Store readings of the last hours; `value`: of a time."""
        now = time.time()
        items = []
        for number in range(int(hours * 3600 / step)):
            at = now - hours * 3600 + number * step
            content = {"value": value(at), "unit": unit, "seq": number, "boot": 9, "time": at}
            if content["value"] is not None:
                items.append(self.item(topic, content))
        for start in range(0, len(items), 5000):
            self.store(items[start : start + 5000])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A page with users and nothing else."""
    with Served(tmp_path) as served:
        yield served


class Window:
    """A window of the browser that has logged in. After the test it must have had no fault.

    faults: what the console said, scripts that failed, dialogs, requests to other hosts
    """

    def __init__(self, page: Any, served: Served) -> None:
        self.page = page
        self.served = served
        self.faults: list[str] = []
        host = urlsplit(served.url).netloc
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url, host))

    def log_in(self, role: str = "admin") -> None:
        """Log in as a person does."""
        self.page.goto(f"{self.served.url}/login")
        self.page.fill("#name", role)
        self.page.fill("#password", PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_selector("nav")

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.served.url + path)

    def sees(self, text: str, timeout: float = 60) -> None:
        """Wait until a text is on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=timeout * 1000)

    def picture(self, name: str) -> None:
        """Take a picture for the documentation, where that is asked for."""
        if folder := os.environ.get("PETREL_PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}.png")

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.faults.append(f"console: {text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.netloc != host and parts.scheme not in ("data", "blob"):
            self.faults.append(f"asked {url}")


@pytest.fixture
def window(chromium: Any, served: Served) -> Iterator[Callable[..., Window]]:
    """Opens windows that have logged in, with options of Playwright."""
    opened: list[Window] = []

    def opening(role: str = "admin", **options: Any) -> Window:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        page = chromium.new_context(locale="en-GB", **options).new_page()
        page.set_default_timeout(60_000)
        window = Window(page, served)
        opened.append(window)
        window.log_in(role)
        return window

    yield opening
    for each in opened:
        each.page.context.close()
    assert [fault for each in opened for fault in each.faults] == []
