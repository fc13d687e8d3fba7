"""The history as it was at first."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, PrimaryKeyConstraint, Text

revision: Final = "0001"
down_revision: Final = None


def _must(name: str, kind: type[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _may(name: str, kind: type[Any]) -> Column[Any]:
    return Column(name, kind, nullable=True)


# The first two columns of each are its key.
_TABLES: Final[dict[str, list[Column[Any]]]] = {
    "activities": [
        _must("account_id", BigInteger),
        _must("activity_id", Text),
        _must("rank", Text),
        _must("event_id", Text),
        _must("phase", Text),
        _may("sequence", BigInteger),
        _must("at_ms", BigInteger),
        _may("began_at_s", BigInteger),
        _may("kind", Text),
        _may("source", Text),
    ],
    "activity_bodies": [
        _must("account_id", BigInteger),
        _must("activity_id", Text),
        _must("rank", Text),
        _must("content", LargeBinary),
    ],
    "events": [
        _must("account_id", BigInteger),
        _must("event_id", Text),
        _must("activity_id", Text),
        _must("phase", Text),
        _may("sequence", BigInteger),
        _must("origin", Text),
        _may("webhook_id", Text),
        _may("occurred_at", Text),
        _must("at_ms", BigInteger),
        _must("partition", Integer),
        _must("offset", BigInteger),
    ],
    "snapshots": [
        _must("account_id", BigInteger),
        _must("event_id", Text),
        _must("at_ms", BigInteger),
        _must("partition", Integer),
        _must("offset", BigInteger),
        _must("content", LargeBinary),
    ],
    "deliveries": [
        _must("account_id", BigInteger),
        _must("delivery_id", Text),
        _must("rank", Text),
        _must("webhook_id", Text),
        _must("event_id", Text),
        _must("activity_id", Text),
        _must("phase", Text),
        _must("status", Text),
        _must("attempts", Integer),
        _must("reruns", Integer),
        _must("deferrals", Integer),
        _must("first_queued_at_ms", BigInteger),
        _must("last_at_ms", BigInteger),
        _must("last_outcome", Text),
        _must("last_reason", Text),
        _may("last_status", Integer),
        _must("next_step", Text),
        _may("next_due_ms", BigInteger),
        _must("is_test", Boolean),
    ],
    "attempts": [
        _must("partition", Integer),
        _must("offset", BigInteger),
        _must("account_id", BigInteger),
        _must("delivery_id", Text),
        _must("webhook_id", Text),
        _may("webhook_version", BigInteger),
        _must("event_id", Text),
        _must("activity_id", Text),
        _must("phase", Text),
        _must("rerun", Integer),
        _must("attempt", Integer),
        _must("deferrals", Integer),
        _must("merged", Integer),
        _must("depth", Integer),
        _must("lane", Text),
        _must("at_ms", BigInteger),
        _must("first_queued_at_ms", BigInteger),
        _may("source_topic", Text),
        _may("source_partition", Integer),
        _may("source_offset", BigInteger),
        _must("outcome", Text),
        _must("reason", Text),
        _must("detail", Text),
        _may("method", Text),
        _may("url", Text),
        _may("status", Integer),
        _may("status_class", Integer),
        _must("timings", Text),
        _must("next_step", Text),
        _may("next_tier", Text),
        _may("next_due_ms", BigInteger),
        _must("is_test", Boolean),
    ],
    "exchanges": [
        _must("partition", Integer),
        _must("offset", BigInteger),
        _must("at_ms", BigInteger),
        _must("content", LargeBinary),
    ],
    "recorder_places": [
        _must("topic", Text),
        _must("partition", Integer),
        _must("next_offset", BigInteger),
    ],
}

# In SQLite a table with large values finds them by number, any other by its key.
_WITH_ROWID: Final = frozenset({"activity_bodies", "snapshots", "exchanges", "recorder_places"})

_INDEXES: Final = (
    ("activities", "account_id", "at_ms"),
    ("activities", "account_id", "began_at_s"),
    ("activities", "at_ms"),
    ("events", "account_id", "activity_id", "at_ms"),
    ("events", "at_ms"),
    ("snapshots", "at_ms"),
    ("deliveries", "account_id", "first_queued_at_ms"),
    ("deliveries", "account_id", "status", "first_queued_at_ms"),
    ("deliveries", "account_id", "webhook_id", "first_queued_at_ms"),
    ("deliveries", "account_id", "webhook_id", "status", "first_queued_at_ms"),
    ("deliveries", "account_id", "activity_id"),
    ("deliveries", "last_at_ms"),
    ("attempts", "account_id", "at_ms"),
    ("attempts", "account_id", "activity_id", "at_ms"),
    ("attempts", "account_id", "webhook_id", "at_ms"),
    ("attempts", "account_id", "webhook_id", "status", "at_ms"),
    ("attempts", "account_id", "webhook_id", "status_class", "at_ms"),
    ("attempts", "account_id", "delivery_id", "at_ms"),
    ("attempts", "at_ms"),
    ("exchanges", "at_ms"),
)


def upgrade() -> None:
    """Make the tables and their indexes."""
    for name, columns in _TABLES.items():
        key = PrimaryKeyConstraint(*(it.name for it in columns[:2]), name=f"pk_{name}")
        op.create_table(name, *columns, key, sqlite_with_rowid=name in _WITH_ROWID)
    for table, *columns_of_index in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns_of_index)}", table, columns_of_index)
