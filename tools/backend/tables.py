"""The tables that readings are stored in, for SQLite and PostgreSQL.

All times are whole milliseconds since 1970, in UTC. Reading.time is when the reading was taken, as
well as that is known; `source` says how it is known. A reading is identified by its sensor, the
start of the node (boot) and its number (seq): what arrives twice is stored once.

The migrations make these tables; this file is for queries. In PostgreSQL `reading` is partitioned
by time, and `taken` beside it holds the identities, because a partition can't see the others.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

# How the time of a reading is known.
BY_NODE = 0  # the node said it
BY_UPTIME = 1  # the node said its uptime; its start was estimated by the collector
BY_ARRIVAL = 2  # the node gave none, or one that can't be right: it is when the reading arrived

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

metadata = MetaData()


def start_of(time: ColumnElement[int], size: int) -> ColumnElement[int]:
    """The start of the hour or the day of a time, for queries."""
    # No parameter: PostgreSQL takes two of them for different, and refuses to group by one.
    return time - time % literal_column(str(int(size)))


KEY = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there


def _key() -> Column[int]:
    return Column("id", KEY, primary_key=True)


def _of_node(nullable: bool = False) -> tuple[Column[int], ...]:
    """The columns that begin each row about a node: its id, the node, and when."""
    node = Column("node", KEY, ForeignKey("node.id"), nullable=nullable)
    return _key(), node, Column("at", BigInteger, nullable=False)


node = Table(
    "node",
    metadata,
    _key(),
    Column("base", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=""),  # online, offline; empty: not known
    Column("state_at", BigInteger),
    Column("first_seen", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),  # when its last message arrived
    Column("diagnostics", Text),  # the newest, as JSON
    Column("diagnostics_at", BigInteger),
    Column("version", Text),  # from here on: out of the diagnostics
    Column("board", Text),
    Column("mode", Text),
    Column("signal", Float),  # dBm
    Column("waiting", BigInteger),  # readings that wait in the node
    Column("lost", BigInteger),  # messages that the node could not keep, in RAM or on its flash
    Column("refused", BigInteger),
    Column("uptime", Float),
    UniqueConstraint("base", "name"),
)

sensor = Table(
    "sensor",
    metadata,
    _key(),
    Column("node", KEY, ForeignKey("node.id"), nullable=False),
    Column("name", Text, nullable=False),  # with its field: air/temperature
    Column("unit", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False, server_default="number"),  # number, switch or text
    UniqueConstraint("node", "name"),
)

# A start of a node, of which readings came with an uptime alone.
boot = Table(
    "boot",
    metadata,
    Column("node", KEY, ForeignKey("node.id"), primary_key=True),
    Column("boot", BigInteger, primary_key=True),
    Column("began", BigInteger, nullable=False),  # the estimate: no later than this
)

reading = Table(
    "reading",
    metadata,
    Column("sensor", KEY, nullable=False, primary_key=True),
    Column("boot", BigInteger, nullable=False, primary_key=True),
    Column("seq", BigInteger, nullable=False, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("source", Integer, nullable=False),
    Column("value", Float),  # a switch is 0 or 1; null: the value is text, or there is none
    Column("text", Text),
    Column("said", BigInteger),  # the uptime, or the time that can't be right, as the node said it
)

rollup = Table(
    "rollup",
    metadata,
    Column("size", Integer, primary_key=True),  # HOUR_MS or DAY_MS
    Column("sensor", KEY, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("mean", Float, nullable=False),
    Column("count", BigInteger, nullable=False),
)

# Hours that were rolled up already when another reading came for them.
late = Table(
    "late",
    metadata,
    Column("sensor", KEY, primary_key=True),
    Column("start", BigInteger, primary_key=True),
)

diagnostics = Table(
    "diagnostics",
    metadata,
    *_of_node(),
    Column("payload", Text, nullable=False),
)

# What happened to a node, as its status and its diagnostics tell.
log = Table(
    "log",
    metadata,
    *_of_node(nullable=True),
    Column("level", Text, nullable=False),  # info, warning or error
    Column("text", Text, nullable=False),
)

# Commands that anybody sent, as they were seen at the broker.
command = Table(
    "command",
    metadata,
    *_of_node(),
    Column("name", Text, nullable=False),
    Column("payload", Text, nullable=False),
)

reply = Table(
    "reply",
    metadata,
    *_of_node(),
    Column("name", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("ok", Boolean),  # null if the reply doesn't say
)

# Messages that are no reading and nothing else that is known.
unreadable = Table(
    "unreadable",
    metadata,
    _key(),
    Column("at", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the first 64 KB of it
    Column("size", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

# Numbers that the jobs go on from, such as the hour that is rolled up next.
mark = Table(
    "mark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
