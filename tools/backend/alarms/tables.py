"""The tables of the alarms. Times are in ms since 1970, as in tools.backend.tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

from tools.backend.columns import key, names, text, texts, whole

metadata = MetaData()

# Rules made on the page; those of the file are not in the database.
rule = Table(
    "alarm_rule",
    metadata,
    *names("name"),
    text("source"),  # JSON: the keys that it would have in the file
    Column("enabled", Boolean, nullable=False),
    text("changed_by"),
    whole("changed"),
)

# Where a rule stands for one sensor or node, if it isn't clear.
state = Table(
    "alarm_state",
    metadata,
    *names("rule", "subject"),
    text("phase"),
    whole("since"),
    Column("value", Text),  # JSON
    text("text", empty=True),
    Column("told", Boolean, nullable=False),
    text("acknowledged", empty=True),
)

# What happened, the page's history. kind: raised, returned, acknowledged, muted, unmuted or ended
event = Table(
    "alarm_event",
    metadata,
    key(),
    whole("at", index=True),
    *texts("rule", "subject", "kind", "text"),
    text("by", empty=True),
)

# A message to somebody: written with the change it tells of, and sent afterwards.
notice = Table(
    "alarm_notice",
    metadata,
    key(),
    whole("at"),
    *texts("target", "kind", "title", "body"),
    Column("sent", BigInteger),
    Column("tries", Integer, nullable=False, server_default="0"),
    whole("next", index=True),  # when to try; null values are no use
    text("error", empty=True),
)

# subject: empty for all that the rule watches
mute = Table("alarm_mute", metadata, *names("rule", "subject"), whole("until"), text("by"))
