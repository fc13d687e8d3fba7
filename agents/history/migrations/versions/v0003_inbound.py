"""Requests to sources, and what they held."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, PrimaryKeyConstraint, Text

revision: Final = "0003"
down_revision: Final = "0002"


def _must(name: str, kind: type[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _may(name: str, kind: type[Any]) -> Column[Any]:
    return Column(name, kind, nullable=True)


# The first two columns of each are its key.
_TABLES: Final[dict[str, list[Column[Any]]]] = {
    "inbound": [
        _must("account_id", BigInteger),
        _must("inbound_id", Text),
        _must("source_id", Text),
        _may("source_version", BigInteger),
        _must("at_ms", BigInteger),
        _must("method", Text),
        _must("content_type", Text),
        _must("body_bytes", BigInteger),
        _must("cut", Boolean),
        _may("remote", Text),
        _must("outcome", Text),
        _must("reason", Text),
        _must("faults", Text),
        _may("activity_id", Text),
        _must("event_ids", Text),
        _may("remapped_from", Text),
    ],
    "inbound_bodies": [
        _must("account_id", BigInteger),
        _must("inbound_id", Text),
        _must("at_ms", BigInteger),
        _must("content", LargeBinary),
    ],
}

# In SQLite a table with large values finds them by number, any other by its key.
_WITH_ROWID: Final = frozenset({"inbound_bodies"})

_INDEXES: Final = (
    ("inbound", "account_id", "at_ms"),
    ("inbound", "account_id", "source_id", "at_ms"),
    ("inbound", "account_id", "outcome", "at_ms"),
    ("inbound", "account_id", "activity_id"),
    ("inbound", "account_id", "remapped_from"),
    ("inbound", "at_ms"),
    ("inbound_bodies", "at_ms"),
)


def upgrade() -> None:
    """Make the tables and their indexes."""
    for name, columns in _TABLES.items():
        key = PrimaryKeyConstraint(*(it.name for it in columns[:2]), name=f"pk_{name}")
        op.create_table(name, *columns, key, sqlite_with_rowid=name in _WITH_ROWID)
    for table, *columns_of_index in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns_of_index)}", table, columns_of_index)
