"""The database: a file for SQLite, or a server for PostgreSQL; opened, and brought up to date."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command as alembic
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from tools.shared.errors import ToolError

log = logging.getLogger(__name__)
Row = dict[str, Any]
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x70657472656C  # "petrel", an advisory lock of PostgreSQL
BUSY_MS = 30_000  # how long SQLite waits for another writer


def open_database(url: str) -> sa.Engine:
    """Connect to the database of a URL, and migrate it; raises ToolError if that fails.

    url: sqlite:///collector.db, or postgresql://user:password@host/database
    """
    engine = engine_of(url)
    try:
        migrate(engine)
    except (sa.exc.SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise ToolError(
            f"{shown(url)}: {reason(error)}",
            "Does it exist, may you write there, and does its server run?",
        ) from error
    return engine


def checked_url(url: str) -> sa.URL:
    """The parts of a URL; raises ToolError if it is not that of a database that works."""
    use = "Use sqlite:///collector.db, or postgresql://user:password@host/database."
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ToolError(f"database.url is {url!r}, which is no database URL", use) from error
    kind = parsed.get_backend_name()
    file = kind == "sqlite" and parsed.database and parsed.database != ":memory:"
    if not file and kind != "postgresql":
        raise ToolError(
            f"database.url is {shown(url)!r}; only SQLite files and PostgreSQL work", use
        )
    return parsed


def engine_of(url: str) -> sa.Engine:
    """The engine for a URL; connects to nothing yet. Raises ToolError if the URL is none."""
    parsed = checked_url(url)
    if parsed.get_backend_name() == "postgresql":
        # A server that is gone is noticed, and not after the two hours of TCP's own keep alive.
        alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, **alive},
        )
    assert parsed.database  # or it would have been refused
    Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        parsed.set(drivername="sqlite+pysqlite"), connect_args={"timeout": BUSY_MS / 1000}
    )
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the tables to this program's state; several programs may try at once."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        found = MigrationContext.configure(connection).get_current_revision()
        known = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
        if found is not None and found not in known:
            raise ToolError(
                f"{shown(str(engine.url))}: made by a newer version of Petrel",
                f"Update Petrel here: it knows tables up to {known[0]}, and these are {found}.",
            )
        if found not in (None, known[0]):
            log.info("bringing the database up to date; with many readings this takes minutes")
        config.attributes["connection"] = connection
        alembic.upgrade(config, revision)


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes.

    SQLite's lock is taken at its begin: a transaction that has read already can't get it any more
    if another has written since.
    """
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def all_rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    """What a query finds: each row with its columns by name."""
    return [dict(row) for row in connection.execute(query).mappings()]


def shown(url: str) -> str:
    """A URL without its password, for people."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return url


def reason(error: Exception) -> str:
    """The first line of what a database said."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _set_up_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so, no earlier
    cursor = connection.cursor()
    for left in reversed(range(50)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:  # another program does it: SQLite does not wait here
            if not left:
                raise
            time.sleep(BUSY_MS / 50_000)
    cursor.execute("PRAGMA synchronous=FULL")  # what is committed outlives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
