"""`wiring`: draws how the parts of a config are wired to a board, as an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click
from rich import markup
from rich.console import Console

from tools import boards
from tools.check import of_wiring, read
from tools.errors import ToolError
from tools.parts import PARTS
from tools.paths import BUILD

SUPPLIES = {"3V3": "#c0392b", "5V": "#d35400", "GND": "#2c3e50"}
COLOURS = ("#2980b9", "#27ae60", "#8e44ad", "#16a085", "#b7950b", "#c2185b", "#5d6d7e", "#6d4c41")
ROW, GAP, WIDTH = 22, 18, 860
BOARD_X, BOARD_W, PART_X, PART_W = 40, 200, 520, 300


@dataclass(frozen=True)
class Wire:
    """From a pin of a part to a pin of the board."""

    part_pin: str
    board_pin: str
    colour: str


@dataclass(frozen=True)
class Box:
    """A part, and its wires."""

    name: str
    title: str
    wires: tuple[Wire, ...]


def boxes(config: dict[str, Any]) -> list[Box]:
    """The parts of a config."""
    found = []
    colours: dict[str, str] = {}
    for sensor in config.get("sensors", ()):
        part = PARTS.get(sensor["driver"])
        pins = part.wires if part else tuple((k, k) for k in sensor if k in ("pin", "sda", "scl"))
        wires = []
        for part_pin, where in pins:
            board_pin = str(sensor[where]) if where in sensor else where
            colour = SUPPLIES.get(board_pin)
            if not colour:
                colour = colours.setdefault(board_pin, COLOURS[len(colours) % len(COLOURS)])
            wires.append(Wire(part_pin, board_pin, colour))
        found.append(Box(sensor["name"], part.title if part else sensor["driver"], tuple(wires)))
    return found


def svg(board: boards.Board, config: dict[str, Any]) -> str:
    """The picture: the board with the pins that are used, the parts, and wires between them."""
    parts = boxes(config)
    if not parts:
        raise ToolError(
            "the config has no sensors, so there is nothing to draw", "Add some and run it again."
        )
    used = {wire.board_pin for box in parts for wire in box.wires}
    pins = [each for each in SUPPLIES if each in used]
    pins += sorted(used - set(SUPPLIES), key=lambda name: (len(name), name))
    parts_height = sum(ROW * (len(box.wires) + 1) + GAP for box in parts)
    height = 60 + max(parts_height, ROW * (len(pins) + 2))
    step = (height - 100) / max(1, len(pins))
    at = {pin: 80 + step * (i + 0.5) for i, pin in enumerate(pins)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<rect x="{BOARD_X}" y="40" width="{BOARD_W}" height="{height - 60}" rx="8" '
        'fill="#1e5631" stroke="#143d22"/>',
        _text(BOARD_X + BOARD_W / 2, 62, board.id, "#ffffff", "middle", bold=True),
    ]
    for pin in pins:
        lines.append(_text(BOARD_X + BOARD_W - 14, at[pin] + 4, pin, "#ffffff", "end"))
        lines.append(f'<circle cx="{BOARD_X + BOARD_W}" cy="{at[pin]:.1f}" r="5" fill="#f1c40f"/>')
    y = 40
    lanes = 0
    for box in parts:
        tall = ROW * (len(box.wires) + 1)
        lines.append(
            f'<rect x="{PART_X}" y="{y}" width="{PART_W}" height="{tall}" rx="6" '
            'fill="#f4f6f7" stroke="#95a5a6"/>'
        )
        lines.append(_text(PART_X + PART_W - 10, y + 16, box.name, "#2c3e50", "end", bold=True))
        lines.append(_text(PART_X + 10, y + 16, _short(box.title), "#7f8c8d", "start"))
        for i, wire in enumerate(box.wires):
            end = y + ROW * (i + 1) + 11
            lane = PART_X - 20 - (lanes * 11) % 220
            lanes += 1
            start = at[wire.board_pin]
            lines.append(
                f'<path d="M{BOARD_X + BOARD_W} {start:.1f} H{lane} V{end} H{PART_X}" fill="none" '
                f'stroke="{wire.colour}" stroke-width="2"><title>{escape(box.name)}: '
                f"{escape(wire.part_pin)} to {escape(wire.board_pin)}</title></path>"
            )
            lines.append(f'<circle cx="{PART_X}" cy="{end}" r="4" fill="{wire.colour}"/>')
            lines.append(_text(PART_X + 12, end + 4, wire.part_pin, "#2c3e50", "start"))
        y += tall + GAP
    return "\n".join([*lines, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, fill: str, anchor: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )


def _short(title: str) -> str:
    return title if len(title) <= 34 else title[:32] + " ..."


@click.command()
@click.argument("board")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=BUILD / "wiring.svg",
    help="file to write  [default: build/wiring.svg]",
)
def command(board: str, config: Path, out: Path) -> None:
    """Draw how the parts of CONFIG are wired to BOARD; a config that is refused is not drawn."""
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
