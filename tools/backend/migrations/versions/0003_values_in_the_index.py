"""PostgreSQL's index of time holds the values too, as SQLite's does: a plot reads nothing else.

The readings of a sensor lie far apart, each in a page with those of all others. PostgreSQL does
without these pages only where it has noted that everybody may see all their rows. Its vacuum
notes that, usually after a fifth of a table is new: of a month that is a week, which a plot of
30 days would have to collect.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

PARTITIONS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass
"""
PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = 'reading'::regclass"


def upgrade() -> None:
    """Make that index; with a hundred million readings it takes minutes."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    op.execute("DROP INDEX reading_time")
    op.execute("CREATE INDEX reading_time ON reading (sensor, time) INCLUDE (value)")
    if connection.scalar(sa.text(PARTITIONED)):
        for name in list(connection.scalars(sa.text(PARTITIONS))):
            op.execute(f"ALTER TABLE {name} SET (autovacuum_vacuum_insert_scale_factor = 0.02)")
