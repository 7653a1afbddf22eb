"""A sensor over a time, as a plot needs it: no more points than it has columns, and its gaps.

Few readings are drawn as they are. More are put together in the database, into as many spans as
the plot has columns, each with its mean, minimum and maximum; many more come from the roll-ups of
hours and days.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from tools.backend import queries
from tools.backend.tables import HOUR_MS
from tools.backend.web.models import Series

MOST = 100_000  # readings that are put together while somebody waits
GAP = 3.5  # a pause this many times longer than usual is a gap
MINUTE_MS = 60_000
SPANS_MS = (
    1000, 2000, 5000, 10_000, 15_000, 30_000, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS,
    10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS,
)  # fmt: skip
Row = tuple[Any, ...]  # time, value, and of roll-ups minimum and maximum


def series_of(
    connection: sa.Connection, name: str, sensor: Any, start: int, end: int, points: int
) -> Series:
    """The series of a sensor; `sensor`: its row, name: as the API calls it."""
    count = queries.count(connection, sensor["id"], start, end, max(points, MOST))
    if count <= points:
        raw = queries.raw(connection, sensor["id"], start, end)
        rows: list[Row] = [(*pair, None, None) for pair in zip(raw.time, raw.value, strict=True)]
        return _answer(name, sensor, 0, with_gaps(rows, max(_usual(raw.time) * GAP, MINUTE_MS)))
    span = next((each for each in SPANS_MS if (end - start) / each <= points), 0)
    if span and count <= MOST:
        rows = [row[:4] for row in queries.roll(connection, sensor["id"], start, end, span)]
        longest = max(_usual([row[0] for row in rows]) * GAP, span * 1.5)
        return _answer(name, sensor, span, with_gaps(rows, longest))
    size = queries.rollup_size(start, end, points)
    found = queries.rolled(connection, sensor["id"], start, end, size)
    rows = list(zip(found.time, found.value, found.low, found.high, strict=True))
    return _answer(name, sensor, size, with_gaps(rows, size * 1.5))


def with_gaps(rows: list[Row], longest: float) -> list[Row]:
    """The rows, with one without a value wherever the next is later than that."""
    found: list[Row] = []
    for before, after in zip([None, *rows], rows, strict=False):
        if before is not None and after[0] - before[0] > longest:
            found.append((before[0] + 1, None, None, None))
        found.append(after)
    return found


def _usual(times: list[int]) -> int:
    """The usual time between two."""
    steps = sorted(after - before for before, after in pairwise(times))
    return steps[len(steps) // 2] if steps else 0


def _answer(name: str, sensor: Any, size: int, rows: list[Row]) -> Series:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    return Series(
        sensor=name,
        unit=sensor["unit"],
        kind=sensor["kind"],
        size=size,
        time=columns[0],
        value=columns[1],
        low=columns[2] if size else [],
        high=columns[3] if size else [],
    )
