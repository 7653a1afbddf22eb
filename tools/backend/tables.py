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

from tools.backend import columns
from tools.backend.columns import KEY, key, names, of_node, text, texts, whole

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


node = Table(
    "node",
    metadata,
    key(),
    *texts("base", "name"),
    text("state", empty=True),  # online, offline; empty: not known
    Column("state_at", BigInteger),
    whole("first_seen"),
    whole("seen"),  # when its last message arrived
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
    key(),
    columns.node(),
    text("name"),  # with its field: air/temperature
    text("unit", empty=True),
    Column("kind", Text, nullable=False, server_default="number"),  # number, switch or text
    UniqueConstraint("node", "name"),
)

# A start of a node, of which readings came with an uptime alone.
boot = Table(
    "boot",
    metadata,
    Column("node", KEY, ForeignKey("node.id"), primary_key=True),
    Column("boot", BigInteger, primary_key=True),
    whole("began"),  # the estimate: no later than this
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
    *(Column(name, Float, nullable=False) for name in ("minimum", "maximum", "mean")),
    whole("count"),
)

# Hours that were rolled up already when another reading came for them.
late = Table(
    "late",
    metadata,
    Column("sensor", KEY, primary_key=True),
    Column("start", BigInteger, primary_key=True),
)

diagnostics = Table("diagnostics", metadata, *of_node(), text("payload"))

# What happened to a node, as its status, its diagnostics and its log tell. level: info, warning
# or error
log = Table("log", metadata, *of_node(nullable=True), *texts("level", "text"))

# Commands that anybody sent, as they were seen at the broker.
command = Table("command", metadata, *of_node(), *texts("name", "payload"))

# ok: null if the reply doesn't say
reply = Table("reply", metadata, *of_node(), *texts("name", "payload"), Column("ok", Boolean))

# Messages that are no reading and nothing else that is known.
unreadable = Table(
    "unreadable",
    metadata,
    key(),
    whole("at"),
    text("topic"),
    Column("payload", LargeBinary, nullable=False),  # the first 64 KB of it
    whole("size"),
    text("reason"),
)

# Numbers that the jobs go on from, such as the hour that is rolled up next.
mark = Table("mark", metadata, *names("name"), whole("value"))

# A release on its way to nodes. phase: running, done or stopped; kept: what the command goes on
# from, as JSON; runner, pid: the command that did last, seen: when it said so; stop: who has asked
# for an end
rollout = Table(
    "rollout",
    metadata,
    key(),
    text("base"),
    whole("serial"),
    text("version", empty=True),
    *texts("kept", "phase"),
    whole("began"),
    whole("seen"),
    text("runner"),
    whole("pid"),
    text("stop", empty=True),
    UniqueConstraint("base", "serial"),
)

rollout_event = Table(
    "rollout_event",
    metadata,
    key(),
    Column("rollout", KEY, ForeignKey("rollout.id"), nullable=False, index=True),
    whole("at"),
    text("by"),
    text("node", empty=True),
    text("text"),
)
