"""Preview: the request that a webhook would send for an activity; nothing is sent."""

from __future__ import annotations

from typing import Final

from agents.api.models.trying import PreviewAnswer, PreviewBody, PreviewRequest
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import invalid, unavailable
from agents.api.saving import webhook_from
from agents.api.testing import keys_of
from agents.api.trying import account_of, chosen, event_of, webhook_of
from pipeline.outcomes import NotAnswered, NotSent
from pipeline.trials import trial_configs, trial_job
from schemas.codec import Fault
from schemas.webhook import Webhook


async def _preview(call: Call) -> Reply:
    account, webhook, choice = account_of(call), _webhook(call), await chosen(call)
    event = event_of(webhook, choice)
    prepared = await call.services.tester.prepared(
        trial_job(webhook, event, now_ms=call.now_ms),
        trial_configs(account, webhook),
        keys_of(call, webhook),
        now_ms=call.now_ms,
    )
    match prepared.request:
        case NotSent(_, detail):
            raise invalid([Fault("webhook", detail)])
        case NotAnswered("history_unavailable", _):
            raise unavailable("history", "its database cannot be asked now")
        case NotAnswered(_, detail):
            raise unavailable("secret keys", detail)
        case request:
            answer = PreviewAnswer(
                activity_id=event.activity_id,
                activity_from=choice.origin,
                request=PreviewRequest.of(request),
            )
            return Reply(answer)


def _webhook(call: Call) -> Webhook:
    """The webhook in the body, else the one that is kept."""
    given = call.body.webhook
    if given is None:
        return webhook_of(call)
    current = call.services.view.configs.webhook(call.account_id, call.path["id"])
    return webhook_from(call, {**given, "id": call.path["id"]}, current)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/webhooks/{id}/preview",
        _preview,
        summary="Preview a webhook's request",
        tag="Webhooks",
        scope="read",
        body=PreviewBody,
        answer=PreviewAnswer,
        problems=(404, 409, 422, 503),
        description="Of the webhook that is kept, or of one in the body, which need not be kept "
        "yet. The account's most recent activity is taken unless another one is named or given. "
        "Nothing is sent, and no address is looked up.",
    ),
)
