"""The database: made, brought up to date, and read while it is empty."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from tools.backend import queries, tables
from tools.backend.alarms import tables as alarms
from tools.backend.database import open_database
from tools.backend.web import tables as page
from tools.shared.errors import ToolError


def test_migrations_make_the_tables_that_queries_name(engine: sa.Engine) -> None:
    found = sa.inspect(engine)
    every = (tables.metadata, alarms.metadata, page.metadata)
    for table in [table for each in every for table in each.sorted_tables]:
        named = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert named == {column.name: column.nullable for column in table.columns}, table.name


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
