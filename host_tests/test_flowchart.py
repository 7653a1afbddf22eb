"""The flowcharts of the pages are drawn for the site, arrow by arrow."""

from __future__ import annotations

import re

import pytest

from tools.docs import flowchart
from tools.shared.paths import ROOT

CIRCLE = """
flowchart TD
    a["the first"]
    b["b/c"]
    c["<third>"]
    a --> b & c
    b --> c
    c --> a
"""


def test_boxes_and_arrows_are_read() -> None:
    boxes, arrows = flowchart.read(CIRCLE)
    assert boxes == {"a": "the first", "b": "b/c", "c": "<third>"}
    assert arrows == [("a", "b"), ("a", "c"), ("b", "c"), ("c", "a")]


def test_a_box_stands_below_those_that_point_to_it() -> None:
    drawn = flowchart.fence(CIRCLE)
    tops = [float(y) for y in re.findall(r'<rect [^>]*y="([\d.]+)"', drawn)]
    assert tops == sorted(tops) and len(set(tops)) == 3
    assert "&lt;third&gt;" in drawn


def test_boxes_that_point_to_each_other_share_a_line_with_two_heads() -> None:
    drawn = flowchart.fence(CIRCLE)
    assert drawn.count("<path d=") == 1 + 3  # the head itself, and a line for a and c
    assert drawn.count("marker-start") == 1
    assert drawn.count("marker-end") == 3


def test_an_arrow_that_only_closes_a_circle_is_dashed() -> None:
    drawn = flowchart.fence('flowchart TD\na["a"]\nb["b"]\nc["c"]\na --> b\nb --> c\nc --> a')
    assert drawn.count("stroke-dasharray") == 1


@pytest.mark.parametrize("line", ["a -.-> b", 'a("round")', "a --> b &"])
def test_what_it_cannot_draw_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="neither a box nor an arrow"):
        flowchart.read(f'flowchart TD\na["a"]\n{line}')


def test_another_kind_of_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="only a flowchart TD"):
        flowchart.read("sequenceDiagram\na->>b: hello")


def test_the_pictures_of_the_architecture_fit_their_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for picture in page.split("```mermaid\n")[1:]:
        drawn = flowchart.fence(picture.partition("```")[0])
        boxes = re.findall(r'<rect x="([\d.-]+)" y="([\d.-]+)"', drawn)
        assert len(set(boxes)) == len(boxes) > 9
        (width,) = re.findall(r'<svg class="flowchart" viewBox="0 0 ([\d.]+) ', drawn)
        assert float(width) < 1000
