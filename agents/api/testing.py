"""Test: a webhook is sent now, once, as a sender would, and the answer tells everything of it.

Its position, its filter and whether it is enabled do not matter. It is never tried again and runs
no failure trigger; it is recorded like any attempt, marked as a test. The request is made by the
sender's own code, behind the same egress guard.
"""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from agents.api.models.attempts import RequestAnswer, ResponseAnswer, TimingsAnswer
from agents.api.models.trying import ActivityFrom, TrialAnswer, TryBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import Problem
from agents.api.saving import secret_keys
from agents.api.trying import account_of, chosen, event_of, webhook_of
from agents.kafka.outgoing import attempt_record, trace_of
from pipeline.outcomes import outcome_of
from pipeline.sealing import Keys, has_sealed_secrets
from pipeline.settlement import Taken, after_test
from pipeline.trials import trial_configs, trial_job
from schemas.attempt import Attempt
from schemas.webhook import Webhook

_EGRESS: Final = "egress_"

_log = structlog.get_logger()


def keys_of(call: Call, webhook: Webhook) -> Keys:
    """The keys to open the webhook's secrets with, as far as it has any."""
    return secret_keys(call.services) if has_sealed_secrets(webhook) else ()


async def _test(call: Call) -> Reply:
    account, webhook = account_of(call), webhook_of(call)
    choice, services = await chosen(call), call.services
    event = event_of(webhook, choice, f"test_{secrets.token_hex(12)}")
    job = trial_job(webhook, event, now_ms=call.now_ms)
    configs = trial_configs(account, webhook)
    job, exchange = await services.tester.attempted(job, configs, keys_of(call, webhook))
    now_ms = services.clock()
    outcome = outcome_of(exchange.result, now_ms=now_ms)
    record = after_test(Taken(job, None, webhook), exchange, outcome, now_ms=now_ms)
    is_recorded = await _recorded(call, record)
    return Reply(_answer(record, choice.origin, is_recorded=is_recorded))


async def _recorded(call: Call, record: Attempt) -> bool:
    """Whether the log has it. The request was made, so its answer is worth telling anyway."""
    try:
        await call.services.publisher.publish([attempt_record(record, trace_of({}))])
    except Problem as problem:
        _log.warning("test.not_recorded", delivery=record.delivery_id, error=problem.detail)
        return False
    return True


def _answer(record: Attempt, origin: ActivityFrom, *, is_recorded: bool) -> TrialAnswer:
    request, response = record.request, record.response
    return TrialAnswer(
        delivery_id=record.delivery_id,
        activity_id=record.activity_id,
        activity_from=origin,
        outcome=record.outcome,
        reason=record.reason,
        detail=record.detail,
        rule=record.reason if record.reason.startswith(_EGRESS) else None,
        status=None if response is None else response.status,
        request=None if request is None else RequestAnswer.of(request),
        response=None if response is None else ResponseAnswer.of(response),
        timings=TimingsAnswer.of(record.timings),
        is_recorded=is_recorded,
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/webhooks/{id}/test",
        _test,
        summary="Test a webhook",
        tag="Webhooks",
        scope="write",
        body=TryBody,
        answer=TrialAnswer,
        problems=(404, 409, 422, 503),
        description="Sends it now, with the account's most recent activity unless another one is "
        "named, whatever its position and filter say. It is not tried again and runs no failure "
        "trigger. The answer is there when the endpoint's is, or after the webhook's timeout.",
    ),
)
