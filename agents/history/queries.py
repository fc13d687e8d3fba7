"""What the history is asked, within one transaction: always about a single account.

An index finds the places of a list's rows first, and only those rows are read: a page of fifty
costs the same among a thousand rows and among a million.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, Table, and_, select

from agents.history.cursors import Place
from agents.history.rows import ActivityRow, AttemptRow, DeliveryRow, EventRow, content_of
from agents.history.search import (
    ActivitySearch,
    AttemptSearch,
    DeliverySearch,
    activities_where,
    after,
    attempts_where,
    deliveries_where,
)
from agents.history.tables import (
    ACTIVITIES,
    ACTIVITY_BODIES,
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    EXCHANGES,
    SNAPSHOTS,
)
from schemas.attempt import SentRequest

# An activity is updated some hundred times at most; of one that has more the newest are told.
EVENTS_MAX: Final = 500

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Found(Generic[RowT]):
    """A part of a list; `next_place` is where the rest goes on, None at the end."""

    rows: tuple[RowT, ...]
    next_place: Place | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list: `limit` rows, those after `place` when there is one."""

    limit: int
    place: Place | None = None


def columns_of(table: Table, *left_out: str) -> tuple[Column[Any], ...]:
    """The columns of a table, but for some."""
    return tuple(column for column in table.c if column.name not in left_out)


_ACTIVITY: Final = columns_of(ACTIVITIES, "account_id", "rank")
_EVENT: Final = columns_of(EVENTS, "partition", "offset")
_DELIVERY: Final = columns_of(DELIVERIES, "account_id", "rank")
_ATTEMPT: Final = columns_of(
    ATTEMPTS, "account_id", "status_class", "source_topic", "source_partition", "source_offset"
)

_BY_ACTIVITY: Final = (ACTIVITIES.c.at_ms, ACTIVITIES.c.activity_id)
_BY_DELIVERY: Final = (DELIVERIES.c.first_queued_at_ms, DELIVERIES.c.delivery_id)
_BY_ATTEMPT: Final = (ATTEMPTS.c.at_ms, ATTEMPTS.c.partition, ATTEMPTS.c.offset)


def with_content(columns: tuple[Column[Any], ...], table: Table, content: Table) -> Select[Any]:
    """Rows of a table with what a second one, of the same key, may have of their content."""
    same = and_(*(content.c[each.name] == each for each in table.primary_key))
    return select(*columns, content.c.content).select_from(table.outerjoin(content, same))


_ACTIVITY_WITH_CONTENT: Final = with_content(_ACTIVITY, ACTIVITIES, ACTIVITY_BODIES)
_EVENT_WITH_CONTENT: Final = with_content(_EVENT, EVENTS, SNAPSHOTS)
_ATTEMPT_WITH_EXCHANGE: Final = with_content(_ATTEMPT, ATTEMPTS, EXCHANGES)


def activities(
    connection: Connection, account_id: int, search: ActivitySearch, part: Part
) -> Found[ActivityRow]:
    """Activities without their content, the last told first."""
    where = [ACTIVITIES.c.account_id == account_id, *activities_where(search)]
    rows = rows_of_part(connection, select(*_ACTIVITY), where, _BY_ACTIVITY, part)
    found = [ActivityRow(**row) for row in rows]
    return found_in(found, part, lambda row: (row.at_ms, row.activity_id))


def activity(connection: Connection, account_id: int, activity_id: str) -> ActivityRow | None:
    """An activity with its content."""
    of = ACTIVITIES.c
    asked = _ACTIVITY_WITH_CONTENT.where(of.account_id == account_id, of.activity_id == activity_id)
    row = connection.execute(asked).mappings().first()
    return None if row is None else ActivityRow(**{**row, "content": content_of(row["content"])})


def latest_activity(connection: Connection, account_id: int) -> ActivityRow | None:
    """The activity that was told of last, with its content."""
    of = ACTIVITIES.c
    newest = select(of.activity_id).where(of.account_id == account_id)
    newest = newest.order_by(*descending(_BY_ACTIVITY)).limit(1)
    activity_id = connection.execute(newest).scalar()
    return None if activity_id is None else activity(connection, account_id, activity_id)


def events(connection: Connection, account_id: int, activity_id: str) -> tuple[EventRow, ...]:
    """The newest events of an activity without their content, the last first."""
    of = EVENTS.c
    asked = (
        select(*_EVENT)
        .where(of.account_id == account_id, of.activity_id == activity_id)
        .order_by(of.at_ms.desc(), of.event_id.desc())
        .limit(EVENTS_MAX)
    )
    return tuple(EventRow(**row) for row in connection.execute(asked).mappings())


def event(connection: Connection, account_id: int, event_id: str) -> EventRow | None:
    """An event with its content."""
    of = EVENTS.c
    asked = _EVENT_WITH_CONTENT.where(of.account_id == account_id, of.event_id == event_id)
    row = connection.execute(asked).mappings().first()
    return None if row is None else EventRow(**{**row, "content": content_of(row["content"])})


def deliveries(
    connection: Connection, account_id: int, search: DeliverySearch, part: Part
) -> Found[DeliveryRow]:
    """Deliveries, the last begun first."""
    where = [DELIVERIES.c.account_id == account_id, *deliveries_where(search)]
    rows = rows_of_part(connection, select(*_DELIVERY), where, _BY_DELIVERY, part)
    found = [DeliveryRow(**row) for row in rows]
    return found_in(found, part, lambda row: (row.first_queued_at_ms, row.delivery_id))


def delivery(connection: Connection, account_id: int, delivery_id: str) -> DeliveryRow | None:
    """One delivery."""
    of = DELIVERIES.c
    asked = select(*_DELIVERY).where(of.account_id == account_id, of.delivery_id == delivery_id)
    row = connection.execute(asked).mappings().first()
    return None if row is None else DeliveryRow(**row)


def attempts(
    connection: Connection, account_id: int, search: AttemptSearch, part: Part
) -> Found[AttemptRow]:
    """Attempts with request and response, the last first."""
    where = [ATTEMPTS.c.account_id == account_id, *attempts_where(search)]
    rows = rows_of_part(connection, _ATTEMPT_WITH_EXCHANGE, where, _BY_ATTEMPT, part)
    found = [AttemptRow.of(row) for row in rows]
    return found_in(found, part, lambda row: (row.at_ms, row.partition, row.offset))


def attempt(
    connection: Connection, account_id: int, partition: int, offset: int
) -> AttemptRow | None:
    """The attempt whose record lies there, with request and response."""
    of = ATTEMPTS.c
    asked = _ATTEMPT_WITH_EXCHANGE.where(
        of.partition == partition, of.offset == offset, of.account_id == account_id
    )
    row = connection.execute(asked).mappings().first()
    return None if row is None else AttemptRow.of(row)


def sent_request(connection: Connection, account_id: int, delivery_id: str) -> SentRequest | None:
    """The newest request of a delivery that is still kept; a test's is none of the delivery."""
    of = ATTEMPTS.c
    asked = _ATTEMPT_WITH_EXCHANGE.where(
        of.account_id == account_id,
        of.delivery_id == delivery_id,
        of.method.is_not(None),
        of.is_test.is_(False),
        EXCHANGES.c.content.is_not(None),
    )
    row = connection.execute(asked.order_by(*descending(_BY_ATTEMPT)).limit(1)).mappings().first()
    exchanged = None if row is None else AttemptRow.of(row).exchanged
    return None if exchanged is None else exchanged.request


def began_between(
    connection: Connection, account_id: int, begin_s: int, end_s: int, limit: int
) -> Sequence[bytes]:
    """The content, packed, of the activities that began from `begin_s` until before `end_s`."""
    of = ACTIVITIES.c
    asked = _ACTIVITY_WITH_CONTENT.with_only_columns(ACTIVITY_BODIES.c.content).where(
        of.account_id == account_id,
        of.began_at_s >= begin_s,
        of.began_at_s < end_s,
        ACTIVITY_BODIES.c.content.is_not(None),
    )
    return connection.execute(asked.limit(limit)).scalars().all()


def rows_of_part(
    connection: Connection,
    wanted: Select[Any],
    where: list[ColumnElement[bool]],
    order: tuple[Column[Any], ...],
    part: Part,
) -> Sequence[RowMapping]:
    """A row more than the part has, if there is one: it tells that the list goes on."""
    if part.place is not None:
        where = [*where, after(order, part.place)]
    key = tuple(order[0].table.primary_key)
    places = select(*key).where(*where).order_by(*descending(order)).limit(part.limit + 1)
    found = places.subquery("found")
    same = and_(*(found.c[column.name] == column for column in key))
    asked = wanted.join(found, same).order_by(*descending(order))
    return connection.execute(asked).mappings().all()


def descending(order: tuple[Column[Any], ...]) -> list[ColumnElement[Any]]:
    """The order backwards."""
    return [column.desc() for column in order]


def found_in(rows: list[RowT], part: Part, place_of: Callable[[RowT], Place]) -> Found[RowT]:
    """The part that was asked for, of rows of which one more may have been found."""
    shown = tuple(rows[: part.limit])
    return Found(shown, place_of(shown[-1]) if len(rows) > part.limit else None)
