"""Where the words of an SVG are, so that a test can tell whether they can be read."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


class Area(NamedTuple):
    """What a text or a box covers."""

    said: str
    x1: float
    y1: float
    x2: float
    y2: float

    def meets(self, x1: float, y1: float, x2: float, y2: float) -> bool:
        """Whether it shares more than an edge with that rectangle, or that line."""
        return self.x1 < x2 and x1 < self.x2 and self.y1 < y2 and y1 < self.y2


def size(root: ElementTree.Element) -> tuple[float, float]:
    """Width and height of the picture."""
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    return width, height


def labels(root: ElementTree.Element) -> list[Area]:
    """All texts that are not turned, as wide as a common sans-serif font makes them."""
    em = float(root.attrib["font-size"])
    turned = {text for group in root.iter(f"{SVG}g") for text in group.iter(f"{SVG}text")}
    return [_label(text, em) for text in root.iter(f"{SVG}text") if text not in turned]


def _label(text: ElementTree.Element, em: float) -> Area:
    said = text.text or ""
    wide = len(said) * em * (0.65 if "font-weight" in text.attrib else 0.58)
    x, y = float(text.attrib["x"]), float(text.attrib["y"])
    left = {"start": x, "middle": x - wide / 2, "end": x - wide}[text.attrib["text-anchor"]]
    return Area(said, left, y - 0.75 * em, left + wide, y + 0.25 * em)


def assert_readable(root: ElementTree.Element) -> None:
    """No text leaves the picture or lies on another."""
    width, height = size(root)
    found = labels(root)
    for label in found:
        assert label.x1 >= 0 and label.x2 <= width, label
        assert label.y1 >= 0 and label.y2 <= height, label
    for one, two in combinations(found, 2):
        assert not one.meets(*two[1:]), (one, two)
