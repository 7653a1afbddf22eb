"""The tables of the alarms. Times are in ms since 1970, as in tools.backend.tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

from tools.backend.tables import KEY

metadata = MetaData()

# Rules made on the page; those of the file are not in the database.
rule = Table(
    "alarm_rule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),  # JSON: the keys that it would have in the file
    Column("enabled", Boolean, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

# Where a rule stands for one sensor or node, if it isn't clear.
state = Table(
    "alarm_state",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("value", Text),  # JSON
    Column("text", Text, nullable=False, server_default=""),
    Column("told", Boolean, nullable=False),
    Column("acknowledged", Text, nullable=False, server_default=""),
)

# What happened, the page's history.
event = Table(
    "alarm_event",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),  # raised, returned, acknowledged, muted, unmuted, ended
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False, server_default=""),
)

# A message to somebody: written with the change it tells of, and sent afterwards.
notice = Table(
    "alarm_notice",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("target", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sent", BigInteger),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next", BigInteger, nullable=False, index=True),  # when to try; null values are no use
    Column("error", Text, nullable=False, server_default=""),
)

mute = Table(
    "alarm_mute",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("subject", Text, primary_key=True),  # empty: all that the rule watches
    Column("until", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
)
