"""Nodes, sensors, readings, their roll-ups, and what else nodes publish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tools.backend.columns import KEY, key, names, node, of_node, text, texts, whole

revision = "0001"
down_revision = None

# The value stands in the index of time as well: a plot reads nothing else.
SQLITE = """
CREATE TABLE reading (
  sensor INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
  source INTEGER NOT NULL, value REAL, text TEXT, said INTEGER,
  PRIMARY KEY (sensor, boot, seq)) WITHOUT ROWID;
CREATE INDEX reading_time ON reading (sensor, time, value);
"""
POSTGRESQL = """
CREATE TABLE taken (
  sensor BIGINT NOT NULL, boot BIGINT NOT NULL, seq BIGINT NOT NULL,
  PRIMARY KEY (sensor, boot, seq));
CREATE TABLE reading (
  sensor BIGINT NOT NULL, boot BIGINT NOT NULL, seq BIGINT NOT NULL, time BIGINT NOT NULL,
  source SMALLINT NOT NULL, value DOUBLE PRECISION, text TEXT, said BIGINT) {partitions};
CREATE INDEX reading_time ON reading (sensor, time);
CREATE VIEW readings AS
  SELECT to_timestamp(reading.time / 1000.0) AS time, node.name AS node, sensor.name AS sensor,
    reading.value, reading.text, sensor.unit
  FROM reading JOIN sensor ON sensor.id = reading.sensor JOIN node ON node.id = sensor.node;
"""
WEEK_MS = 7 * 24 * 3_600_000


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "node",
        key(),
        *texts("base", "name"),
        text("state", empty=True),
        sa.Column("state_at", sa.BigInteger),
        whole("first_seen"),
        whole("seen"),
        sa.Column("diagnostics", sa.Text),
        sa.Column("diagnostics_at", sa.BigInteger),
        *(sa.Column(name, sa.Text) for name in ("version", "board", "mode")),
        sa.Column("signal", sa.Float),
        *(sa.Column(name, sa.BigInteger) for name in ("waiting", "lost", "refused")),
        sa.Column("uptime", sa.Float),
        sa.UniqueConstraint("base", "name"),
    )
    op.create_table(
        "sensor",
        key(),
        node(),
        text("name"),
        text("unit", empty=True),
        sa.Column("kind", sa.Text, nullable=False, server_default="number"),
        sa.UniqueConstraint("node", "name"),
    )
    op.create_table(
        "boot",
        sa.Column("node", KEY, sa.ForeignKey("node.id"), primary_key=True),
        sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
        whole("began"),
    )
    op.create_table(
        "rollup",
        sa.Column("size", sa.Integer, primary_key=True, autoincrement=False),
        *_sensor_and_start(),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("minimum", "maximum", "mean")),
        whole("count"),
    )
    op.create_table("late", *_sensor_and_start())
    op.create_table("diagnostics", *of_node(), text("payload"))
    op.create_table("log", *of_node(nullable=True), *texts("level", "text"))
    op.create_table("command", *of_node(), *texts("name", "payload"))
    op.create_table("reply", *of_node(), *texts("name", "payload"), sa.Column("ok", sa.Boolean))
    op.create_table(
        "unreadable",
        key(),
        whole("at"),
        text("topic"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        whole("size"),
        text("reason"),
    )
    op.create_table("mark", *names("name"), whole("value"))
    for table in ("diagnostics", "log", "command", "reply"):
        op.create_index(f"{table}_at", table, ["node", "at"])
    if op.get_bind().dialect.name == "sqlite":
        _run(SQLITE)
    else:
        _postgresql()


def _postgresql() -> None:
    """Readings in partitions of time: those of TimescaleDB where it is, else PostgreSQL's own."""
    hyper = op.get_bind().scalar(
        sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
    )
    _run(POSTGRESQL.format(partitions="" if hyper else "PARTITION BY RANGE (time)"))
    if hyper:
        _run(
            "SELECT create_hypertable('reading', 'time', create_default_indexes => false,"
            f" chunk_time_interval => {WEEK_MS}::bigint)"
        )


def _run(statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            op.execute(sa.text(statement))


def _sensor_and_start() -> list[sa.Column[int]]:
    """An hour or a day of a sensor."""
    return [
        sa.Column("sensor", KEY, primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    ]
