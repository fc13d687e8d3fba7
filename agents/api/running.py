"""Run: a webhook is called for an activity on record, by a `route` event that names it.

It goes the way of every event: matched, delivered, retried, and found in the log.
"""

from __future__ import annotations

import secrets
from typing import Final

from agents.api.models.trying import RunAnswer, RunBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import conflict, invalid
from agents.api.trying import account_of, row_of, webhook_of
from agents.clock import timestamp
from agents.history.rows import ActivityRow
from agents.kafka.outgoing import new_event, trace_of
from pipeline.matching import explain
from schemas.codec import Fault, validate
from schemas.event import Event
from schemas.ids import delivery_id
from schemas.phases import ROUTE
from schemas.webhook import Webhook


async def _run(call: Call) -> Reply:
    account_of(call)
    webhook, row = webhook_of(call), await row_of(call)
    if row is None:
        raise invalid([Fault("activity_id", "the account has no activity on record")])
    event = _event(call, webhook, row)
    _require_match(call, webhook, event)
    await call.services.publisher.publish([new_event(event, trace_of({}))])
    answer = RunAnswer(
        delivery_id=delivery_id(event.event_id, webhook.id, webhook.account_id),
        event_id=event.event_id,
        activity_id=event.activity_id,
    )
    return Reply(answer)


def _event(call: Call, webhook: Webhook, row: ActivityRow) -> Event:
    """With the sequence of its snapshot, which is not a newer one by being told of again."""
    fields = {
        "event_id": f"run_{secrets.token_hex(12)}",
        "account_id": call.account_id,
        "phase": ROUTE,
        "occurred_at": timestamp(call.now_ms),
        "sequence": row.sequence,
        "activity": row.content,
        "webhook_id": webhook.id,
        "origin": "run",
    }
    return validate(Event, fields)


def _require_match(call: Call, webhook: Webhook, event: Event) -> None:
    """Raise the problem when the matcher would not call the webhook."""
    verdicts = explain(event, call.services.view.configs)
    verdict = next((it for it in verdicts if it.webhook_id == webhook.id), None)
    if verdict is not None and not verdict.fired:
        raise conflict(f"the webhook does not fire ({verdict.reason}): {verdict.detail}")


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/webhooks/{id}/run",
        _run,
        summary="Run a webhook",
        tag="Webhooks",
        scope="write",
        body=RunBody,
        answer=RunAnswer,
        status=202,
        problems=(404, 409, 422, 503),
        description="Delivers it for an activity on record, whatever its position, with retries "
        "like any delivery. It must be enabled, and its filter must accept the activity.",
    ),
)
