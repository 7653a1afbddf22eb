"""How long the page waits for what it draws: `make bench-backend PAGE=1`.

Sensors have readings all through a year, rolled up as the job does it, in SQLite and in
PostgreSQL. Each question is asked over HTTP as the page asks it, with as many points as a wide
screen has columns, about a sensor in the middle.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from starlette.testclient import TestClient

from host_tests.backend.page import Page
from host_tests.backend.postgres import Postgres
from tools.backend import tables as t
from tools.backend.database import open_database
from tools.backend.queries import now_ms

YEAR_MS = 365 * t.DAY_MS
NODES = 2000
POINTS = 1500
TIMES = ("-1h", "-24h", "-7d", "-30d", "-1y")
ASKED = 3  # how often each question is asked; the slowest answer counts
STEP_MS = 30_000  # between two readings of a sensor, if there are enough for a year of these
BOOT = 5
# Made by the database itself: Python would take most of an hour for a hundred million.
SQLITE_READINGS = """
WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
INSERT INTO reading (sensor, boot, seq, time, source, value)
SELECT {sensor}, {boot}, i, {begin} + i * {step}, 0, 20 + (i % 97) / 10.0 FROM n
"""
# In the order of time, as they come from nodes: those of one sensor lie far apart. Their
# identities in `taken` are left out, for no question of the page looks there.
POSTGRESQL_READINGS = """
INSERT INTO reading (sensor, boot, seq, time, source, value)
SELECT s.id, {boot}, i, {begin} + i * {step}, 0, 20 + (i % 97) / 10.0
FROM generate_series({first}::bigint, {last}) i,
LATERAL (SELECT i AS moment, id FROM sensor WHERE id <= {sensor} ORDER BY id) s
"""
HOURS = f"""
INSERT INTO rollup (size, sensor, start, minimum, maximum, mean, count)
SELECT {t.HOUR_MS}, sensor, time - time % {t.HOUR_MS}, min(value), max(value), avg(value),
  count(value)
FROM reading WHERE sensor <= {{sensors}} GROUP BY 2, 3
"""
DAYS = f"""
INSERT INTO rollup (size, sensor, start, minimum, maximum, mean, count)
SELECT {t.DAY_MS}, sensor, start - start % {t.DAY_MS}, min(minimum), max(maximum),
  sum(mean * count) / sum(count), sum(count)
FROM rollup WHERE size = {t.HOUR_MS} GROUP BY 2, 3
"""


def measure(readings: int) -> None:
    """Print how long each question takes, in both databases."""
    console = Console(width=100)
    table = Table("the page asks for", "answered in, s", "points", "each of")
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as path, Postgres() as server:
        urls = {"SQLite": f"sqlite:///{path}/collector.db", "PostgreSQL": server.new_database()}
        for name, url in urls.items():
            engine = open_database(url)
            page = Page(engine, Path(path))
            made = _Year(page, readings).fill(name, console)
            with page.client("viewer") as client:
                for row in _answers(client):
                    table.add_row(f"{name}, {made:,} readings: {row[0]}", *row[1:])
            engine.dispose()
            with contextlib.suppress(FileNotFoundError):
                Path(path, "collector.db").unlink()  # room for the next
    console.print(table)


def _answers(client: TestClient) -> Iterator[tuple[str, str, str, str]]:
    """A row of the table for each question."""
    for since in TIMES:
        url = f"/api/v1/series?sensor=shed/air&from={since}&points={POINTS}"
        seconds, (found,) = _timed(client, url)
        of = f"{found['size'] / 1000:g} s" if found["size"] else "a reading"
        yield since.removeprefix("-"), f"{seconds:.2f}", str(len(found["time"])), of
    seconds, nodes = _timed(client, "/api/v1/nodes")
    yield "the list of all nodes", f"{seconds:.2f}", str(len(nodes)), "a node"


def _timed(client: TestClient, url: str) -> tuple[float, Any]:
    """The longest that an answer took, and the answer."""
    slowest = 0.0
    for _ in range(ASKED):
        began = time.monotonic()
        answer = client.get(url).json()
        slowest = max(slowest, time.monotonic() - began)
    return slowest, answer


class _Year:
    """A year of readings of as many sensors as it takes; the middle one is asked for."""

    def __init__(self, page: Page, readings: int) -> None:
        self._page = page
        self._engine = page.engine
        self._sensors = max(1, round(readings * STEP_MS / YEAR_MS))
        self._each = max(1, readings // self._sensors)
        self._step = YEAR_MS // self._each
        self._begin = now_ms() - self._each * self._step

    def fill(self, name: str, console: Console) -> int:
        """Make them, and their roll-ups; returns how many there are."""
        self._make_sensors()
        with self._connection() as cursor:
            pieces = [*self._pieces(), HOURS.format(sensors=self._sensors), DAYS]
            for piece in track(pieces, f"{name}: a year of readings", console=console):
                cursor.execute(piece)
            now = now_ms()
            for size in (t.HOUR_MS, t.DAY_MS):
                cursor.execute(
                    f"INSERT INTO mark (name, value) VALUES ('rolled {size}', {now - now % size})"
                )
        return self._each * self._sensors

    def _make_sensors(self) -> None:
        """All nodes and sensors, and the partitions of a year."""
        page = self._page
        page.store([page.item(f"petrel/node{number}/status", "online") for number in range(NODES)])
        for number in range(self._sensors):
            middle = number == self._sensors // 2
            page.reading(20, "petrel/shed/air" if middle else f"petrel/node{number}/air")
        for weeks in range(53):
            page.reading(20, "petrel/other/air", time=page.now - weeks * 7 * 86400)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        """A cursor without transactions, and without waiting for the disk."""
        raw = self._engine.raw_connection()
        driver: Any = raw.driver_connection
        cursor = driver.cursor()
        if self._engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA synchronous=OFF")
        else:
            driver.autocommit = True
            cursor.execute("SET synchronous_commit = off")
            cursor.execute("SET work_mem = '256MB'")  # to go through all readings once
        yield cursor
        if self._engine.dialect.name == "postgresql":
            cursor.execute("VACUUM ANALYZE")  # as the server does it by itself in the long run
        raw.invalidate()

    def _pieces(self) -> Iterator[str]:
        """The statements that make the readings: by sensor for SQLite, else by time."""
        about = {"boot": BOOT, "begin": self._begin, "step": self._step}
        if self._engine.dialect.name == "sqlite":
            for sensor in range(1, self._sensors + 1):
                yield SQLITE_READINGS.format(**about, first=0, last=self._each - 1, sensor=sensor)
            return
        for first in range(0, self._each, size := -(-self._each // 100)):
            last = min(first + size, self._each) - 1
            yield POSTGRESQL_READINGS.format(**about, first=first, last=last, sensor=self._sensors)
