"""Users of the page, their sessions and tokens, what they did, and the alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tools.backend.columns import key, names, text, texts, whole

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of tools.backend.web.tables and tools.backend.alarms.tables."""
    _page()
    _alarms()


def _page() -> None:
    op.create_table("page_user", *names("name"), *texts("hash", "role"), whole("created"))
    user = "page_user.name"
    op.create_table(
        "page_session",
        *names("hash"),
        text("user", sa.ForeignKey(user)),
        text("csrf"),
        whole("created"),
        whole("seen"),
    )
    op.create_table(
        "page_token",
        key(),
        text("user", sa.ForeignKey(user)),
        text("name"),
        text("hash", unique=True),
        text("role"),
        whole("created"),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "page_action",
        key(),
        whole("at", index=True),
        text("user"),
        text("node", empty=True),
        text("what"),
        text("detail", empty=True),
    )


def _alarms() -> None:
    op.create_table(
        "alarm_rule",
        *names("name"),
        text("source"),
        sa.Column("enabled", sa.Boolean, nullable=False),
        text("changed_by"),
        whole("changed"),
    )
    op.create_table(
        "alarm_state",
        *names("rule", "subject"),
        text("phase"),
        whole("since"),
        sa.Column("value", sa.Text),
        text("text", empty=True),
        sa.Column("told", sa.Boolean, nullable=False),
        text("acknowledged", empty=True),
    )
    op.create_table(
        "alarm_event",
        key(),
        whole("at", index=True),
        *texts("rule", "subject", "kind", "text"),
        text("by", empty=True),
    )
    op.create_table(
        "alarm_notice",
        key(),
        whole("at"),
        *texts("target", "kind", "title", "body"),
        sa.Column("sent", sa.BigInteger),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        whole("next", index=True),
        text("error", empty=True),
    )
    op.create_table("alarm_mute", *names("rule", "subject"), whole("until"), text("by"))
