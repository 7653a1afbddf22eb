"""The page of a board's access point, filled in on a phone: from the access point to readings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.node import LIGHT, WIFI, Node, make_node
from host_tests.harness.phone import Phone
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
SIZE = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def node(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Node]:
    """A node that is switched on, with a config that names no network."""
    node = make_node(tmp_path / "flash", "64", broker, seen)
    node.write_config(node.config(node="greenhouse", wifi={}, sensors=[LIGHT]))
    with node.bench:
        node.bench.power_on()
        yield node


@pytest.fixture
def faults() -> list[str]:
    """What a console or a script complained of, and requests to other hosts."""
    return []


@pytest.fixture
def page(chromium: Any, node: Node, faults: list[str]) -> Iterator[Any]:
    """The page, as a phone in the dark shows it."""
    phone = Phone.joins(node.bench.world.access_point)
    host, port = phone.web
    url = f"http://{host}:{port}"
    context = chromium.new_context(
        locale="en-GB", viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(url) else faults.append(f"asked {asked.url}"),
    )
    page.goto(f"{url}/hotspot-detect.html")
    page.wait_for_function("() => document.getElementById('list').value == 'bench'")
    yield page
    context.close()


def says(page: Any, text: str) -> None:
    page.locator("#said").get_by_text(text).wait_for(timeout=60_000)


@pytest.mark.timeout(240)
def test_from_the_access_point_to_readings(page: Any, node: Node, faults: list[str]) -> None:
    assert page.input_value("[name=node]") == "greenhouse"
    assert page.input_value("[name=broker]") == "127.0.0.1"
    assert page.evaluate(SIZE), "it is wider than a phone"
    assert page.get_by_label("Name of the network").is_hidden()
    # A wrong password, a broker that is off, and what is right.
    page.get_by_label("Password of the network").fill("wrong-password")
    page.get_by_role("button").tap()
    says(page, "refused the password. Check wifi.password; capitals count. Nothing was saved.")
    page.get_by_label("Password of the network").fill(WIFI["password"])
    page.get_by_label("MQTT broker").fill("127.0.0.1:1")
    page.get_by_role("button").tap()
    says(page, "the broker 127.0.0.1 does not answer at port 1. Nothing was saved.")
    assert page.get_by_label("Save it even if").is_visible()
    page.get_by_label("MQTT broker").fill(f"127.0.0.1:{node.bench.relay_port}")
    page.get_by_role("button").tap()
    says(page, 'Saved. The board has joined "bench" and starts now.')
    assert faults == []
    assert node.seen.wait("petrel/greenhouse/light", 60)["unit"] == "V"


def test_pictures_for_the_documentation(page: Any) -> None:
    """Taken only where that is asked for; with names that a reader would have."""
    page.get_by_label("Password of the network").fill("correct horse")
    page.evaluate("""() => {
        document.querySelector('[name=broker]').value = '192.168.1.10'
        document.getElementById('list').options[0].text = 'home (-52 dBm)'
    }""")
    page.get_by_role("heading").tap()
    if folder := os.environ.get("PETREL_PICTURES"):
        page.screenshot(path=f"{folder}/portal.png", full_page=True)


@pytest.mark.timeout(240)
def test_a_hidden_network_and_a_name_with_markup(page: Any, node: Node, faults: list[str]) -> None:
    page.get_by_label("Network", exact=False).first.select_option("")
    page.get_by_label("Name of the network").fill("<b>caf\u00e9 & \u2615</b>")
    page.get_by_label("Password of the network").fill("12345678")
    page.get_by_label("Show it").check()
    assert page.get_attribute("#password", "type") == "text"
    page.get_by_role("button").tap()
    says(page, 'Wi-Fi "<b>caf\u00e9 & \u2615</b>" not found.')
    page.set_viewport_size(DESK)
    assert page.evaluate(SIZE)
    assert faults == []
