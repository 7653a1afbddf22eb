"""Where everything is in the picture of `wiring`: a board, its parts, and the wires.

Every net (a pin of the board, 3V3, 5V or GND) has one lane, a vertical line between the board and
the parts. A wire goes from the board's pin to the lane, and from the lane to each part. Wires to
the board lie on one grid of rows and wires to the parts on another, half a row lower, so that two
nets never lie on each other: they only cross, at right angles, and the one below is interrupted
there. Pins on the left of a board go around its top, those at its bottom below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tools.shared.boards import Board

SUPPLIES = ("3V3", "5V", "GND")
ROW, LANE, HEAD, MARGIN = 20, 12, 40, 20
SIZE = 12
_WIDTHS = {"ijlt.,:;'|!()[] fI-": 0.42, "mwMW@%": 1.0, "ABCDEFGHKLNOPQRSTUVXYZ_": 0.8}


@dataclass(frozen=True)
class Wire:
    """A pin of a part, and its net; None: it is not wired to the board."""

    part_pin: str
    net: str | None


@dataclass(frozen=True)
class Box:
    """A part, and its wires."""

    name: str
    title: str
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Place:
    """A pin in a row of the board's header; net: what is wired to it."""

    label: str
    net: str | None


@dataclass(frozen=True)
class Line:
    """A piece of a net, vertical or horizontal."""

    net: str
    start: tuple[float, float]
    end: tuple[float, float]
    said: str = ""


@dataclass
class Net:
    """A net's way out of the board, a row from some x on, and the rows of its parts."""

    name: str
    x: float
    row: float
    branches: list[tuple[float, str]]

    @property
    def rows(self) -> list[float]:
        """All rows in which something meets the net's lane, from the top."""
        return sorted([self.row, *(row for row, _ in self.branches)])


def header(board: Board, used: Iterable[str]) -> dict[str, list[Place]]:
    """The board's pins as they are seen from above: left, right and bottom.

    A board without a known header has its used pins alone, on the right.
    """
    left = list(dict.fromkeys(used))
    facts = board.petrel.get("header", {})
    found: dict[str, list[Place]] = {}
    for side in ("right", "left", "bottom"):
        found[side] = []
        for pin in facts.get(side, ()):
            net = str(pin)
            if net in left:
                left.remove(net)
                found[side].append(Place(_label(facts, pin), net))
            else:
                found[side].append(Place(_label(facts, pin), None))
    order = [net for net in SUPPLIES if net in left]
    order += sorted(set(left) - set(SUPPLIES), key=lambda name: (len(name), name))
    beside = " (not on this header)" if facts else ""
    found["right"] += [Place(net + beside, net) for net in order]
    return found


def _label(facts: dict[str, Any], pin: int | str) -> str:
    """What is printed beside a pin, and what the config calls it where that differs."""
    name = str(pin)
    printed = facts.get("printed", {}).get(name)
    if isinstance(pin, int):
        return f"{printed} ({name})" if printed else f"{facts.get('prefix', '')}{name}"
    return printed or name


def text_width(text: str, bold: bool = False) -> float:
    """At most what a text takes in any common sans-serif font."""
    ems = sum(next((w for chars, w in _WIDTHS.items() if c in chars), 0.66) for c in text)
    return ems * SIZE * (1.12 if bold else 1)


class Layout:
    """The places of everything."""

    def __init__(self, board: Board, parts: Sequence[Box]) -> None:
        self.board = board
        self.parts = parts
        used = [wire.net for box in parts for wire in box.wires if wire.net]
        self.sides = header(board, used)
        self.facts = board.petrel.get("header", {})
        self.used = used
        around = [place.net for place in self.sides["left"] if place.net]
        self.top = MARGIN + 10.0 * len(around)
        self.left = MARGIN + 1.0 * LANE * len(around)
        self.first = self.top + HEAD + ROW  # the y of the first pin
        self._measure_board()
        self.nets: dict[str, Net] = {}
        self.lines: list[Line] = []
        self._leave_the_board(around)
        self.part_rows = self._rows_of_parts()
        self.lanes = self._lanes()
        self.part_x = self.right + LANE * (len(self.nets) + 2)
        self._join()

    def _measure_board(self) -> None:
        columns = [
            max((text_width(place.label) for place in self.sides[side]), default=0)
            for side in ("left", "right")
        ]
        self.pitch = 8 + max(
            (text_width(place.label) for place in self.sides["bottom"]), default=0
        )
        self.right = self.left + max(
            sum(columns) + 76,
            text_width(self.board.id, bold=True) + 20,
            text_width(self.facts.get("name", "")) + 20,
            self.pitch * len(self.sides["bottom"]) + 20,
            140,
        )
        rows = max(len(self.sides["left"]), len(self.sides["right"]))
        rows += 1 if self.sides["bottom"] else 0
        self.bottom = self.first + ROW * rows

    def _leave_the_board(self, around: list[str]) -> None:
        """Brings each pin that is wired to a row that leads past the board."""
        for i, place in enumerate(self.sides["right"]):
            if place.net:
                self.nets[place.net] = Net(place.net, self.right, self.first + ROW * i, [])
        for i, place in enumerate(self.sides["left"]):
            if place.net:
                order = around.index(place.net) + 1
                x, y = self.left - LANE * order, self.top - 10 * order
                row = self.first + ROW * i
                self.lines.append(Line(place.net, (x, row), (self.left, row)))
                self.lines.append(Line(place.net, (x, y), (x, row)))
                self.nets[place.net] = Net(place.net, x, y, [])
        self.below = self.bottom
        for i, place in reversed(list(enumerate(self.sides["bottom"]))):
            if place.net:
                self.below += ROW
                x = self.bottom_x(i)
                self.lines.append(Line(place.net, (x, self.bottom), (x, self.below)))
                self.nets[place.net] = Net(place.net, x, self.below, [])

    def bottom_x(self, i: int) -> float:
        """The x of a pin at the bottom of the board."""
        return self.left + 10 + self.pitch * (i + 0.5)

    def _rows_of_parts(self) -> list[list[float]]:
        """The y of each pin of each part."""
        found = []
        y: float = self.top
        for box in self.parts:
            rows = [y + HEAD + ROW * i + ROW / 2 for i in range(len(box.wires))]
            found.append(rows)
            for row, wire in zip(rows, box.wires, strict=True):
                if wire.net:
                    said = f"{box.name}: {wire.part_pin} to {wire.net}"
                    self.nets[wire.net].branches.append((row, said))
            y += HEAD + ROW * len(box.wires) + ROW
        self.parts_bottom = y - ROW
        return found

    def _lanes(self) -> dict[str, float]:
        """The x of each net's lane: neighbours change places while that saves crossings."""
        order = sorted(self.nets.values(), key=lambda net: sum(net.rows) / len(net.rows))
        better = True
        while better:
            better = False
            for i in range(len(order) - 1):
                one, two = order[i : i + 2]
                if _crossings(two, one) < _crossings(one, two):
                    order[i : i + 2] = two, one
                    better = True
        return {net.name: self.right + LANE * (i + 1) for i, net in enumerate(order)}

    def _join(self) -> None:
        for name, net in self.nets.items():
            x = self.lanes[name]
            rows = net.rows
            self.lines.append(Line(name, (net.x, net.row), (x, net.row)))
            self.lines.append(Line(name, (x, rows[0]), (x, rows[-1])))
            for row, said in net.branches:
                self.lines.append(Line(name, (x, row), (self.part_x, row), said))


def _crossings(left: Net, right: Net) -> int:
    """How often two nets cross if the lane of one is left of the other's."""
    return (left.rows[0] < right.row < left.rows[-1]) + sum(
        right.rows[0] < row < right.rows[-1] for row, _ in left.branches
    )
