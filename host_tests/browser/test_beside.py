"""`petrel collect` with `petrel demo` beside it: the way of a newcomer, in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.backend.collect import Collect
from host_tests.backend.conftest import wait_until
from tools.play.beside import FILE
from tools.shared.paths import ROOT
from tools.shared.process import popen


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Collect]:
    """`petrel collect` in a folder of its own."""
    collect = Collect(tmp_path)
    yield collect
    collect.end()


@pytest.mark.timeout(240)
def test_the_demo_beside_the_collector_is_on_its_page(collect: Collect, chromium: Any) -> None:
    url = collect.waits_for(r"the page is at (http\S+)")
    password = collect.waits_for(r"with the password (\S+?),? ")
    assert FILE.exists()
    demo = popen(
        [sys.executable, "-m", "tools", "demo", "--seconds", "60"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    page = chromium.new_context().new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(url)
        page.fill("#name", "admin")
        page.fill("#password", password)
        page.press("#password", "Enter")
        page.get_by_role("link", name="greenhouse").click(timeout=90_000)
        value = page.locator("article.sensor .value").first
        value.wait_for(timeout=60_000)
        before = page.locator(".sensors").inner_text()
        sensors = page.locator(".sensors")
        wait_until(lambda: sensors.inner_text() != before, 60, lambda: f"it still shows {before}")
        page.get_by_role("button", name="Send").click()
        page.locator("#replies .badge[data-tone=good]").wait_for(timeout=60_000)
        assert faults == []
        assert {each for each in asked if not each.startswith(url)} == set()
    finally:
        page.context.close()
        demo.terminate()
        demo.wait(30)
