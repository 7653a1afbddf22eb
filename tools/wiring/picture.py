"""The picture of `wiring` as an SVG: colours, lines and words at the places of wiring_layout."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tools.shared.boards import Board
from tools.wiring.layout import HEAD, MARGIN, ROW, SIZE, Box, Layout, Line, Place, text_width

SUPPLIES = {"3V3": "#c0392b", "5V": "#e67e22", "GND": "#111111"}
# Five steps of brightness, so that they differ in grey too, in seven kinds of line.
COLOURS = ("#1b2a6b", "#2e86de", "#7b2d8b", "#b7950b", "#00796b")
DASHES = ("", "14 5", "3 5", "14 5 3 5", "7 5", "20 5 3 5 3 5", "14 5 7 5")
LEGEND = "Wires are joined where there is a dot; where there is none, they only cross."


def draw(board: Board, parts: Sequence[Box]) -> str:
    """The SVG."""
    return _Picture(board, parts).svg()


class _Picture:
    """The lines of the SVG."""

    def __init__(self, board: Board, parts: Sequence[Box]) -> None:
        self.board = board
        self.facts = board.petrel.get("header", {})
        self.parts = parts
        self.at = Layout(board, parts)
        self.looks = _looks(self.at.used)

    def svg(self) -> str:
        """The lines of the SVG, from back to front."""
        wide = max(
            text_width(text, bold) + 24
            for box in self.parts
            for text, bold in [
                (box.name, True), (box.title, False),
                *((wire.part_pin, False) for wire in box.wires),
            ]
        )  # fmt: skip
        width = max(self.at.part_x + wide, MARGIN + text_width(LEGEND)) + MARGIN
        low = max(self.at.below, self.at.bottom + 12, self.at.parts_bottom)
        height = low + 40
        body = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" '
            f'font-size="{SIZE}">',
            f"<title>wiring to {escape(self.board.id)}</title>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            *self._wires(),
            *self._board(),
        ]
        for box, rows in zip(self.parts, self.at.part_rows, strict=True):
            body += self._part(box, rows, wide)
        body.append(_text(MARGIN, height - 14, LEGEND, "#566573", "start"))
        return "\n".join([*body, "</svg>"]) + "\n"

    def _wires(self) -> list[str]:
        upright = [line for line in self.at.lines if line.start[0] == line.end[0]]
        flat = [line for line in self.at.lines if line.start[0] != line.end[0]]
        found = [self._path(line) for line in upright]
        for line in flat:
            for other in upright:
                x, y = other.start[0], line.start[1]
                crosses = line.start[0] < x < line.end[0] and other.start[1] < y < other.end[1]
                if line.net != other.net and crosses:
                    found.append(
                        f'<rect x="{x - 3:.1f}" y="{y - 4:.1f}" width="6" height="8" '
                        'fill="#ffffff"/>'
                    )
        found += [self._path(line) for line in flat]
        for name, net in self.at.nets.items():
            found += [
                f'<circle cx="{self.at.lanes[name]:.1f}" cy="{y:.1f}" r="4" '
                f'fill="{self.looks[name][0]}"/>'
                for y in net.rows[1:-1]
            ]
        return found

    def _path(self, line: Line) -> str:
        colour, dash, thick = self.looks[line.net]
        (x1, y1), (x2, y2) = line.start, line.end
        end = f"V{y2:.1f}" if x1 == x2 else f"H{x2:.1f}"
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        said = f"<title>{escape(line.said)}</title>" if line.said else ""
        return (
            f'<path class="net {escape(line.net)}" d="M{x1:.1f} {y1:.1f} {end}" fill="none" '
            f'stroke="{colour}" stroke-width="{thick}" stroke-linecap="square"{dashed}>'
            f"{said}</path>"
        )

    def _board(self) -> list[str]:
        at = self.at
        middle = (at.left + at.right) / 2
        found = [
            f'<rect x="{at.left:.1f}" y="{at.top:.1f}" width="{at.right - at.left:.1f}" '
            f'height="{at.bottom - at.top:.1f}" rx="8" fill="#1e5631" stroke="#143d22"/>',
            _text(middle, at.top + 22, self.board.id, "#ffffff", "middle", bold=True),
        ]
        if self.facts:
            found.append(_text(middle, at.top + 39, self.facts["name"], "#ffffff", "middle"))
            y = at.top - 7 if self.facts["usb"] == "top" else at.bottom - 7
            found += [
                f'<rect x="{middle - 17:.1f}" y="{y:.1f}" width="34" height="14" rx="2" '
                'fill="#d5d8dc" stroke="#566573"/>',
                _text(middle, y + 11, "USB", "#1c2833", "middle"),
            ]
        for i, place in enumerate(at.sides["right"]):
            y = at.first + ROW * i
            found += _pin(place, at.right, y, (at.right - 12, y + 4), "end")
        for i, place in enumerate(at.sides["left"]):
            y = at.first + ROW * i
            found += _pin(place, at.left, y, (at.left + 12, y + 4), "start")
        for i, place in enumerate(at.sides["bottom"]):
            x = at.bottom_x(i)
            found += _pin(place, x, at.bottom, (x, at.bottom - 12), "middle")
        return found

    def _part(self, box: Box, rows: list[float], wide: float) -> list[str]:
        y = rows[0] - HEAD - ROW / 2 if rows else self.at.top
        found = [
            f'<rect x="{self.at.part_x:.1f}" y="{y:.1f}" width="{wide:.1f}" '
            f'height="{HEAD + ROW * len(rows):.1f}" rx="6" fill="#f4f6f7" stroke="#95a5a6"/>',
            _text(self.at.part_x + 12, y + 16, box.name, "#1c2833", "start", bold=True),
            _text(self.at.part_x + 12, y + 33, box.title, "#566573", "start"),
        ]
        for row, wire in zip(rows, box.wires, strict=True):
            found.append(_text(self.at.part_x + 12, row + 4, wire.part_pin, "#1c2833", "start"))
            if wire.net:
                found.append(
                    f'<circle cx="{self.at.part_x:.1f}" cy="{row:.1f}" r="4" '
                    f'fill="{self.looks[wire.net][0]}"/>'
                )
        return found


def _looks(used: Sequence[str]) -> dict[str, tuple[str, str, float]]:
    """Colour, dashes and width of each net: the supplies are thick."""
    found: dict[str, tuple[str, str, float]] = {}
    for net in used:
        if net in SUPPLIES:
            found[net] = (SUPPLIES[net], "", 3)
        elif net not in found:
            i = sum(1 for other in found if other not in SUPPLIES)
            kind = i // len(COLOURS) % len(DASHES)
            found[net] = (COLOURS[i % len(COLOURS)], DASHES[kind], 2)
    return found


def _pin(place: Place, x: float, y: float, at: tuple[float, float], anchor: str) -> list[str]:
    text = "#ffffff" if place.net else "#a9c9b3"
    fill = "#f1c40f" if place.net else "#7d8f84"
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if place.net else 3}" fill="{fill}"/>',
        _text(*at, place.label, text, anchor),
    ]


def _text(x: float, y: float, text: str, fill: str, anchor: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )
