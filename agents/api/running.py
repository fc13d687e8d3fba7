"""Run: a webhook is called for an activity on record, by a `route` event that names it.

It goes the way of every event: matched, delivered, retried, and found in the log.
"""

from __future__ import annotations

from typing import Final

from agents.api.models.trying import RunAnswer, RunBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import conflict
from agents.api.trying import account_of, run_event, webhook_of
from agents.kafka.outgoing import new_event, trace_of
from pipeline.matching import explain
from schemas.event import Event
from schemas.ids import delivery_id
from schemas.webhook import Webhook


async def _run(call: Call) -> Reply:
    account_of(call)
    webhook = webhook_of(call)
    event = await run_event(call, webhook_id=webhook.id)
    _require_match(call, webhook, event)
    await call.services.publisher.publish([new_event(event, trace_of({}))])
    answer = RunAnswer(
        delivery_id=delivery_id(event.event_id, webhook.id, webhook.account_id),
        event_id=event.event_id,
        activity_id=event.activity_id,
    )
    return Reply(answer)


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
