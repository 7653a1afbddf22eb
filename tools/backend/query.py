"""`query`: what the database has, on the terminal or into a file."""

from __future__ import annotations

import fnmatch
import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from tools.backend import export, queries
from tools.backend.config import load
from tools.backend.database import open_database
from tools.backend.tables import DAY_MS, HOUR_MS
from tools.backend.web.times import parsed
from tools.shared.errors import ToolError
from tools.shared.paths import VENV
from tools.start import bootstrap

PARQUET = "requirements-parquet.txt"
SIZES = {"raw": 0, "hour": HOUR_MS, "day": DAY_MS}


@click.command()
@click.argument("node", default="")
@click.argument("sensor", default="")
@click.option("--from", "start", default="-24h", show_default=True, help="-24h, or ISO 8601")
@click.option("--to", "end", default="now", show_default=True, help="the same")
@click.option(
    "--every", type=click.Choice(list(SIZES)), default="raw", show_default=True,
    help="readings, or minimum, mean and maximum of each hour or day",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path),
    help="write the readings into a file: .csv or .parquet",
)  # fmt: skip
@click.option("--most", type=click.IntRange(min=1), default=100, show_default=True, help="lines")
@click.option(
    "--config", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="the collector's config, for its database",
)  # fmt: skip
@click.option("--database", help="the database's URL; instead of the config's")
def command(
    node: str, sensor: str, start: str, end: str, every: str, out: Path | None, most: int,
    path: Path | None, database: str | None,
) -> None:  # fmt: skip
    """Show what is stored: all nodes, the sensors of a NODE, or the readings of its SENSOR.

    NODE and SENSOR may have * in them: petrel query '*' 'air/*' --out air.csv
    """
    begin, until = _times(start, end)
    engine = open_database(database or load(path).database.url)
    try:
        if out:
            _write(engine, out, node or "*", sensor or "*", begin, until)
            return
        with engine.connect() as connection:
            if not node:
                table = _nodes(connection)
            elif not sensor:
                table = _sensors(connection, node)
            else:
                found = _matching(connection, node, sensor)
                table = _readings(connection, found, begin, until, SIZES[every], most)
        Console().print(table)
    finally:
        engine.dispose()


def _times(start: str, end: str) -> tuple[int, int]:
    try:
        return parsed(start), parsed(end)
    except ValueError as error:
        raise ToolError(f"--from or --to: {error}", "For example --from -7d --to now") from error


def _matching(connection: sa.Connection, node: str, sensor: str) -> list[dict[str, Any]]:
    """The sensors whose names fit; raises ToolError if there is none."""
    found = [
        row
        for row in queries.all_sensors(connection)
        if fnmatch.fnmatchcase(row["node_name"], node) and fnmatch.fnmatchcase(row["name"], sensor)
    ]
    if not found:
        raise ToolError(
            f"nothing is stored of {node}" + ("" if sensor == "*" else f", sensor {sensor}"),
            "petrel query lists the nodes there are.",
        )
    return found


def _write(engine: sa.Engine, out: Path, node: str, sensor: str, start: int, end: int) -> None:
    with engine.connect() as connection:
        ids = [row["id"] for row in _matching(connection, node, sensor)]
    if out.suffix == ".parquet":
        _fetch_parquet()
        count = export.write_parquet(out, engine, ids, start, end)
    elif out.suffix == ".csv":
        count = export.write_csv(out, engine, ids, start, end)
    else:
        raise ToolError(
            f"--out: {out} is neither .csv nor .parquet", "Give the file one of these endings."
        )
    click.echo(f"{count} readings of {len(ids)} sensor{'s' * (len(ids) != 1)} are in {out}")


def _fetch_parquet() -> None:
    """Install what writes Parquet, which is large, for those who want it."""
    if importlib.util.find_spec("pyarrow"):
        return

    def install() -> str:
        bootstrap.pip("install", "-r", PARQUET)
        importlib.invalidate_caches()
        return f"in {VENV.name}"

    made = Path(sysconfig.get_path("platlib")) / "pyarrow"
    bootstrap.do([bootstrap.Step("Parquet", bootstrap.digest(PARQUET), (made,), install)])


def _table(*names: str) -> Table:
    """A table that breaks in a narrow terminal what is too long, and cuts nothing off."""
    return Table(*(Column(name, overflow="fold") for name in names))


def _nodes(connection: sa.Connection) -> Table:
    table = _table("node", "state", "heard", "version", "signal", "waiting", "lost", "sensors")
    for row in queries.nodes(connection):
        cells = (row["state"] or "?", _ago(row["seen"]), row["version"], row["signal"],
                 row["waiting"], row["lost"], row["sensors"])  # fmt: skip
        table.add_row(row["name"], *map(_shown, cells))
    return table


def _sensors(connection: sa.Connection, node: str) -> Table:
    table = _table("node", "sensor", "value", "unit", "taken")
    for row in _matching(connection, node, "*"):
        taken = export.moment(row["time"]) if row["time"] is not None else ""
        table.add_row(row["node_name"], row["name"], _value(row), row["unit"], taken)
    return table


def _readings(
    connection: sa.Connection, found: list[dict[str, Any]], start: int, end: int, size: int,
    most: int,
) -> Table:  # fmt: skip
    """The newest lines of each sensor, the newest last."""
    head = ("value",) if size == 0 else ("minimum", "mean", "maximum", "count")
    table = _table("node", "sensor", "time", *head, "unit")
    for sensor in found:
        lines: list[tuple[int, tuple[str, ...]]]
        if size == 0:
            rows = queries.latest(connection, sensor["id"], start, end, most)
            lines = [(row["time"], (_value(row),)) for row in rows]
        else:
            series = queries.rolled(connection, sensor["id"], start, end, size)
            columns = zip(series.low, series.value, series.high, series.count, strict=True)
            cells = [tuple(map(_shown, row)) for row in columns]
            lines = list(zip(series.time, cells, strict=True))[-most:]
        for when, shown in lines:
            table.add_row(sensor["node_name"], sensor["name"], export.moment(when), *shown,
                          sensor["unit"])  # fmt: skip
    return table


def _ago(moment: int) -> str:
    """How long ago that was, as the page says it."""
    seconds = max(0, queries.now_ms() - moment) // 1000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)} {unit} ago"
    return f"{seconds} s ago"


def _value(row: dict[str, Any]) -> str:
    return _shown(row["value"] if row["text"] is None else row["text"])


def _shown(value: Any) -> str:
    """A cell; what comes from outside has no control characters in it."""
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return escape(text)
