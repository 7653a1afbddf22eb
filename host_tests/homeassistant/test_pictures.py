"""Home Assistant's own page, with a node in it: the pictures of docs/homeassistant.md.

`make test-homeassistant PICTURES=1` takes them, and fetches the page and a Chromium for that.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import make_node
from host_tests.homeassistant.hass import HomeAssistant
from tools.lab.browser import PROGRAM
from tools.play.broker import Broker, free_port
from tools.play.playground.parts import wired
from tools.play.subscriber import Subscriber

FOLDER = os.environ.get("PETREL_PICTURES")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]  # only this page is opened
SENSORS: list[dict[str, Any]] = [
    {"name": "air", "driver": "bme280", "sda": 21, "scl": 22, "interval": 5},
    {"name": "soil", "driver": "moisture", "pin": 34, "dry": 2.8, "wet": 1.2, "interval": 5},
    {
        "name": "door", "driver": "digital", "pin": 4, "pull": "up",
        "homeassistant": {"class": "door"},
    },
    {"name": "pump", "driver": "relay", "pin": 18, "homeassistant": {"icon": "mdi:water-pump"}},
    {"name": "lamp", "driver": "dimmer", "pin": 19},
]  # fmt: skip


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    if not FOLDER:
        pytest.skip("takes pictures only when asked: make test-homeassistant PICTURES=1")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(PROGRAM), args=OPTIONS, env={**os.environ, "HOME": home}
        )
        yield browser
        browser.close()


@pytest.mark.timeout(300)
def test_pictures_of_a_node(
    chromium: Any, tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    node = make_node(tmp_path / "flash", WIDTHS[-1], broker, seen, name="greenhouse")
    with HomeAssistant(tmp_path / "hass", broker, page=port) as hass, node.bench:
        config = node.config(sensors=SENSORS, ntp="", homeassistant={"area": "Garden"})
        wired(node.bench.world, config)
        node.write_config(config)
        node.bench.power_on()
        hass.wait(_has_values, 120)
        node.obeys()
        (device,) = hass.ask("devices")
        tokens = json.dumps(hass.ask("login", page=url))
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(tokens)})")
        page.goto(f"{url}/config/devices/device/{device['id']}")
        page.get_by_text("Pump", exact=False).first.wait_for(timeout=60_000)
        if hass.version >= "2026":  # it asks whether its new port is to stay
            page.get_by_role("button", name="Confirm").click(timeout=60_000)
        _taken(page, "device")
        page.set_viewport_size({"width": 1280, "height": 500})
        page.goto(f"{url}/config/integrations/integration/mqtt")
        page.get_by_text("greenhouse").first.wait_for(timeout=60_000)
        _taken(page, "mqtt")


def _taken(page: Any, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # its parts fade in
    page.screenshot(path=f"{FOLDER}/homeassistant-{name}.png")


def _has_values(states: dict[str, Any]) -> bool:
    ours = [each for name, each in states.items() if "greenhouse" in name]
    return len(ours) > 8 and not any(each["state"] == "unavailable" for each in ours)
