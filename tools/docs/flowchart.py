"""Draws the flowcharts of docs/ for the site: a code host draws them itself, MkDocs does not.

They are Mermaid's `flowchart TD`, of which it knows what the pages use: boxes, `name["label"]`,
and arrows, `name --> other & another`. A box stands below those that point to it. An arrow that
closes a circle runs upwards, and is dashed; two boxes that point to each other share a line. An
arrow over several rows has a place in each row between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 150, 34  # of a box
ACROSS, DOWN = 16, 56  # between two boxes
LANE = 5  # what an arrow takes in a row that it only passes
_HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
)


def fence(source: str, *others: Any, **more: Any) -> str:
    """What stands on the page in place of a flowchart; called by pymdownx.superfences."""
    boxes, arrows = read(source)
    return draw(boxes, arrows)


def read(source: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return a flowchart's boxes, name -> label, and its arrows; raises ValueError."""
    boxes: dict[str, str] = {}
    arrows: list[tuple[str, str]] = []
    first, *lines = filter(None, map(str.strip, source.splitlines()))
    if first != "flowchart TD":
        raise ValueError(f"{first!r}: only a flowchart TD can be drawn")
    for line in lines:
        if box := re.fullmatch(r'(\w+)\["(.+)"\]', line):
            boxes[box[1]] = box[2]
        elif arrow := re.fullmatch(r"(\w+) --> (\w+(?: & \w+)*)", line):
            arrows += [(arrow[1], there) for there in arrow[2].split(" & ")]
        else:
            raise ValueError(f"{line!r}: neither a box nor an arrow")
    return boxes, arrows


def draw(boxes: dict[str, str], arrows: list[tuple[str, str]]) -> str:
    """Return the flowchart as an SVG element, in the colours of the page."""
    back = _closing(boxes, arrows)
    down = [(b, a) if (a, b) in back else (a, b) for a, b in arrows]
    row = _rows(boxes, down)
    ways = [_way(a, b, row) for a, b in down]
    at = _places(row, boxes, ways)
    wide = max(x for x, _ in at.values()) + WIDTH / 2 + 1
    high = max(y for _, y in at.values()) + HEIGHT / 2 + 1
    parts = [_HEAD]
    for (here, there), way in zip(arrows, ways, strict=True):
        both = (there, here) in arrows
        if not (both and (here, there) in back):
            parts.append(_curve([at[each] for each in way], (here, there) in back, both))
    parts += [_box(label, *at[name]) for name, label in boxes.items()]
    return (
        f'<svg class="flowchart" viewBox="0 0 {wide:g} {high:g}" role="img" '
        f'style="width:100%;max-width:{wide:g}px">{"".join(parts)}</svg>'
    )


def _closing(boxes: Iterable[str], arrows: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that close a circle: they lead to a box that is still being followed."""
    found: set[tuple[str, str]] = set()
    followed: list[str] = []
    done: set[str] = set()

    def follow(name: str) -> None:
        followed.append(name)
        for here, there in arrows:
            if here != name:
                continue
            if there in followed:
                found.add((here, there))
            elif there not in done:
                follow(there)
        done.add(followed.pop())

    for name in boxes:
        if name not in done:
            follow(name)
    return found


def _rows(boxes: Iterable[str], down: list[tuple[str, str]]) -> dict[str, int]:
    """The row of each box: the one below the lowest that points to it."""
    row = dict.fromkeys(boxes, 0)
    for _ in row:
        for here, there in down:
            row[there] = max(row[there], row[here] + 1)
    return row


def _way(here: str, there: str, row: dict[str, int]) -> list[str]:
    """The names of an arrow's places, from box to box; those between are added to the rows."""
    between = [f"{here}>{there}:{each}" for each in range(row[here] + 1, row[there])]
    row.update((name, int(name.rpartition(":")[2])) for name in between)
    return [here, *between, there]


def _places(
    row: dict[str, int], boxes: Iterable[str], ways: list[list[str]]
) -> dict[str, tuple[float, float]]:
    """The middle of each box and of each place of an arrow, with few arrows across each other."""
    near: dict[str, list[str]] = {name: [] for name in row}
    for way in ways:
        for a, b in pairwise(way):
            near[a].append(b)
            near[b].append(a)
    rows = [[name for name in row if row[name] == each] for each in range(max(row.values()) + 1)]
    size = {name: WIDTH if name in boxes else LANE for name in row}
    x: dict[str, float] = {}
    for line in rows:
        _line_up(line, size, x)
    for turn in range(24):
        step = 1 if turn % 2 == 0 else -1
        for line in rows[::step]:
            wanted = {}
            for name in line:
                others = [x[each] for each in near[name] if (row[name] - row[each]) * step > 0]
                wanted[name] = sum(others) / len(others) if others else x[name]
            line.sort(key=lambda name: wanted[name])
            _line_up(line, size, x)
    left = min(x[name] - size[name] / 2 for name in row) - 1
    return {name: (x[name] - left, HEIGHT / 2 + 1 + row[name] * (HEIGHT + DOWN)) for name in row}


def _line_up(line: list[str], size: dict[str, int], x: dict[str, float]) -> None:
    """Put the members of a row side by side, around the middle, which is 0."""
    left = -(sum(size[name] for name in line) + ACROSS * (len(line) - 1)) / 2
    for name in line:
        x[name] = left + size[name] / 2
        left += size[name] + ACROSS


def _curve(places: list[tuple[float, float]], upwards: bool, both: bool) -> str:
    """An arrow through these places, from the lower edge of the first box to the last."""
    (x, y), *_ = places
    low = y + HEIGHT / 2
    path = f"M{x:g} {low:g}"
    for to, y in places[1:]:
        middle = (low + y - HEIGHT / 2) / 2
        path += f"C{x:g} {middle:g} {to:g} {middle:g} {to:g} {y - HEIGHT / 2:g}"
        x, low = to, y + HEIGHT / 2
        if y != places[-1][1]:
            path += f"V{low:g}"
    heads = 'marker-start="url(#head)" ' * (upwards or both)
    heads += 'marker-end="url(#head)"' * (both or not upwards)
    dashes = ' stroke-dasharray="4 3"' * upwards
    return f'<path d="{path}" fill="none" stroke="currentColor"{dashes} {heads}/>'


def _box(label: str, x: float, y: float) -> str:
    return (
        f'<rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" height="{HEIGHT}" '
        'rx="4" fill="var(--md-code-bg-color, #f5f5f5)" stroke="currentColor"/>'
        f'<text x="{x:g}" y="{y + 5:g}" text-anchor="middle" font-size="14" fill="currentColor">'
        f"{escape(label)}</text>"
    )
