"""board.json: held to the schema, and to what cannot both be true."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BOARDS

NAMES = boards.names()


def test_all_boards_are_there() -> None:
    assert NAMES == [
        "ESP32_GENERIC", "ESP32_GENERIC_C3", "ESP32_GENERIC_S3", "ESP8266_GENERIC",
        "PYBD_SF2", "PYBV11", "RPI_PICO", "RPI_PICO_W", "UNIX",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, boards.LINUX])
def test_board_follows_the_schema(name: str) -> None:
    schema = json.loads((BOARDS / "board.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(boards.load(name).facts, schema, jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_is_wrong() -> None:
    schema = json.loads((BOARDS / "board.schema.json").read_text())
    changes: list[dict[str, Any]] = [{"port": "arm"}, {"petrel": {}}, {"surprise": 1}]
    for change in changes:
        wrong = {**boards.load("UNIX").facts, **change}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n"id": "MINE",\n"port" "esp32"}', r"boards/MINE/board\.json:3: not JSON: Expecting"),
        ("[1]", r"boards/MINE/board\.json: the file: \[1\] is not of type 'object'"),
        ("{}", r"boards/MINE/board\.json: the file: 'mcu' is a required property|is a required"),
        ("pins", r"boards/MINE/board\.json: petrel\.pins\.adc: 'A0' is not of type 'array'"),
    ],
)
def test_a_board_json_that_is_wrong_is_told_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    if text == "pins":
        facts = json.loads((BOARDS / "UNIX" / "board.json").read_text())
        facts["petrel"]["pins"]["adc"] = "A0"
        text = json.dumps(facts)
    folder = tmp_path / "boards" / "MINE"
    folder.mkdir(parents=True)
    (folder / "board.json").write_text(text)
    monkeypatch.setattr(boards, "BOARDS", tmp_path / "boards")
    with pytest.raises(ToolError, match=said):
        boards.load("MINE")


@pytest.mark.parametrize("name", NAMES)
def test_the_header_has_every_pin_once(name: str) -> None:
    facts = boards.load(name).petrel
    header = facts.get("header")
    if header is None:
        return
    places = [pin for side in ("left", "right", "bottom") for pin in header[side]]
    everything = facts["pins"]["all"]
    found = [pin for pin in places if pin in everything]
    assert len(found) == len(set(found))
    assert all(pin in everything for pin in places if isinstance(pin, int))
    assert {"3V3", "5V", "GND"} <= set(places)
    assert set(header["printed"]) <= {str(pin) for pin in places}
    assert len(header["left"]) == len(header["right"])


@pytest.mark.parametrize("name", NAMES)
def test_pins_are_pins(name: str) -> None:
    pins = boards.load(name).petrel["pins"]
    everything = {str(pin) for pin in pins["all"]}
    for kind in ("input_only", "no_pull", "level_only", "reserved", "some_modules", "strapping"):
        assert {str(pin) for pin in pins[kind]} <= everything, kind
    assert set(pins["adc"]) <= set(pins["all"])
    assert set(pins["adc_not_with_wifi"]) <= set(pins["all"])
    assert not set(pins["adc"]) & set(pins["adc_not_with_wifi"])
    assert len({type(pin) for pin in pins["all"]}) == 1
    assert not pins["reserved"].keys() & (pins["strapping"].keys() | pins["some_modules"].keys())


@pytest.mark.parametrize("name", NAMES)
def test_names_of_one_pin_have_the_same_facts(name: str) -> None:
    petrel = boards.load(name).petrel
    pins, timers = petrel["pins"], petrel["pwm"].get("timers")
    if cpu := pins.get("cpu"):
        assert list(cpu) == pins["all"]
        for pin, chip in cpu.items():
            for other in (each for each in cpu if cpu[each] == chip):
                for kind in ("adc", "reserved", "strapping"):
                    assert (pin in pins[kind]) == (other in pins[kind]), (kind, pin, other)
                assert timers.get(pin) == timers.get(other), (pin, other)
    if timers:
        assert timers.keys() <= {str(pin) for pin in pins["all"]}
        assert not timers.keys() & {str(pin) for pin in pins["input_only"] + pins["level_only"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_board_has_free_pins_for_the_first_sensors(name: str) -> None:
    pins = boards.load(name).petrel["pins"]
    kept = pins["reserved"].keys() | pins["strapping"].keys()
    assert any(str(pin) not in pins["reserved"] for pin in pins["adc"])
    assert sum(str(pin) not in kept for pin in pins["all"]) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_what_the_facts_say_fits_together(name: str) -> None:
    facts = boards.load(name)
    wifi = facts.petrel["network"] == "wifi"
    assert wifi or not facts.petrel["pins"]["adc_not_with_wifi"]
    assert (facts.install["tool"] == "esptool") is facts.facts["port"].startswith("esp")
    assert ("page" in facts.install) is (name != "UNIX")
    assert name == "UNIX" or facts.install["page"].endswith(f"/{name}/")
    assert facts.petrel["tls"] == "none" or facts.petrel["network"] != "none"
    assert {"fixed_ms", "max_ms"} > facts.petrel["watchdog"].keys()


def test_the_simulated_board_has_the_pins_of_an_esp32() -> None:
    simulated, real = (boards.load(name).petrel for name in ("UNIX", "ESP32_GENERIC"))
    assert simulated["pins"] == real["pins"]
    assert simulated["adc"] == real["adc"]
    assert simulated["pwm"] == real["pwm"]


@pytest.mark.parametrize(
    ("name", "chip", "offset"),
    [
        ("ESP32_GENERIC", "esp32", "0x1000"),
        ("ESP32_GENERIC_S3", "esp32s3", "0x0"),
        ("ESP32_GENERIC_C3", "esp32c3", "0x0"),
        ("ESP8266_GENERIC", "esp8266", "0x0"),
    ],
)
def test_firmware_goes_where_the_chip_looks_for_it(name: str, chip: str, offset: str) -> None:
    install = boards.load(name).install
    assert (install["chip"], install["offset"]) == (chip, offset)


@pytest.mark.parametrize("name", NAMES)
def test_the_module_for_the_board_is_python_and_true(name: str) -> None:
    made: dict[str, Any] = {}
    exec(boards.load(name).module(), made)
    facts = SimpleNamespace(**made)
    pins = boards.load(name).petrel["pins"]
    assert name == facts.ID
    assert list(facts.PINS) == pins["all"]
    assert {str(pin): use for pin, use in facts.RESERVED.items()} == pins["reserved"]
    assert all(isinstance(pin, type(pins["all"][0])) for pin in facts.RESERVED)
    assert (boards.load(name).petrel["network"] == "wifi") is facts.WIFI
    timers = boards.load(name).petrel["pwm"].get("timers", {})
    made_of = {str(pin): at for pin, at in getattr(facts, "TIMERS", {}).items()}
    assert {pin: f"{at >> 3}{'ABCDEFGH'[at & 7]}" for pin, at in made_of.items()} == timers


def test_a_config_can_be_built_in() -> None:
    made: dict[str, Any] = {}
    exec(boards.load("UNIX").module(json.dumps({"node": 'it\'s "here"'})), made)
    assert json.loads(made["CONFIG"]) == {"node": 'it\'s "here"'}


def test_unknown_board_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(ToolError) as error:
        boards.load("ESP32_GENERIK")
    assert "did you mean ESP32_GENERIC?" in error.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_every_board_has_a_file_system_of_known_blocks(name: str) -> None:
    storage = boards.load(name).petrel["storage"]
    assert (storage["system"] == "host") is (name == "UNIX") is (storage["block"] is None)
    assert storage["bytes"] is None or storage["bytes"] % storage["block"] == 0
