"""Rollouts of releases, and what happened in each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tools.backend.columns import KEY, key, text, texts, whole

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables rollout and rollout_event of tools.backend.tables."""
    op.create_table(
        "rollout",
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
        sa.UniqueConstraint("base", "serial"),
    )
    op.create_table(
        "rollout_event",
        key(),
        sa.Column("rollout", KEY, sa.ForeignKey("rollout.id"), nullable=False, index=True),
        whole("at"),
        text("by"),
        text("node", empty=True),
        text("text"),
    )
