"""What is stored comes out again: on the terminal, as CSV, as Parquet, for Prometheus."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from tools.backend import jobs, queries
from tools.backend.config import RetentionSection
from tools.backend.database import open_database
from tools.backend.messages import Item, Reading, Told
from tools.backend.prometheus import metrics
from tools.backend.queries import now_ms
from tools.backend.query import command
from tools.backend.store import Store
from tools.backend.tables import BY_NODE, DAY_MS, HOUR_MS
from tools.shared.errors import ToolError
from tools.start import bootstrap

NOW = now_ms()
START = NOW - NOW % DAY_MS - 2 * DAY_MS


def reading(node: str, sensor: str, seq: int, value: float | str) -> Reading:
    number, text = (None, value) if isinstance(value, str) else (value, None)
    at = START + seq * 60_000
    return Reading("petrel", node, sensor, 1, seq, at, BY_NODE, number, text, "C", "number", at)


@pytest.fixture
def filled(engine: sa.Engine) -> sa.Engine:
    """Two nodes with a few hundred readings."""
    items: list[Item] = [reading("shed", "air/temperature", n, n / 4) for n in range(200)]
    items += [reading("house", "air/temperature", n, -n / 4) for n in range(50)]
    items += [reading("house", "mode", 1, "=[bold]wärmen\x1b[31m")]
    content = {"version": "0.1.0", "rssi": -61, "waiting": 2}
    items.append(Told("status", "petrel", "shed", NOW, "online"))
    items.append(Told("diagnostics", "petrel", "shed", NOW, "{}", content=content))
    Store(engine).write(items)
    jobs.run(engine, RetentionSection(), NOW)
    return engine


def run(engine: sa.Engine, *arguments: str, columns: int = 150) -> str:
    url = engine.url.render_as_string(hide_password=False)
    done = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        command, ["--database", url, *arguments], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_nodes_sensors_and_readings_are_shown(filled: sa.Engine) -> None:
    nodes = run(filled)
    heard = r"\d+ (?:s|min) ago"
    assert re.search(rf"shed +│ online +│ {heard} +│ 0\.1\.0 +│ -61 +│ 2 +│ 0 +│ 1 ", nodes), nodes
    sensors = run(filled, "house")
    assert re.search(r"air/temperature +│ -12\.25 +│ C ", sensors), sensors
    assert "=[bold]wärmen\N{REPLACEMENT CHARACTER}[31m" in sensors, "nothing that a terminal obeys"
    readings = run(filled, "shed", "air/*", "--from", "-7d", "--most", "3")
    assert [line.split("│")[4].strip() for line in readings.splitlines()[3:-1]] == [
        "49.25", "49.5", "49.75",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [(), ("shed",), ("shed", "*", "--from", "-7d", "--every", "day")]
)
def test_a_narrow_terminal_cuts_nothing_off(filled: sa.Engine, arguments: list[str]) -> None:
    said = run(filled, *arguments, columns=60)
    assert "…" not in said, said


def test_hours_are_shown_with_minimum_mean_and_maximum(filled: sa.Engine) -> None:
    hours = run(filled, "shed", "air/temperature", "--from", "-7d", "--every", "hour")
    first = [cell.strip() for cell in hours.splitlines()[3].strip("│").split("│")]
    assert first[3:] == ["0", "7.375", "14.75", "60", "C"]


def test_csv_has_every_reading(filled: sa.Engine, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    assert run(filled, "*", "*", "--from", "-7d", "--out", str(out)).startswith("251 readings")
    with out.open(newline="") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["time", "node", "sensor", "value", "unit"]
    assert len(rows) == 251
    assert sum(float(row[3]) for row in rows if row[1] == "shed") == sum(range(200)) / 4


def test_a_text_of_two_lines_is_one_reading(engine: sa.Engine, tmp_path: Path) -> None:
    Store(engine).write([reading("shed", "note", 1, "one\ntwo")])
    out = tmp_path / "x.csv"
    assert run(engine, "*", "*", "--from", "-7d", "--out", str(out)).startswith("1 readings of 1")
    with out.open(newline="") as file:
        assert [row[3] for row in csv.reader(file)] == ["value", "one\ntwo"]


def test_parquet_has_every_reading_with_all_that_is_stored(
    filled: sa.Engine, tmp_path: Path
) -> None:
    out = tmp_path / "x.parquet"
    said = run(filled, "*", "air/*", "--from", "-7d", "--out", str(out))
    assert said.startswith("250 readings of 2 sensors")
    table = pyarrow.parquet.read_table(out)
    assert table.num_rows == 250
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    last = table.filter(pyarrow.compute.field("node") == "shed").to_pylist()[-1]
    assert (last["value"], last["seq"], last["boot"], last["unit"]) == (49.75, 199, 1, "C")
    assert list(tmp_path.glob("*.partial")) == []


def test_what_writes_parquet_is_installed_when_it_is_wanted(
    filled: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def pip(*arguments: str) -> None:
        asked.extend(arguments)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap.Step, "is_done", lambda step: False)
    monkeypatch.setattr(bootstrap.Step, "stamp", tmp_path / "stamp")
    monkeypatch.setattr(bootstrap, "pip", pip)
    run(filled, "*", "air/*", "--from", "-7d", "--out", str(tmp_path / "x.csv"))
    assert asked == []
    said = run(filled, "*", "air/*", "--from", "-7d", "--out", str(tmp_path / "x.parquet"))
    assert asked == ["install", "-r", "requirements-parquet.txt"]
    assert said.startswith("set-up 1/1: Parquet ... in .venv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "nothing is stored of nobody"),
        (("shed", "*", "--from", "yesterday"), "--from or --to: 'yesterday' is"),
        (("shed", "*", "--out", "x.xlsx"), "neither .csv nor .parquet"),
    ],
)
def test_what_cannot_be_shown_says_why(
    filled: sa.Engine, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ToolError, match=words):
        run(filled, *arguments)


def test_prometheus_gets_readings_nodes_and_counts(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        text = metrics(connection, {"stored": 251, "storing": 1.0})
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["petrel_reading", "shed", "air/temperature", "C"] == 49.75
    assert found["petrel_node_up", "shed"] == 1
    assert found["petrel_node_up", "house"] == 0
    assert found["petrel_node_signal_dbm", "shed"] == -61
    assert found["petrel_collector_stored_total",] == 251
    assert found["petrel_collector_storing",] == 1


def test_the_newest_reading_of_a_moment_is_the_last_one(engine: sa.Engine) -> None:
    both = [reading("shed", "air", 1, 10.0), reading("shed", "air", 2, 20.0)]
    both[1].time = both[0].time
    Store(engine).write(both)
    with engine.connect() as connection:
        (sensor,) = queries.all_sensors(connection)
        assert (sensor["value"], sensor["node_name"]) == (20.0, "shed")


def test_a_plot_takes_the_largest_numbers(engine: sa.Engine) -> None:
    Store(engine).write([reading("shed", "air", n, 1.7e308) for n in range(100)])
    with engine.connect() as connection:
        (sensor,) = queries.all_sensors(connection)
        found = queries.rolled(connection, sensor["id"], START, NOW, HOUR_MS)
    assert found.value == pytest.approx([1.7e308, 1.7e308])


def test_no_query_reads_more_than_it_must(tmp_path: Path) -> None:
    """In a table of many millions, all of a sensor's readings are too many to look at."""
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    Store(engine).write([reading("shed", "air", n, 1.0) for n in range(10)])
    asked: list[tuple[str, Any]] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, text: str, values: Any, *_: Any) -> None:
        asked.append((text, values))

    with engine.connect() as connection:
        queries.sensors(connection, 1)
        queries.all_sensors(connection)
        queries.latest(connection, 1, START, NOW, 10)
        queries.series(connection, 1, START, NOW)
        queries.rolled(connection, 1, START, NOW, HOUR_MS)
        list(queries.readings(connection, [1], START, NOW))
        for text, values in [each for each in asked if " reading" in each[0]]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            for step in plan:
                assert "SCAN reading" not in step[3], text
                assert "PRIMARY KEY (sensor=?)" not in step[3], text
    engine.dispose()
