"""Writing to the history: rows that say by themselves which of two counts, and how far we came.

Rows and places are written in one transaction, so the history always is what the records up to its
places make of it. Writing a record again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Insert, Table, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from agents.history.tables import (
    ACTIVITIES,
    ACTIVITY_BODIES,
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    EXCHANGES,
    INBOUND,
    INBOUND_BODIES,
    RECORDER_PLACES,
    SNAPSHOTS,
)
from pipeline.history import AttemptRows, EventRows, Row, greatest
from pipeline.inbound_history import InboundRows

# A topic, with prefix, and one of its partitions.
Partition: TypeAlias = tuple[str, int]
Places: TypeAlias = Mapping[Partition, int]

_Insert: TypeAlias = Callable[[Table], Any]

_IN_TURN: Final = (
    *(ACTIVITIES, ACTIVITY_BODIES, EVENTS, SNAPSHOTS),
    *(DELIVERIES, ATTEMPTS, EXCHANGES, INBOUND, INBOUND_BODIES),
)
_RANKED: Final = frozenset({ACTIVITIES, ACTIVITY_BODIES, DELIVERIES})
_FIRST: Final = frozenset({EVENTS, SNAPSHOTS})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to be written together, by their table."""

    of: dict[Table, list[Row]] = field(default_factory=lambda: {table: [] for table in _IN_TURN})

    def add(self, rows: EventRows | AttemptRows | InboundRows) -> None:
        """Take the rows of a record in."""
        if isinstance(rows, EventRows):
            self.of[ACTIVITIES].append(rows.activity)
            self.of[ACTIVITY_BODIES].append(rows.activity_body)
            self.of[EVENTS].append(rows.event)
            self.of[SNAPSHOTS].append(rows.snapshot)
            return
        if isinstance(rows, InboundRows):
            self.of[INBOUND].append(rows.inbound)
            self.of[INBOUND_BODIES].append(rows.body)
            return
        self.of[ATTEMPTS].append(rows.attempt)
        self.of[DELIVERIES].append(rows.delivery)
        if rows.exchange is not None:
            self.of[EXCHANGES].append(rows.exchange)


class PlacesMovedError(Exception):
    """The history stands elsewhere than we left it: it was emptied, or another recorder goes on."""


def write(connection: Connection, rows: Rows, reached: Places, expected: Places) -> None:
    """Write rows, and that all before `reached` is written.

    Raises `PlacesMovedError` unless the history stands where it is `expected` to, where a missing
    partition means that nothing of it was written.
    """
    if places(connection, reached, to_write=True) != expected:
        raise PlacesMovedError
    for table in _IN_TURN:
        # What is replaced at once need not be written first; and one order for all recorders.
        found = rows.of[table]
        key = [column.name for column in table.primary_key]
        chosen = greatest(found, *key) if table in _RANKED else found
        chosen = sorted(chosen, key=lambda row: tuple(row[name] for name in key))
        if chosen:
            connection.execute(_upsert(connection, table), chosen)
    if reached:
        places_now = [
            {"topic": topic, "partition": number, "next_offset": offset}
            for (topic, number), offset in sorted(reached.items())
        ]
        connection.execute(_upsert(connection, RECORDER_PLACES), places_now)


def places(
    connection: Connection, partitions: Iterable[Partition], *, to_write: bool = False
) -> dict[Partition, int]:
    """How far the partitions are written; `to_write` keeps others from writing on meanwhile."""
    of = RECORDER_PLACES.c
    asked = select(RECORDER_PLACES).where(tuple_(of.topic, of.partition).in_(sorted(partitions)))
    found = connection.execute(asked.with_for_update() if to_write else asked)
    return {(row.topic, row.partition): row.next_offset for row in found}


def forget_places(connection: Connection, partitions: Iterable[Partition]) -> None:
    """Say that nothing of these partitions was written, so that they are read anew."""
    of = RECORDER_PLACES.c
    gone = tuple_(of.topic, of.partition).in_(sorted(partitions))
    connection.execute(delete(RECORDER_PLACES).where(gone))


def empty(connection: Connection) -> None:
    """Forget everything; recorders then read their topics from the beginning."""
    # The places first: who is writing is waited for, and who comes then finds that they moved.
    for table in (RECORDER_PLACES, *_IN_TURN):
        connection.execute(delete(table))


def _upsert(connection: Connection, table: Table) -> Insert:
    return _UPSERTS[connection.dialect.name][table]


def _statement(insert: _Insert, table: Table) -> Insert:
    """Insert rows, each of which replaces the one that is there if it counts more."""
    statement = insert(table)
    key = [*table.primary_key]
    given = statement.excluded
    changes = {it.name: given[it.name] for it in table.columns if not it.primary_key}
    made: Insert = statement.on_conflict_do_update(
        index_elements=key, set_=changes, where=_counts_more(table, given)
    )
    return made


def _counts_more(table: Table, given: Any) -> ColumnElement[bool] | None:  # noqa: ANN401 - SQLAlchemy's own
    """Whether a row that comes replaces its like; a record that is read again is the same."""
    if table in _RANKED:
        is_more: ColumnElement[bool] = given.rank > table.c.rank
        return is_more
    if table in _FIRST:
        come = tuple_(given.at_ms, given.partition, given.offset)
        there = tuple_(table.c.at_ms, table.c.partition, table.c.offset)
        return come < there
    return None


_INSERTS: Final[dict[str, _Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_UPSERTS: Final = {
    name: {table: _statement(insert, table) for table in (*_IN_TURN, RECORDER_PLACES)}
    for name, insert in _INSERTS.items()
}
