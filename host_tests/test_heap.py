"""The estimate of `make check`, whether a config fits the heap of a board, against whole nodes.

They run in the 32-bit interpreter, in a heap of an ESP8266's size: what the estimate calls unfit
must fail there, what runs must not be called so, and what it recommends must run.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.whole_nodes import BOARD, I2C, nodes
from host_tests.heap_figures import BASE, DOOR, FEW, LIGHT, MUST
from tools.config import heap
from tools.config.check import of_file
from tools.shared import boards
from tools.shared.imports import DRIVERS, drivers, modules

HEAP: int = boards.load(BOARD).petrel["heap"]["bytes"]
AIR = {"name": "air", "driver": "bme280", "sda": 14, "scl": 12, "interval": 0.5}
RAIN = {"name": "rain", "driver": "pulse", "pin": 13, "interval": 0.5}
SOIL = {"name": "soil", "driver": "ntc", "pin": 0, "interval": 0.5, "supply": 1}
BUTTON = {"name": "bell", "driver": "button", "pin": 5}

FITS: dict[str, dict[str, Any]] = {
    "no sensor": {**FEW, "sensors": []},
    "a contact": {**FEW, "sensors": [DOOR]},
    "a contact and an analog sensor": BASE,
    "a button": {**FEW, "sensors": [BUTTON]},
    "a rain gauge": {**FEW, "sensors": [RAIN]},
}
TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    # and what is to be left out
    "one driver too many": ({**FEW, "sensors": [DOOR, LIGHT, RAIN]}, "Leave out rain, or "),
    "must_deliver": (MUST, "Leave out must_deliver, or "),
    "a weather station": ({**FEW, "sensors": [AIR, SOIL, RAIN]}, "Leave out air and soil, or "),
    "one that loses nothing": (
        {**FEW, "sensors": [{**AIR, "delivery": "must_deliver"}, SOIL, RAIN]},
        "Leave out must_deliver, air and soil, or ",
    ),
}
UNFIT = "It will probably run out of memory. "


def said(config: dict[str, Any]) -> str:
    complete = {**config, "mqtt": {"host": "broker", **config.get("mqtt", {})}}
    return "\n".join(heap.warnings(complete, boards.load(BOARD)))


def test_the_estimate_is_true_of_whole_nodes() -> None:
    """What is to fit runs; what is not to fit does not, and does with its code in a ROM."""
    runs = [(config, HEAP, False) for config in FITS.values()]
    runs += [(config, HEAP + I2C, False) for config, _ in TOO_MUCH.values()]
    runs += [(config, HEAP + I2C, True) for config, _ in TOO_MUCH.values()]
    with nodes() as world:
        faults = iter(world.run(runs))
    for name, config in FITS.items():
        assert next(faults) == "", name
        assert UNFIT not in said(config), name
    for name, (config, _) in TOO_MUCH.items():
        assert next(faults) != "", name
        assert UNFIT in said(config), name
    for name, (config, _) in TOO_MUCH.items():
        assert next(faults) == "", name
        assert "build Petrel into the firmware" in said(config), name


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_to_leave_out_is_named(name: str) -> None:
    config, cure = TOO_MUCH[name]
    assert f"{UNFIT}{cure}" in said(config)
    kept = [each for each in config["sensors"] if each["name"] not in cure]
    assert said({**config, "sensors": [{**each, "delivery": "queue"} for each in kept]}) == ""


def test_what_does_not_fit_a_rom_either_is_told_so() -> None:
    names = [name for name in drivers() if name not in ("pixels", "relay")]
    everything = [{"name": name, "driver": name} for name in names]
    line = said({**FEW, "sensors": everything})
    assert "a ROMFS, and leave out " in line


def test_a_queue_longer_than_the_heap_has_room_for() -> None:
    line = said({**FEW, "sensors": [DOOR], "queue": 200})
    assert line.startswith("queue: 200 waiting readings need about 24")
    fitting = int(line.rpartition("Use ")[2].rstrip("."))
    assert said({**FEW, "sensors": [DOOR], "queue": fitting}) == ""


def test_tls_is_not_in_the_estimate_and_that_is_said() -> None:
    assert said({**FEW, "sensors": [], "mqtt": {"verify": False}}).startswith("mqtt: TLS needs ")


def test_a_heap_that_grows_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = {**TOO_MUCH["a weather station"][0], "mqtt": {"host": "b"}, "queue": 1024}
    config["sensors"] = [{**AIR, "sda": 21, "scl": 22}, {**SOIL, "pin": 34}, {**RAIN, "pin": 14}]
    path.write_text(json.dumps(config))
    assert of_file(path, "ESP32_GENERIC") == ([], [])


def test_check_and_deploy_warn_of_it(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**MUST, "mqtt": {"host": "b"}}))
    faults, warnings = of_file(path, BOARD)
    assert faults == []
    assert [line for line in warnings if UNFIT in line] != []


def test_every_driver_was_measured() -> None:
    """If this fails, run `make heap`."""
    figures = heap.figures()
    for name in drivers():
        assert name in figures.objects
        assert heap.parts(name) <= figures.modules.keys()


def test_the_options_that_load_the_filters_are_all_known() -> None:
    tree = ast.parse(modules()[f"{DRIVERS}.{heap.CHAIN}"].read_text())
    chain = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "chain"
    )
    named = [*chain.args.args, *chain.args.kwonlyargs]
    assert {each.arg for each in named} == heap.FILTERS
