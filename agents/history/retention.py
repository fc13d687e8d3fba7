"""What is old is removed, a little at a time, so that nobody waits long for the database.

Bodies go first: they are most of the size, and hold what customers' callers have said. The latest
snapshot of an activity stays as long as the activity itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table, delete, select, tuple_

from agents.history.tables import (
    ACTIVITIES,
    ACTIVITY_BODIES,
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    EXCHANGES,
    INBOUND,
    INBOUND_BODIES,
    SNAPSHOTS,
)
from pipeline.settings import Settings

# Some milliseconds of work, during which SQLite lets nobody else write.
ROWS_MAX: Final = 500

_DAY_MS: Final = 24 * 60 * 60 * 1_000

_BODIES: Final = (SNAPSHOTS, EXCHANGES, INBOUND_BODIES)
# The column that says a row's age, and what goes with the row.
_AGES: Final = {DELIVERIES: "last_at_ms"}
_WITH: Final = {ACTIVITIES: (ACTIVITY_BODIES,)}
TABLES: Final = (*_BODIES, ATTEMPTS, DELIVERIES, EVENTS, ACTIVITIES, INBOUND)


def expiries(settings: Settings, now_ms: int) -> Iterator[tuple[Table, int]]:
    """Each table with the time before which its rows are removed. No body outlives its attempt."""
    bodies_days = min(settings.bodies_days, settings.attempts_days)
    for table in TABLES:
        days = bodies_days if table in _BODIES else settings.attempts_days
        yield table, now_ms - days * _DAY_MS


def remove_expired(connection: Connection, table: Table, before_ms: int) -> int:
    """Remove the oldest rows from before a time, up to `ROWS_MAX`; how many there were."""
    age = table.c[_AGES.get(table, "at_ms")]
    oldest = (
        select(*table.primary_key)
        .where(age < before_ms)
        .order_by(age)
        .limit(ROWS_MAX)
        # In PostgreSQL another recorder may be at it, or about to make one of them new again.
        .with_for_update(skip_locked=True)
    )
    keys = [tuple(row) for row in connection.execute(oldest)]
    if keys:
        for each in (*_WITH.get(table, ()), table):
            connection.execute(delete(each).where(tuple_(*each.primary_key).in_(keys)))
    return len(keys)
