"""How long the page waits for what it draws: `make bench-backend PAGE=1`.

One sensor has readings all through a year, rolled up as the job does it, in SQLite. Each question
is asked over HTTP as the page asks it, with as many points as a wide screen has columns.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from host_tests.backend.page import Page
from tools.backend import tables as t
from tools.backend.database import open_database
from tools.backend.queries import now_ms

YEAR_MS = 365 * t.DAY_MS
NODES = 2000
POINTS = 1500
TIMES = ("-1h", "-24h", "-7d", "-30d", "-1y")
# Made by the database itself: Python would take most of an hour for a hundred million.
READINGS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
INSERT INTO reading (sensor, boot, seq, time, source, value)
SELECT {sensor}, 5, i, {begin} + i * {step}, 0, 20 + (i % 97) / 10.0 FROM n
"""
ROLLUPS = """
INSERT INTO rollup (size, sensor, start, minimum, maximum, mean, count)
SELECT {size}, sensor, time - time % {size}, min(value), max(value), avg(value), count(value)
FROM reading WHERE sensor = {sensor} GROUP BY 2, 3
"""


def measure(readings: int) -> None:
    """Print how long each question takes."""
    table = Table("the page asks for", "answered in, s", "points", "each of")
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as path:
        engine = open_database(f"sqlite:///{path}/collector.db")
        page = Page(engine, Path(path))
        _fill(page, engine, readings)
        with page.client("viewer") as client:
            for since in TIMES:
                url = f"/api/v1/series?sensor=shed/air&from={since}&points={POINTS}"
                seconds, (found,) = _timed(lambda url=url: client.get(url).json())
                of = f"{found['size'] / 1000:g} s" if found["size"] else "a reading"
                name = f"{since.removeprefix('-')} of {readings:,} readings"
                table.add_row(name, f"{seconds:.2f}", str(len(found["time"])), of)
            seconds, nodes = _timed(lambda: client.get("/api/v1/nodes").json())
            table.add_row("the list of all nodes", f"{seconds:.2f}", str(len(nodes)), "a node")
        engine.dispose()
    Console(width=100).print(table)


def _timed(ask: Any) -> tuple[float, Any]:
    began = time.monotonic()
    answer = ask()
    return time.monotonic() - began, answer


def _fill(page: Page, engine: sa.Engine, readings: int) -> None:
    page.store([page.item(f"petrel/node{number}/status", "online") for number in range(NODES)])
    page.reading(20)
    now, step = now_ms(), YEAR_MS // readings
    with engine.connect() as connection:
        sensor = connection.scalar(sa.select(t.sensor.c.id))
    raw = engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    begin = now - readings * step
    values = {"last": readings - 1, "sensor": sensor, "begin": begin, "step": step}
    cursor.execute(READINGS.format(**values))
    for size in (t.HOUR_MS, t.DAY_MS):
        cursor.execute(ROLLUPS.format(size=size, sensor=sensor))
        cursor.execute(
            f"INSERT INTO mark (name, value) VALUES ('rolled {size}', {now - now % size})"
        )
    raw.close()
