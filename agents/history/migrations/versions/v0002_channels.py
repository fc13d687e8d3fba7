"""Emails and texts beside requests, and which trigger and which replay asked for what."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import Column, Text, text

revision: Final = "0002"
down_revision: Final = "0001"


def _columns() -> tuple[Column[Any], ...]:
    return (
        Column("channel", Text, nullable=False, server_default="webhook"),
        Column("trigger_id", Text, nullable=True),
        Column("replay_id", Text, nullable=True),
    )


def upgrade() -> None:
    """Add the columns; what is there already went to webhooks, and began by itself."""
    for table in ("deliveries", "attempts"):
        for column in _columns():
            op.add_column(table, column)
    op.add_column("events", Column("trigger_id", Text, nullable=True))
    op.add_column("events", Column("chain", Text, nullable=False, server_default=""))
    of_a_replay = text("replay_id IS NOT NULL")
    op.create_index(
        "ix_deliveries_account_id_replay_id",
        "deliveries",
        ["account_id", "replay_id"],
        sqlite_where=of_a_replay,
        postgresql_where=of_a_replay,
    )
