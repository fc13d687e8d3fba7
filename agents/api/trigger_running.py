"""Run: a trigger is judged for an activity on record, by a `route` event that names it.

So can a workflow or an IVR menu, by such an event of its own. The answer says what each action asks
for, by the configuration of this moment, and the matcher does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.api.models.triggers import TriggerRunAction, TriggerRunAnswer
from agents.api.models.trying import RunBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import conflict, not_found
from agents.api.trying import account_of, run_event
from agents.kafka.outgoing import new_event, trace_of
from pipeline.trigger_actions import Asked, Late
from pipeline.triggering import Judgement, judged_event
from schemas.event import Event
from schemas.ids import delivery_id
from schemas.notice import Notice
from schemas.trigger import Trigger


async def _run(call: Call) -> Reply:
    account_of(call)
    trigger = _trigger_of(call)
    event = await run_event(call, trigger_id=trigger.id)
    (judgement,) = judged_event(event, call.services.view.configs, now_ms=call.now_ms)
    if not judgement.fired:
        raise conflict(f"the trigger does not run ({judgement.reason}): {judgement.detail}")
    await call.services.publisher.publish([new_event(event, trace_of({}))])
    answer = TriggerRunAnswer(
        event_id=event.event_id,
        activity_id=event.activity_id,
        delay=trigger.delay,
        actions=[*_actions(trigger, judgement)],
    )
    return Reply(answer)


def _trigger_of(call: Call) -> Trigger:
    trigger = call.services.view.configs.trigger(call.account_id, call.path["id"])
    if trigger is None:
        raise not_found(f"trigger {call.path['id'][:100]}")
    return trigger


def _actions(trigger: Trigger, judgement: Judgement) -> Iterator[TriggerRunAction]:
    """Each action, with what it asks for or why it asks for nothing."""
    left_out = {each.action: each for each in judgement.left_out}
    asked = iter(judgement.asked)
    for at, action in enumerate(trigger.actions):
        if at in left_out:
            why = left_out[at]
            yield TriggerRunAction(type=action.type, result=why.reason, detail=why.detail, id=None)
        else:
            yield TriggerRunAction(type=action.type, result="asked", detail="", id=_id(next(asked)))


def _id(asked: Asked) -> str:
    """Under which it is found in the log, or on its topic."""
    record = asked.record if isinstance(asked, Late) else asked
    if isinstance(record, Event):
        return delivery_id(record.event_id, record.webhook_id or "", record.account_id)
    return record.notice_id if isinstance(record, Notice) else record.command_id


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/triggers/{id}/run",
        _run,
        summary="Run a trigger",
        tag="Triggers",
        scope="write",
        body=RunBody,
        answer=TriggerRunAnswer,
        status=202,
        problems=(404, 409, 422, 503),
        description="Runs it for an activity on record, whatever its positions. It must be "
        "enabled, and its conditions must hold; the time they ask for is now.",
    ),
)
