"""Readings as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tools.backend import queries
from tools.backend.database import Row
from tools.shared.errors import ToolError

COLUMNS = ("time", "node", "sensor", "value", "unit")
AT_ONCE = 20_000  # rows that are in RAM


def rows_of(engine: sa.Engine, sensors: Sequence[int], start: int, end: int) -> Iterator[Row]:
    """All readings between two times, sensor by sensor, each in the order of time."""
    with engine.connect() as connection:
        for sensor in sensors:
            yield from queries.readings(connection, [sensor], start, end)


def csv_of(engine: sa.Engine, sensors: Sequence[int], start: int, end: int) -> Iterator[str]:
    """The same as CSV, in pieces of many lines."""
    return _pieces(rows_of(engine, sensors, start, end))


def write_csv(path: Path, engine: sa.Engine, sensors: Sequence[int], start: int, end: int) -> int:
    """Write a CSV file; returns how many readings there are."""
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows_of(engine, sensors, start, end):
            count += 1
            yield row

    with path.open("w", newline="") as file:
        file.writelines(_pieces(counted()))
    return count


def _pieces(rows: Iterator[Row]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for number, row in enumerate(rows):
        value = row["value"] if row["value"] is not None else row["text"]
        cells = (row["node"], row["sensor"], value, row["unit"])
        writer.writerow([moment(row["time"]), *map(_inert, cells)])
        if number % 1000 == 999:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def write_parquet(
    path: Path, engine: sa.Engine, sensors: Sequence[int], start: int, end: int
) -> int:
    """Write a Parquet file with all that is stored of each reading; returns how many there are."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ToolError(
            "Parquet needs pyarrow", "Run: .venv/bin/pip install -r requirements-parquet.txt"
        ) from error
    schema = arrow.schema(
        [
            ("time", arrow.timestamp("ms", tz="UTC")),
            ("node", arrow.string()),
            ("sensor", arrow.string()),
            ("value", arrow.float64()),
            ("text", arrow.string()),
            ("unit", arrow.string()),
            ("source", arrow.int8()),
            ("boot", arrow.int64()),
            ("seq", arrow.int64()),
        ]
    )
    count = 0
    partial = path.with_name(path.name + ".partial")
    try:
        with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in _batches(rows_of(engine, sensors, start, end)):
                writer.write_table(arrow.Table.from_pylist(batch, schema))
                count += len(batch)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def moment(ms: int) -> str:
    """A time as ISO 8601, in UTC."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms / 1000))}.{ms % 1000:03}Z"


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _inert(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + cell
    return cell
