"""`wiring`: draws how the parts of a config are wired to a board, as an SVG.

Here a config becomes parts and the nets that their pins are on; wiring_layout finds places for
them, and wiring_picture draws them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
from rich import markup
from rich.console import Console

from tools.config.check import of_wiring, read
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.imports import FORMULA, drivers
from tools.shared.paths import BUILD, ROOT
from tools.wiring.drivers import facts
from tools.wiring.layout import SUPPLIES, Box, Wire
from tools.wiring.parts import PARTS
from tools.wiring.picture import draw

ANALOG = "A0"  # of an ESP8266, whose config says 0, which is also the number of a GPIO
PIN_KEYS = ("pin", "pin_b", "echo", "sda", "scl")


def boxes(board: boards.Board, config: dict[str, Any]) -> list[Box]:
    """The parts of a config. Sensors that share a bus and an address are one part."""
    found: dict[object, Box] = {}
    for i, sensor in enumerate(config.get("sensors", ())):
        if sensor["driver"] == FORMULA:
            continue  # it has no part
        part = PARTS.get(sensor["driver"])
        pins = part.wires if part else tuple((key, key) for key in PIN_KEYS if key in sensor)
        wires = tuple(_wire(board, sensor, at.replace("`", ""), where) for at, where in pins)
        title = part.title if part else sensor["driver"]
        same: object = i
        if part and {"sda", "scl"} <= sensor.keys():
            same = (sensor["driver"], sensor["sda"], sensor["scl"], sensor.get("address"))
        name = sensor["name"]
        if same in found:
            name = f"{found[same].name}, {name}"
        found[same] = Box(name, title, wires)
    return list(found.values())


def _wire(board: boards.Board, sensor: dict[str, Any], part_pin: str, where: str) -> Wire:
    if where in sensor:
        if board.petrel["pins"]["adc"] == [0] and where == "pin" and _analog(sensor):
            return Wire(part_pin, ANALOG)
        return Wire(part_pin, str(sensor[where]))
    if where in SUPPLIES:
        return Wire(part_pin, where)
    return Wire(f"{part_pin}: to {where}", None)


def _analog(sensor: dict[str, Any]) -> bool:
    driver = sensor["driver"]
    return driver in drivers() and facts(driver)["uses"] == "adc"


def svg(board: boards.Board, config: dict[str, Any]) -> str:
    """The picture of a config; raises ToolError if there is nothing to draw."""
    parts = boxes(board, config)
    if not parts:
        raise ToolError(
            "the config has no sensors, so there is nothing to draw",
            "Add some and run the command again.",
        )
    return draw(board, parts)


def pages() -> dict[Path, str]:
    """The picture in the documentation: of the config that docs/start/esp32.md shows."""
    text = (ROOT / "docs/start/esp32.md").read_text()
    shown = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert shown, "docs/start/esp32.md shows a config"
    return {ROOT / "docs/wiring.svg": svg(boards.load("ESP32_GENERIC"), json.loads(shown[1]))}


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=BUILD / "wiring.svg",
    help="file to write  [default: build/wiring.svg]",
)
def command(board: str, config: Path, out: Path) -> None:
    """Draw how the parts of CONFIG are wired to BOARD, unless it would refuse the config."""
    facts = boards.load(board)
    faults, warnings = of_wiring(config, board)
    if faults:
        raise ToolError(f"{board} would refuse {config}", "\n  ".join(faults))
    console = Console(highlight=False, soft_wrap=True)
    for warning in warnings:
        console.print(f"[bold yellow]warning[/] {markup.escape(warning)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(svg(facts, read(config)))
    console.print(f"{out}: open it in a browser")
