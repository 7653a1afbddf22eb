"""Alembic's side of a migration: it runs on the connection that database.migrate() hands it."""

from __future__ import annotations

from alembic import context

from tools.backend.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
