"""Nodes, sensors, readings, their roll-ups, and what else nodes publish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

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
        _key(),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("state_at", sa.BigInteger),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("diagnostics", sa.Text),
        sa.Column("diagnostics_at", sa.BigInteger),
        sa.Column("version", sa.Text),
        sa.Column("board", sa.Text),
        sa.Column("mode", sa.Text),
        sa.Column("signal", sa.Float),
        sa.Column("waiting", sa.BigInteger),
        sa.Column("lost", sa.BigInteger),
        sa.Column("refused", sa.BigInteger),
        sa.Column("uptime", sa.Float),
        sa.UniqueConstraint("base", "name"),
    )
    op.create_table(
        "sensor",
        _key(),
        _node(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False, server_default=""),
        sa.Column("kind", sa.Text, nullable=False, server_default="number"),
        sa.UniqueConstraint("node", "name"),
    )
    op.create_table(
        "boot",
        sa.Column("node", _Key, sa.ForeignKey("node.id"), primary_key=True),
        sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("began", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rollup",
        sa.Column("size", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sensor", _Key, primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("minimum", sa.Float, nullable=False),
        sa.Column("maximum", sa.Float, nullable=False),
        sa.Column("mean", sa.Float, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "late",
        sa.Column("sensor", _Key, primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_table("diagnostics", _key(), _node(), _at(), _text("payload"))
    op.create_table("log", _key(), _node(nullable=True), _at(), _text("level"), _text("text"))
    op.create_table("command", _key(), _node(), _at(), _text("name"), _text("payload"))
    op.create_table(
        "reply",
        _key(),
        _node(),
        _at(),
        _text("name"),
        _text("payload"),
        sa.Column("ok", sa.Boolean),
    )
    op.create_table(
        "unreadable",
        _key(),
        _at(),
        _text("topic"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        _text("reason"),
    )
    op.create_table(
        "mark",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
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


def _key() -> sa.Column[int]:
    return sa.Column("id", _Key, primary_key=True)


def _node(nullable: bool = False) -> sa.Column[int]:
    return sa.Column("node", _Key, sa.ForeignKey("node.id"), nullable=nullable)


def _at() -> sa.Column[int]:
    return sa.Column("at", sa.BigInteger, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
