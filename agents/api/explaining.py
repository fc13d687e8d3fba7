"""Why each webhook and each trigger of an account fired for an activity, or why it did not.

What is on record decides; where nothing is, today's configuration is asked, and the answer says so.
"""

from __future__ import annotations

from typing import Final

from agents.api.models.explaining import (
    ExplainedTriggerAnswer,
    ExplainedWebhook,
    ExplainPage,
    ExplainQuery,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.paging import page_of
from agents.api.problems import not_found
from agents.history.queries import Part
from agents.history.rows import DeliveryRow, EventRow
from agents.history.search import DeliverySearch
from pipeline.explaining import Owed, Seen, explained, newest_of_each
from pipeline.explaining_triggers import triggers_explained

_KIND: Final = "explain"
# An activity at all phases, delivered to fifty webhooks at each; of more the newest are told.
_DELIVERIES_MAX: Final = 1_000
# The twenty phases, and as many webhooks that were run for it.
_SEEN_MAX: Final = 40


async def _explain(call: Call) -> Reply:
    query: ExplainQuery = call.query
    activity_id, seen = await (_one(call) if query.event_id is not None else _all(call))
    owed = await _owed(call, activity_id)
    of_webhooks = [each for each, channel in owed if channel == "webhook"]
    found = explained(call.account_id, seen, of_webhooks, call.services.view.configs)
    wanted = (each for each in found if query.webhook_id in (None, each.webhook_id))
    shown, cursor = page_of(wanted, query, _KIND, lambda each: each.webhook_id, "")
    return Reply(
        ExplainPage(
            items=[ExplainedWebhook.of(each, call.account_id) for each in shown],
            next_cursor=cursor,
            activity_id=activity_id,
            event_id=query.event_id,
            triggers=_triggers(call, seen, [each for each, _ in owed]),
        )
    )


def _triggers(call: Call, seen: tuple[Seen, ...], owed: list[Owed]) -> list[ExplainedTriggerAnswer]:
    """Those of the account, with the first page of an answer that is about all webhooks."""
    if call.query.cursor is not None or call.query.webhook_id is not None:
        return []
    found = triggers_explained(call.account_id, seen, owed, call.services.view.configs)
    return [ExplainedTriggerAnswer.of(each, call.account_id) for each in found]


async def _one(call: Call) -> tuple[str, tuple[Seen, ...]]:
    """The activity's id and the event that the query names."""
    row = await call.services.history.event(call.account_id, call.query.event_id)
    if row is None:
        raise not_found(f"event {call.query.event_id} on record")
    return row.activity_id, (_seen(row),)


async def _all(call: Call) -> tuple[str, tuple[Seen, ...]]:
    """The activity's id and its events, as many as explain anything."""
    history, activity_id = call.services.history, call.query.activity_id
    rows = await history.events(call.account_id, activity_id)
    if not rows:
        raise not_found(f"activity {activity_id} on record")
    newest = newest_of_each(map(_seen, rows))
    chosen = sorted(newest, key=lambda each: -each.at_ms)[:_SEEN_MAX]
    whole = [await history.event(call.account_id, each.event.event_id) for each in chosen]
    return activity_id, tuple(_seen(row) for row in whole if row is not None)


def _seen(row: EventRow) -> Seen:
    return Seen(row.event, row.at_ms, has_content=row.content is not None)


async def _owed(call: Call, activity_id: str) -> list[tuple[Owed, str]]:
    """The deliveries on record, those of messages too, each with its channel."""
    search = DeliverySearch(activity_id=activity_id, event_id=call.query.event_id, is_test=False)
    found = await call.services.history.deliveries(call.account_id, search, Part(_DELIVERIES_MAX))
    return [(_as_owed(row), row.channel) for row in found.rows]


def _as_owed(row: DeliveryRow) -> Owed:
    named = (row.delivery_id, row.webhook_id, row.event_id, row.phase)
    return Owed(*named, row.status, row.trigger_id)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/api/v1/accounts/{account}/explain",
        _explain,
        summary="Explain what fired and what did not",
        tag="Log",
        scope="read",
        query=ExplainQuery,
        answer=ExplainPage,
        problems=(404, 503),
        description="For an activity, or for one event of it, webhook by webhook: the deliveries, "
        "or the reason why there is none. Give either `activity_id` or `event_id`. The history "
        "does not know former configurations, so a reason is that of today's; `changed_since` "
        "says where this may matter. Triggers are told of with the first page.",
    ),
)
