"""The database: made, brought up to date, and read while it is empty."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from tools.backend import queries
from tools.backend import tables as t
from tools.backend.alarms import tables as alarms
from tools.backend.database import engine_of, migrate, open_database, writing
from tools.backend.messages import Reading
from tools.backend.store import Store
from tools.backend.web import tables as page
from tools.shared.errors import ToolError


def test_migrations_make_the_tables_that_queries_name(engine: sa.Engine) -> None:
    found = sa.inspect(engine)
    every = (t.metadata, alarms.metadata, page.metadata)
    for table in [table for each in every for table in each.sorted_tables]:
        named = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert named == {column.name: column.nullable for column in table.columns}, table.name


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_older_database_is_brought_up_to_date_with_its_readings(
    url: str, revision: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    engine = engine_of(url)
    migrate(engine, revision)
    _store(engine, 3)
    assert "up to date" not in caplog.text
    engine.dispose()
    engine = open_database(url)
    assert "bringing the database up to date" in caplog.text
    with engine.connect() as connection:
        assert queries.raw(connection, 1, 0, queries.now_ms()).value == [0, 1, 2]
        assert _reads_the_index_alone(connection)
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    engine = open_database(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(ToolError, match="made by a newer version of Petrel") as refused:
        open_database(url)
    assert "Update Petrel" in refused.value.hint


def test_a_plot_reads_the_index_alone(engine: sa.Engine) -> None:
    """A sensor's readings lie far apart: to collect a month of them takes seconds."""
    _store(engine, 3)
    with engine.connect() as connection:
        assert _reads_the_index_alone(connection)


def _store(engine: sa.Engine, readings: int) -> None:
    now = queries.now_ms() - readings
    Store(engine).write(
        [
            Reading(
                "petrel", "a", "air", 1, seq, now + seq, t.BY_NODE, seq, None, "C", "number", now
            )
            for seq in range(readings)
        ]
    )


def _reads_the_index_alone(connection: sa.Connection) -> bool:
    """Whether the database would answer what a plot asks without the table of readings."""
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:  # which otherwise reads the whole of a small table
        connection.exec_driver_sql("SET enable_seqscan = off")
        connection.exec_driver_sql("SET enable_bitmapscan = off")
    query = queries.rolling(1, 0, queries.now_ms(), t.HOUR_MS)
    text = query.compile(connection, compile_kwargs={"literal_binds": True})
    plan = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' if sqlite else ''} {text}")
    said = "\n".join(str(row) for row in plan)
    return "COVERING INDEX" in said if sqlite else "Index Only Scan" in said


def test_several_programs_may_open_a_new_database_at_once(url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        engines = list(threads.map(open_database, [url] * 4))
    with engines[0].connect() as connection:
        assert queries.nodes(connection) == []
        assert queries.node(connection, "nobody") is None
        assert queries.series(connection, 1, 0, 10**12).time == []
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("collector.db", "is no database URL"),
        ("mysql://root:secret@host/x", r"only SQLite files and PostgreSQL work"),
        ("sqlite://", "only SQLite files and PostgreSQL work"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_what_can(url: str, words: str) -> None:
    with pytest.raises(ToolError, match=words) as refused:
        open_database(url)
    assert "secret" not in refused.value.message
    assert "sqlite:///collector.db" in refused.value.hint


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database\n" * 100)
    with pytest.raises(ToolError, match=r"x\.db: file is not a database"):
        open_database(f"sqlite:///{tmp_path}/x.db")
