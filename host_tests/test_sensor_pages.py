"""The drivers' pages: complete, true, and current except for the figures."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.config.check import findings
from tools.docs import board_pages, sensors
from tools.shared import boards
from tools.shared.imports import drivers
from tools.shared.paths import LIB, ROOT
from tools.wiring.drivers import config_for, facts
from tools.wiring.parts import PARTS

DRIVERS = drivers()


def test_every_driver_has_its_part_and_no_other() -> None:
    assert sorted(PARTS) == DRIVERS, "add its part to tools/wiring/parts.py, then make reference"


def test_no_page_is_left_of_a_driver_or_a_board_that_is_gone() -> None:
    pages = {path.stem for path in sensors.FOLDER.glob("*.md")}
    assert pages == {*DRIVERS, "README"}
    assert sorted(board_pages.pages()) == sorted(board_pages.FOLDER.glob("*.md"))


WHOLE_OR_TEXT = {
    "battery": ["left"], "button": ["press"], "buzzer": ["on"], "digital": ["state"],
    "pixels": ["colour"], "pulse": ["total"], "relay": ["on"], "rotary": ["position"],
}  # fmt: skip


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_fraction_has_its_decimals(driver: str) -> None:
    bare = [field[0] for field in facts(driver)["fields"] if len(field) < 3]
    assert bare == WHOLE_OR_TEXT.get(driver, [])


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_option_is_explained(driver: str) -> None:
    said = sensors.meanings(driver)
    for key in facts(driver)["options"]:
        assert said[key] and "see sensors." not in said[key], key


@pytest.mark.parametrize("board", sensors.SHOWN_BOARDS)
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_example_of_each_page_is_good(driver: str, board: str) -> None:
    target = boards.load(board)
    config: dict[str, Any] = {
        "mqtt": {"host": "broker"},
        "sensors": [config_for(driver, target)],
    }
    if target.petrel["network"] == "wifi":
        config["wifi"] = {"ssid": "net"}
    faults, warnings = findings(config, board)
    assert faults == []
    # The one doubt that a page cannot take away: whether the module has a divider.
    divided = "reference" in config["sensors"][0]
    assert divided == (board == "ESP8266_GENERIC" and facts(driver)["uses"] == "adc")
    assert [line for line in warnings if not (divided and "sensors[0].reference: " in line)] == []


def test_the_guide_shows_the_files_that_are_tested() -> None:
    guide = (ROOT / "docs/drivers.md").read_text()
    shown = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    files = [ROOT / "docs/examples/driver" / name for name in ("tilt.py", "test_tilt.py")]
    assert shown == [path.read_text() for path in files]


def test_a_driver_is_found_without_a_list() -> None:
    """Nothing in the node names a driver, except to say how others show it, what a rule may set it
    to or compare, and which battery a node that sleeps looks after."""
    others = {*(LIB / "node/homeassistant").iterdir(), LIB / "node/homie/describe.py"}
    others |= {
        LIB / "node/config" / f"{name}.py" for name in ("fields", "named", "rules", "sleep")
    }
    others.add(LIB / "node/sleep/charge.py")
    for path in {*(LIB / "node").rglob("*.py")} - others:
        text = path.read_text()
        for driver in DRIVERS:
            if driver in ("digital", "analog", "button", "table", "relay", "loop", "pulse"):
                continue  # words of the language
            assert f'"{driver}"' not in text, path


UNITS = {"", "C", "hPa", "%", "lx", "V", "A", "W", "m", "ppm", "deg", "/min"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_quantities_have_si_units(driver: str) -> None:
    own = PARTS[driver].example.get("unit", "")
    for name, unit, *_ in facts(driver)["fields"]:
        assert unit in {*UNITS, own, own + "/min"}, (driver, name, unit)
        assert name.isidentifier() and name == name.lower()


@pytest.mark.parametrize(
    ("driver", "fields"),
    [
        ("loop", [["value", "bar"]]),
        ("table", [["value", "pH"]]),
        ("analog", [["value", "C"]]),
        ("ads1115", [["voltage", "V"]]),
        ("pulse", [["rate", "l/min"], ["total", "l"]]),
        ("bme280", [["temperature", "C"], ["pressure", "hPa"], ["humidity", "%"]]),
    ],
)
def test_a_page_tells_the_quantities_of_its_example(driver: str, fields: list[list[str]]) -> None:
    assert [field[:2] for field in facts(driver)["fields"]] == fields


# The least gate voltage for which a datasheet gives the on-resistance.
GATE_V = {"AO3400A": 2.5, "IRLML6244": 2.5, "IRLZ44N": 4.0, "IRF520": 10.0}


def test_the_pages_recommend_mosfets_for_a_gate_of_3_3_volts() -> None:
    for driver, part in PARTS.items():
        for sentence in part.notes.split(". "):
            for name in re.findall(r"\b(?:AO|IRL|IRF)\w*\d\w*", sentence):
                good = GATE_V[name] <= 0.9 * 3.3
                assert good == ("get hot" not in sentence), (driver, name)


def test_the_values_of_the_pages_keep_to_what_an_esp32_measures_accurately() -> None:
    """0.15 to 2.45 V, by Espressif: a current loop, and dividers as the notes have them."""
    assert 0.004 * facts("loop")["options"]["shunt"][0] >= 0.15
    assert 0.020 * facts("loop")["options"]["shunt"][0] <= 2.45
    assert 10 * 10 / (33 + 10) <= 2.45  # analog: 0 to 10 V
    assert 27 * 10 / (100 + 10) <= 2.46  # voltage
    assert 4.2 * 100 / (100 + 100) <= 2.45  # battery
