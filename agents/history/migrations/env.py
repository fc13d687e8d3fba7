"""Run by Alembic: take the steps in the transaction that `agents.history.schema` has begun."""

from __future__ import annotations

from alembic import context

from agents.history.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite's too, for the transaction is begun by us
)
context.run_migrations()
