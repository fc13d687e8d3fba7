"""The tables of the history. Migrations make them; a test holds the two against each other.

Times are milliseconds since the epoch unless a name says `_s`. `partition` and `offset` say where
the record lies from which a row was made. A `rank` is a text that sorts as the records of one thing
are to be believed: the row is that of the record with the greatest, in whatever order they came.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)


def _key(name: str, kind: type[BigInteger | Integer | Text]) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _field(name: str, kind: type[BigInteger | Integer | Text]) -> Column[object]:
    return Column(name, kind, nullable=False)


_OF_A_REPLAY: Final = "replay_id IS NOT NULL"


def _of_channel() -> tuple[Column[object], ...]:
    """By which way it went out, and which trigger and which replay asked for it."""
    return (
        Column("channel", Text, nullable=False, server_default="webhook"),
        Column("trigger_id", Text),
        Column("replay_id", Text),
    )


# The latest snapshot of each activity, but for its content. `began_at_s` is its `unix_time`, none
# where it has no such time; `kind` its `direction`; `event_id` the event that brought the snapshot.
ACTIVITIES: Final = Table(
    "activities",
    METADATA,
    _key("account_id", BigInteger),
    _key("activity_id", Text),
    _field("rank", Text),
    _field("event_id", Text),
    _field("phase", Text),
    Column("sequence", BigInteger),
    _field("at_ms", BigInteger),
    Column("began_at_s", BigInteger),
    Column("kind", Text),
    Column("source", Text),
    Index(None, "account_id", "at_ms"),
    Index(None, "account_id", "began_at_s"),
    Index(None, "at_ms"),
    sqlite_with_rowid=False,
)

# That content, kept as long as the activity: resource links and later requests need it.
ACTIVITY_BODIES: Final = Table(
    "activity_bodies",
    METADATA,
    _key("account_id", BigInteger),
    _key("activity_id", Text),
    _field("rank", Text),
    Column("content", LargeBinary, nullable=False),
)

# Every event, by its first record: a resend is the same event. `webhook_id` or `trigger_id` is what
# a `route` runs; `chain` has a space between its links.
EVENTS: Final = Table(
    "events",
    METADATA,
    _key("account_id", BigInteger),
    _key("event_id", Text),
    _field("activity_id", Text),
    _field("phase", Text),
    Column("sequence", BigInteger),
    _field("origin", Text),
    Column("webhook_id", Text),
    Column("trigger_id", Text),
    Column("chain", Text, nullable=False, server_default=""),
    Column("occurred_at", Text),
    _field("at_ms", BigInteger),
    _field("partition", Integer),
    _field("offset", BigInteger),
    Index(None, "account_id", "activity_id", "at_ms"),
    Index(None, "at_ms"),
    sqlite_with_rowid=False,
)

# The activity as each event had it; gone sooner than the event.
SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    _key("account_id", BigInteger),
    _key("event_id", Text),
    _field("at_ms", BigInteger),
    _field("partition", Integer),
    _field("offset", BigInteger),
    Column("content", LargeBinary, nullable=False),
    Index(None, "at_ms"),
)

# How far each delivery has come, by the record that counts most. `status` is one of
# pipeline.history.Status; `attempts` counts requests of the newest run; `last_status` is HTTP's, or
# SMTP's of an email. A message's `webhook_id` is that of the webhook that fails, or empty.
DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    _key("account_id", BigInteger),
    _key("delivery_id", Text),
    _field("rank", Text),
    _field("webhook_id", Text),
    _field("event_id", Text),
    _field("activity_id", Text),
    _field("phase", Text),
    _field("status", Text),
    _field("attempts", Integer),
    _field("reruns", Integer),
    _field("deferrals", Integer),
    _field("first_queued_at_ms", BigInteger),
    _field("last_at_ms", BigInteger),
    _field("last_outcome", Text),
    _field("last_reason", Text),
    Column("last_status", Integer),
    _field("next_step", Text),
    Column("next_due_ms", BigInteger),
    Column("is_test", Boolean, nullable=False),
    *_of_channel(),
    Index(None, "account_id", "first_queued_at_ms"),
    Index(None, "account_id", "status", "first_queued_at_ms"),
    Index(None, "account_id", "webhook_id", "first_queued_at_ms"),
    Index(None, "account_id", "webhook_id", "status", "first_queued_at_ms"),
    Index(None, "account_id", "activity_id"),
    Index(None, "last_at_ms"),
    # Few deliveries are of a replay.
    Index(
        "ix_deliveries_account_id_replay_id",
        "account_id",
        "replay_id",
        sqlite_where=text(_OF_A_REPLAY),
        postgresql_where=text(_OF_A_REPLAY),
    ),
    sqlite_with_rowid=False,
)

# Every record of the attempts topic, one row each. `status` is HTTP's, none without an answer, and
# `status_class` its first digit; `timings` is JSON; `source_*` says where the job was read, none of
# it for a test.
ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    _key("partition", Integer),
    _key("offset", BigInteger),
    _field("account_id", BigInteger),
    _field("delivery_id", Text),
    _field("webhook_id", Text),
    Column("webhook_version", BigInteger),
    _field("event_id", Text),
    _field("activity_id", Text),
    _field("phase", Text),
    _field("rerun", Integer),
    _field("attempt", Integer),
    _field("deferrals", Integer),
    _field("merged", Integer),
    _field("depth", Integer),
    _field("lane", Text),
    _field("at_ms", BigInteger),
    _field("first_queued_at_ms", BigInteger),
    Column("source_topic", Text),
    Column("source_partition", Integer),
    Column("source_offset", BigInteger),
    _field("outcome", Text),
    _field("reason", Text),
    _field("detail", Text),
    Column("method", Text),
    Column("url", Text),
    Column("status", Integer),
    Column("status_class", Integer),
    _field("timings", Text),
    _field("next_step", Text),
    Column("next_tier", Text),
    Column("next_due_ms", BigInteger),
    Column("is_test", Boolean, nullable=False),
    *_of_channel(),
    Index(None, "account_id", "at_ms"),
    Index(None, "account_id", "activity_id", "at_ms"),
    Index(None, "account_id", "webhook_id", "at_ms"),
    Index(None, "account_id", "webhook_id", "status", "at_ms"),
    Index(None, "account_id", "webhook_id", "status_class", "at_ms"),
    Index(None, "account_id", "delivery_id", "at_ms"),
    Index(None, "at_ms"),
    sqlite_with_rowid=False,
)

# The request and the response of an attempt as JSON, compressed; gone sooner than the attempt.
EXCHANGES: Final = Table(
    "exchanges",
    METADATA,
    _key("partition", Integer),
    _key("offset", BigInteger),
    _field("at_ms", BigInteger),
    Column("content", LargeBinary, nullable=False),
    Index(None, "at_ms"),
)

# Every request to a source that was known, taken in or refused. `faults` and `event_ids` are JSON.
INBOUND: Final = Table(
    "inbound",
    METADATA,
    _key("account_id", BigInteger),
    _key("inbound_id", Text),
    _field("source_id", Text),
    Column("source_version", BigInteger),
    _field("at_ms", BigInteger),
    _field("method", Text),
    _field("content_type", Text),
    _field("body_bytes", BigInteger),
    Column("cut", Boolean, nullable=False),
    Column("remote", Text),
    _field("outcome", Text),
    _field("reason", Text),
    _field("faults", Text),
    Column("activity_id", Text),
    _field("event_ids", Text),
    Column("remapped_from", Text),
    Index(None, "account_id", "at_ms"),
    Index(None, "account_id", "source_id", "at_ms"),
    Index(None, "account_id", "outcome", "at_ms"),
    Index(None, "account_id", "activity_id"),
    Index(None, "account_id", "remapped_from"),
    Index(None, "at_ms"),
    sqlite_with_rowid=False,
)

# What such a request held, as JSON, compressed: query, headers and body; gone sooner than the rest.
INBOUND_BODIES: Final = Table(
    "inbound_bodies",
    METADATA,
    _key("account_id", BigInteger),
    _key("inbound_id", Text),
    _field("at_ms", BigInteger),
    Column("content", LargeBinary, nullable=False),
    Index(None, "at_ms"),
)

# How far the recorder has come, written in the transaction that brought it there.
RECORDER_PLACES: Final = Table(
    "recorder_places",
    METADATA,
    _key("topic", Text),
    _key("partition", Integer),
    _field("next_offset", BigInteger),
)
