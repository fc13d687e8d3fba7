"""What the history tells of a webhook that fails: since when, how much waits, and up to where.

Requests alone count, not messages about them; and faults of ours are none of the endpoint's.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from agents.history.tables import ATTEMPTS, DELIVERIES, RECORDER_PLACES
from pipeline.auto_disabling import Failing
from pipeline.retries import OURS

_SUCCESS: Final = 2
_WAITING: Final = ("retrying", "deferred")


def _requests(account_id: int, webhook_id: str, since_ms: int) -> tuple[ColumnElement[bool], ...]:
    of = ATTEMPTS.c
    return (
        of.account_id == account_id,
        of.webhook_id == webhook_id,
        of.at_ms >= since_ms,
        of.channel == "webhook",
        of.is_test.is_(False),
    )


def failing(
    connection: Connection, account_id: int, webhook_id: str, since_ms: int
) -> Failing | None:
    """The first and the last failure since then and since the last delivery; None without any."""
    of = ATTEMPTS.c
    newest = of.at_ms.desc()
    requests = _requests(account_id, webhook_id, since_ms)
    delivered = select(of.at_ms).where(
        *requests, of.status_class == _SUCCESS, of.outcome == "delivered"
    )
    last_delivered_ms = connection.execute(delivered.order_by(newest).limit(1)).scalar()
    failed = select(of.at_ms).where(*requests, of.outcome == "failed", of.reason.not_in(OURS))
    if last_delivered_ms is not None:
        failed = failed.where(of.at_ms > last_delivered_ms)
    first_ms: Any = connection.execute(failed.order_by(of.at_ms).limit(1)).scalar()
    last_ms: Any = connection.execute(failed.order_by(newest).limit(1)).scalar()
    return None if first_ms is None else Failing(first_ms, last_ms)


def waiting(connection: Connection, account_id: int, webhook_id: str, limit: int) -> int:
    """How many deliveries of the webhook have not ended; no more than `limit` are counted."""
    of = DELIVERIES.c
    found = select(of.delivery_id).where(
        of.account_id == account_id,
        of.webhook_id == webhook_id,
        of.status.in_(_WAITING),
        of.channel == "webhook",
    )
    counted: int = connection.execute(
        select(func.count()).select_from(found.limit(limit).subquery())
    ).scalar_one()
    return counted


def recorded_to(connection: Connection, topic: str, partition: int) -> int:
    """Up to which offset the records of a partition are in the history; 0 before any is."""
    of = RECORDER_PLACES.c
    place = select(of.next_offset).where(of.topic == topic, of.partition == partition)
    return connection.execute(place).scalar() or 0
