"""What a replay asks the history: how deliveries stand, what activities are now, what came of it.

Each question is about many things at once, and of one account.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from agents.history.rows import content_of
from agents.history.tables import ACTIVITIES, ACTIVITY_BODIES, DELIVERIES
from agents.history.writing import Partition, places
from pipeline.replaying import Activity, Known


def known_deliveries(
    connection: Connection, account_id: int, delivery_ids: Collection[str]
) -> dict[str, Known]:
    """What is on record of these deliveries, by id; those that are not on record are missing."""
    of = DELIVERIES.c
    asked = select(
        *(of.delivery_id, of.status, of.last_reason, of.attempts, of.reruns),
        *(of.first_queued_at_ms, of.next_step, of.replay_id),
    ).where(of.account_id == account_id, of.delivery_id.in_(sorted(delivery_ids)))
    return {
        row.delivery_id: Known(
            status=row.status,
            reason=row.last_reason,
            attempts=row.attempts,
            reruns=row.reruns,
            first_queued_at_ms=row.first_queued_at_ms,
            is_waiting=row.next_step != "end",
            replay_id=row.replay_id,
        )
        for row in connection.execute(asked)
    }


def known_activities(
    connection: Connection, account_id: int, activity_ids: Collection[str]
) -> dict[str, Activity]:
    """These activities as they are now, by id; those whose content is not kept are missing."""
    of, body = ACTIVITIES.c, ACTIVITY_BODIES.c
    is_its = (body.account_id == of.account_id) & (body.activity_id == of.activity_id)
    asked = (
        select(of.activity_id, of.sequence, body.content)
        .select_from(ACTIVITIES.join(ACTIVITY_BODIES, is_its))
        .where(of.account_id == account_id, of.activity_id.in_(sorted(activity_ids)))
    )
    found: dict[str, Activity] = {}
    for row in connection.execute(asked):
        content = content_of(row.content)
        if content is not None:
            found[row.activity_id] = Activity(content, row.sequence)
    return found


def outcomes(connection: Connection, account_id: int, replay_id: str) -> dict[str, int]:
    """How many of the deliveries that a replay began stand how, by status."""
    of = DELIVERIES.c
    asked = (
        select(of.status, func.count())
        .where(of.account_id == account_id, of.replay_id == replay_id)
        .group_by(of.status)
    )
    return {status: count for status, count in connection.execute(asked)}  # noqa: C416 - rows


def recorded_up_to(
    connection: Connection, partitions: Collection[Partition]
) -> dict[Partition, int]:
    """Up to which offsets the history has these partitions."""
    return places(connection, partitions)
