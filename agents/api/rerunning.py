"""Rerun: a delivery begun again, under its own id, in the lane of replays.

The job is written first. Then, if an earlier run may have a job waiting, the record that supersedes
it: were that first, and this process to die before the job, the delivery would end in nobody's
hands. The other way round it is at worst made twice.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from agents.api.models.rerunning import RerunAnswer, RerunBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import Problem, conflict, not_found
from agents.api.services import Services
from agents.api.testing import keys_of
from agents.api.trying import account_of
from agents.clock import timestamp
from agents.history.cursors import is_askable
from agents.history.rows import DeliveryRow, EventRow
from agents.kafka.outgoing import replayed_job, trace_of
from pipeline.reruns import is_same_body, kept_body, rerun_job, superseding
from pipeline.trials import trial_configs, trial_job
from schemas.account import Account
from schemas.attempt import SentRequest
from schemas.config import ConfigKey
from schemas.event import Event
from schemas.job import Body
from schemas.rerun import Rerun
from schemas.webhook import Webhook

# So many are deleted at a time; what is left is for the next hour.
EXPIRED_BATCH: Final = 1_000
_HOUSEKEEPING_EVERY_S: Final = 60 * 60

_log = structlog.get_logger()


async def _rerun(call: Call) -> Reply:
    account, row = account_of(call), await _row(call)
    webhook = _webhook(call, row)
    services = call.services
    event, body = await (
        _original(call, account, webhook, row)
        if call.body.mode == "original"
        else _current(call, row)
    )
    configs = services.view.configs
    known = max(row.reruns, configs.newest_run(account.id, row.delivery_id))
    job = rerun_job(
        webhook,
        event,
        delivery_id=row.delivery_id,
        number=services.reruns.next(account.id, row.delivery_id, known),
        attempts=row.attempts,
        first_queued_at_ms=row.first_queued_at_ms,
        config_offset=configs.offset,
        body=body,
        now_ms=call.now_ms,
    )
    await services.publisher.publish([replayed_job(job, trace_of({}))])
    is_superseding = row.next_step != "end"
    if is_superseding:
        await _supersede(call, superseding(job, call.now_ms))
    answer = RerunAnswer(
        delivery_id=job.delivery_id,
        mode=call.body.mode,
        rerun=job.rerun,
        attempt=job.attempt,
        is_superseding=is_superseding,
    )
    return Reply(answer)


async def _row(call: Call) -> DeliveryRow:
    delivery_id = call.path["id"]
    row = None
    if is_askable(delivery_id):
        row = await call.services.history.delivery(call.account_id, delivery_id)
    if row is None:
        raise not_found(f"delivery {delivery_id[:100]}")
    if row.is_test:
        raise conflict("this was a test: test the webhook again instead")
    if row.channel != "webhook":
        raise conflict("this is a message of a trigger: run the trigger again instead")
    return row


def _webhook(call: Call, row: DeliveryRow) -> Webhook:
    webhook = call.services.view.configs.webhook(call.account_id, row.webhook_id)
    if webhook is None:
        raise conflict(f"its webhook {row.webhook_id} was deleted")
    if not webhook.enabled:
        raise conflict(f"its webhook {row.webhook_id} is disabled: enable it first")
    return webhook


async def _current(call: Call, row: DeliveryRow) -> tuple[Event, None]:
    """The event with its activity as it is now; the body is made by the sender."""
    told = await call.services.history.event(call.account_id, row.event_id)
    activity = await call.services.history.activity(call.account_id, row.activity_id)
    if told is None or activity is None or activity.content is None:
        raise conflict("its activity is not kept any more")
    update = {"activity": activity.content, "sequence": activity.sequence}
    return told.event.model_copy(update=update), None


async def _original(
    call: Call, account: Account, webhook: Webhook, row: DeliveryRow
) -> tuple[Event, Body]:
    """The event as it was, and the body as it was sent."""
    told = await call.services.history.event(call.account_id, row.event_id)
    request = await call.services.history.sent_request(call.account_id, row.delivery_id)
    if request is None and not row.attempts:
        raise conflict("no request of it was ever made: rerun it with the mode current")
    if request is None or told is None or told.content is None:
        days = call.services.settings.bodies_days
        why = f"bodies are kept for {days} days, and its own is not any more"
        raise conflict(f"{why}: rerun it with the mode current")
    body = kept_body(request) or await _made_again(call, account, webhook, told, request)
    return told.event, body


async def _made_again(
    call: Call, account: Account, webhook: Webhook, told: EventRow, request: SentRequest
) -> Body:
    """The body of the event's snapshot, if that is still the very same one."""
    prepared = await call.services.tester.prepared(
        trial_job(webhook, told.event, now_ms=call.now_ms),
        trial_configs(account, webhook),
        keys_of(call, webhook),
        now_ms=call.now_ms,
    )
    if prepared.body is None or not is_same_body(prepared.body, request):
        raise conflict(
            f"of its body of {request.body_bytes} bytes only the beginning is kept, and made again "
            "it would be another one: rerun it with the mode current"
        )
    return prepared.body


async def _supersede(call: Call, record: Rerun) -> None:
    """Say that earlier runs are superseded. The rerun is under way, whatever comes of this."""
    try:
        await call.services.writer.put(record, timestamp(call.now_ms))
    except Problem as problem:
        _log.warning("rerun.not_superseding", delivery=record.id, error=problem.detail)


async def remove_expired(services: Services) -> int:
    """Delete the records of reruns that no retry can be waiting for any more; how many."""
    now_ms = services.clock()
    expired = [
        ConfigKey(record.account_id, record.kind, record.id)
        for record in services.view.configs
        if isinstance(record, Rerun) and record.expires_at_ms <= now_ms
    ]
    if expired:
        await services.writer.delete(expired[:EXPIRED_BATCH])
    return len(expired[:EXPIRED_BATCH])


async def keep_house(services: Services) -> None:
    """Do that each hour, until cancelled; at a start there is nothing that cannot wait so long."""
    while True:
        await asyncio.sleep(_HOUSEKEEPING_EVERY_S)
        removed = await remove_expired(services)
        _log.info("reruns.expired_removed", records=removed)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/deliveries/{id}/rerun",
        _rerun,
        summary="Rerun a delivery",
        tag="Deliveries",
        scope="write",
        body=RerunBody,
        answer=RerunAnswer,
        status=202,
        problems=(404, 409, 422, 503),
        description="Begins it again under its own id, with the whole retry schedule; attempts are "
        "numbered on. A retry that waits is not made any more. Refused, with the reason, where the "
        "webhook is deleted or disabled, or what is needed for the mode is not kept any more.",
    ),
)
