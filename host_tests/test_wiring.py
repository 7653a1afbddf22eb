"""The picture of `make wiring`: what is in it, and that it can be followed."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.harness.svg import SVG, Area, assert_readable, labels
from tools.shared import boards
from tools.wiring import command as wiring
from tools.wiring.parts import PARTS

PIN_KEYS = ("pin", "pin_b", "echo", "sda", "scl")


class Piece(NamedTuple):
    """A straight piece of a wire; x1 <= x2 and y1 <= y2."""

    net: str
    x1: float
    y1: float
    x2: float
    y2: float

    def meets(self, x: float, y: float) -> bool:
        return self.x1 <= x <= self.x2 and self.y1 <= y <= self.y2


class Picture:
    """A drawn config, as one who looks at it sees it."""

    def __init__(self, board: str, sensors: list[dict[str, Any]]) -> None:
        self.text = wiring.svg(boards.load(board), {"sensors": sensors})
        root = ElementTree.fromstring(self.text)
        self.root = root
        self.pieces = [_piece(path) for path in root.iter(f"{SVG}path")]
        self.looks = {
            path.attrib["class"]: (
                path.attrib["stroke"],
                path.attrib.get("stroke-dasharray", ""),
                path.attrib["stroke-width"],
            )
            for path in root.iter(f"{SVG}path")
        }
        self.said = [t.text for path in root.iter(f"{SVG}path") for t in path]
        self.dots = {
            (float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")
        }
        self.labels = labels(root)
        # the board and the parts; the first is the paper, those without rounding interrupt wires
        self.boxes = [_box(rect) for rect in root.iter(f"{SVG}rect") if "rx" in rect.attrib]


def _piece(path: ElementTree.Element) -> Piece:
    found = re.fullmatch(r"M([\d.]+) ([\d.]+) ([HV])([\d.]+)", path.attrib["d"])
    assert found, path.attrib["d"]
    x, y, to = float(found[1]), float(found[2]), float(found[4])
    x2, y2 = (to, y) if found[3] == "H" else (x, to)
    return Piece(path.attrib["class"], min(x, x2), min(y, y2), max(x, x2), max(y, y2))


def _box(rect: ElementTree.Element) -> Area:
    x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
    return Area("box", x, y, x + w, y + h)


@st.composite
def configs(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A board, and parts on any of its pins: more than a board would take, for the picture."""
    board = draw(st.sampled_from(boards.names()))
    pins = boards.load(board).petrel["pins"]["all"]
    names = st.text("abcdefghij klmnop<&", min_size=1, max_size=32)
    found = []
    for driver in draw(
        st.lists(st.sampled_from([*sorted(PARTS), "of_my_own"]), min_size=1, max_size=9)
    ):
        wires = PARTS[driver].wires if driver in PARTS else [("", "pin"), ("", "sda")]
        sensor: dict[str, Any] = {"name": draw(names), "driver": driver}
        for _, where in wires:
            if where in PIN_KEYS:
                sensor[where] = draw(st.sampled_from(pins))
        found.append(sensor)
    return board, found


@settings(max_examples=150, deadline=None)
@given(configs())
def test_every_wire_can_be_followed(config: tuple[str, list[dict[str, Any]]]) -> None:
    picture = Picture(*config)
    for one, two in combinations(picture.pieces, 2):
        if one.net != two.net:
            assert apart(one, two), (one, two)
    for net in {piece.net for piece in picture.pieces}:
        pieces = [piece for piece in picture.pieces if piece.net == net]
        assert connected(pieces), net
        assert joined(pieces) <= picture.dots, net


def apart(one: Piece, two: Piece) -> bool:
    """Whether two wires are parallel with some distance, or only cross."""
    if not (one.x1 - 8 < two.x2 and two.x1 - 8 < one.x2):
        return True
    if not (one.y1 - 8 < two.y2 and two.y1 - 8 < one.y2):
        return True
    flat, upright = (one, two) if one.y1 == one.y2 else (two, one)
    crosses = flat.y1 == flat.y2 and upright.x1 == upright.x2
    return (
        crosses
        and flat.x1 + 4 < upright.x1 < flat.x2 - 4
        and upright.y1 + 4 < flat.y1 < upright.y2 - 4
    )


def connected(pieces: list[Piece]) -> bool:
    """Whether all pieces hang together."""
    todo = pieces[1:]
    done = pieces[:1]
    while todo:
        near = [piece for piece in todo if any(touch(piece, other) for other in done)]
        if not near:
            return False
        done += near
        todo = [piece for piece in todo if piece not in near]
    return True


def touch(one: Piece, two: Piece) -> bool:
    return one.x1 <= two.x2 and two.x1 <= one.x2 and one.y1 <= two.y2 and two.y1 <= one.y2


def joined(pieces: list[Piece]) -> set[tuple[float, float]]:
    """Where more than two ends of a net meet."""
    ends = {(x, y) for p in pieces for x, y in ((p.x1, p.y1), (p.x2, p.y2))}
    found = set()
    for x, y in ends:
        ways = sum(
            1 if (x, y) in ((p.x1, p.y1), (p.x2, p.y2)) else 2 for p in pieces if p.meets(x, y)
        )
        if ways > 2:
            found.add((x, y))
    return found


@settings(max_examples=150, deadline=None)
@given(configs())
def test_every_text_can_be_read(config: tuple[str, list[dict[str, Any]]]) -> None:
    picture = Picture(*config)
    assert_readable(picture.root)
    for area in (*picture.labels, *picture.boxes):
        over = [piece for piece in picture.pieces if area.meets(*piece[1:])]
        assert not over, (area, over)


@settings(max_examples=80, deadline=None)
@given(configs())
def test_every_pin_is_named_once_and_every_wire_is_there(
    config: tuple[str, list[dict[str, Any]]],
) -> None:
    board, sensors = config
    picture = Picture(board, sensors)
    parts = wiring.boxes(boards.load(board), {"sensors": sensors})
    wired = [wire for box in parts for wire in box.wires if wire.net]
    assert len([said for said in picture.said if said]) == len(wired)
    middle = max(box.x2 for box in picture.boxes[:1])
    named = Counter(label.said for label in picture.labels if label.x2 <= middle)
    for pin in {str(s[key]) for s in sensors for key in PIN_KEYS if key in s}:
        held = [
            label
            for label in named.elements()
            if re.fullmatch(rf"(GP)?{pin}( \(not on this header\))?|\S+ \({pin}\)", label)
        ]
        # The pin 0 of an ESP8266 is its analog input where an analog sensor has it.
        if (board, pin) != ("ESP8266_GENERIC", "0"):
            assert len(held) == 1, (pin, held)
    for box in parts:
        texts = [label.said for label in picture.labels]
        assert box.name in texts and box.title in texts


@settings(max_examples=80, deadline=None)
@given(configs())
def test_wires_differ_in_grey(config: tuple[str, list[dict[str, Any]]]) -> None:
    looks = Picture(*config).looks
    for one, two in combinations(looks.values(), 2):
        if one[1:] == two[1:]:
            assert abs(brightness(one[0]) - brightness(two[0])) > 8, (one, two)
    for colour, _, _ in looks.values():
        assert brightness(colour) < 70, "too pale on white"


def brightness(colour: str) -> float:
    """L* of CIELAB, 0 to 100."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(116 * light ** (1 / 3) - 16 if light > 0.008856 else 903.3 * light)


def test_the_picture_has_every_part_pin_and_wire() -> None:
    picture = Picture(
        "ESP32_GENERIC",
        [
            {"name": "air <1>", "driver": "bme280", "sda": 21, "scl": 22},
            {"name": "lux", "driver": "bh1750", "sda": 21, "scl": 22},
            {"name": "pump", "driver": "relay", "pin": 4},
            {"name": "own", "driver": "of_my_own", "sda": 21, "scl": 22},
        ],
    )
    texts = {label.said for label in picture.labels}
    assert {"ESP32_GENERIC", "air <1>", "lux", "pump", "own", "21", "22", "GND", "4"} <= texts
    said = [each for each in picture.said if each]
    assert len(said) == 4 + 4 + 3 + 2
    assert said.count("air <1>: SDA to 21") == 1


def test_pins_stand_as_on_the_header() -> None:
    picture = Picture("ESP8266_GENERIC", [{"name": "a", "driver": "digital", "pin": 4}])
    right = [label.said for label in picture.labels if re.search(r"\(\d+\)|^3V3|^GND", label.said)]
    assert right[:5] == ["D0 (16)", "D1 (5)", "D2 (4)", "D3 (0)", "D4 (2)"]


def test_the_analog_input_of_an_esp8266_is_not_its_pin_0() -> None:
    light = {"name": "light", "driver": "analog", "pin": 0}
    door = {"name": "door", "driver": "digital", "pin": 0}
    said = Picture("ESP8266_GENERIC", [light, door]).said
    assert "light: OUT to A0" in said and "door: contact to 0" in said


def test_channels_of_one_converter_are_one_part() -> None:
    converter = {"driver": "ads1115", "sda": 21, "scl": 22}
    sensors = [{"name": "tank", **converter}, {"name": "well", **converter, "channel": 1}]
    texts = [label.said for label in Picture("ESP32_GENERIC", sensors).labels]
    assert "tank, well" in texts and texts.count("SDA") == 1
    sensors[1]["address"] = 0x49
    texts = [label.said for label in Picture("ESP32_GENERIC", sensors).labels]
    assert "tank" in texts and texts.count("SDA") == 2


@pytest.mark.parametrize("driver", sorted(PARTS))
def test_no_markdown_is_left_in_the_picture(driver: str) -> None:
    pins = boards.load("ESP32_GENERIC").petrel["pins"]["all"]
    keys = {
        where: pins[i] for i, (_, where) in enumerate(PARTS[driver].wires) if where in PIN_KEYS
    }
    picture = Picture("ESP32_GENERIC", [{"name": "a", "driver": driver, **keys}])
    assert "`" not in picture.text
