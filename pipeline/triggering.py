"""What a trigger asks for: judged once, when an event comes or a failure is told.

A trigger is run by an event at one of its positions, by a `route` event that names it, or by a
webhook's failure; it must be enabled, and its conditions must hold. It asks for `route` events that
run webhooks, for notices, and for commands to the upstream system. With a delay these wait in a
tier, and nothing is judged again. The same cause gives the same ids each time, so a resend or a
repetition after a crash asks for nothing new.

Loops are cut by what led here, the `chain`: a trigger that is in it is not run again, nor is a
webhook run again by a trigger, and a chain has an end (`pipeline.chains`). A webhook at an event's
position is called whatever led there: events are owed to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.chains import is_at_its_end, trigger_link, webhook_link
from pipeline.configs import Configs
from pipeline.matching import named_by
from pipeline.trigger_actions import Asked, Cause, LeftOut, asked_of
from pipeline.trigger_conditions import Moment, moment_of
from pipeline.trigger_context import condition_fields, failure_told
from pipeline.trigger_index import HeldTrigger
from schemas.event import Event
from schemas.failure import Failure
from schemas.phases import ROUTE
from schemas.webhook import FailureTrigger

Reason: TypeAlias = Literal[
    "fired",
    "unknown_trigger",
    "not_routed",
    "position",
    "disabled",
    "loop",
    "depth",
    "conditions",
]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a trigger: what it asks for, or why it was not run."""

    trigger_id: str
    reason: Reason
    detail: str = ""
    asked: tuple[Asked, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def fired(self) -> bool:
        """Whether the trigger was run."""
        return self.reason == "fired"


def judged_event(
    event: Event, configs: Configs, *, now_ms: int, came_ms: int | None = None
) -> tuple[Judgement, ...]:
    """The triggers that an event runs, or could run if they were enabled and accepted it.

    `came_ms` is when its record was written, where it has one: an event that does not say when it
    happened is then judged alike whenever it is read.
    """
    if event.phase != ROUTE:
        held = configs.triggers_at(event.account_id, event.phase)
    elif event.trigger_id is None:
        held = ()
    else:
        named = configs.held_trigger(event.account_id, event.trigger_id)
        if named is None:
            return (_unknown(event.trigger_id),)
        held = (named,)
    cause = _cause_of(event, configs, now_ms, came_ms) if held else None
    return () if cause is None else tuple(_judged(each, cause) for each in held)


def explained_triggers(event: Event, configs: Configs, *, now_ms: int) -> tuple[Judgement, ...]:
    """The same for every trigger of the account, by id, also for those elsewhere positioned."""
    judged = {each.trigger_id: each for each in judged_event(event, configs, now_ms=now_ms)}
    for held in configs.triggers_of(event.account_id):
        if _cause_of(event, configs, now_ms) is not None:
            judged.setdefault(held.trigger.id, _elsewhere(held, event))
    return tuple(judged[trigger_id] for trigger_id in sorted(judged))


def judged_failure(failure: Failure, configs: Configs, *, now_ms: int) -> Judgement | None:
    """The failure trigger of a webhook; None when it has none to run at this failure."""
    job = failure.job
    webhook = configs.webhook(job.account_id, job.webhook_id)
    asked = None if webhook is None else webhook.failure_trigger
    account = configs.account(job.account_id)
    if asked is None or account is None or not is_run_at(asked, failure):
        return None
    held = configs.held_trigger(job.account_id, asked.trigger_id)
    if held is None:
        return _unknown(asked.trigger_id)
    cause = Cause(
        f"{job.delivery_id}/{job.rerun}/{failure.stage}/{failure.attempts}",
        job.event,
        account,
        (*job.chain, webhook_link(job.webhook_id)),
        Moment(failure.at_ms, account.time_zone),
        now_ms,
        failure_told(failure),
        webhook,
    )
    return _judged(held, cause)


def is_run_at(asked: FailureTrigger, failure: Failure) -> bool:
    """Whether a failure trigger is run at this failure.

    An attempt that is both the first to fail and the last is told of twice; `every` runs once.
    """
    if asked.on == "every":
        return failure.stage != "final" or failure.job.first_failed_at_ms is not None
    return failure.stage == asked.on


def _cause_of(
    event: Event, configs: Configs, now_ms: int, came_ms: int | None = None
) -> Cause | None:
    """The event as a cause; None when its account is unknown, or not entitled.

    What comes back later happens then, though its snapshot says when the activity ended.
    """
    account = configs.account(event.account_id)
    if account is None or not account.features.webhooks:
        return None
    occurred_at = None if event.origin == "delayed" else event.occurred_at
    moment = moment_of(occurred_at, account.time_zone, now_ms if came_ms is None else came_ms)
    return Cause(event.event_id, event, account, event.chain, moment, now_ms)


def _unknown(trigger_id: str) -> Judgement:
    return Judgement(trigger_id, "unknown_trigger", "the account has no such trigger")


def _elsewhere(held: HeldTrigger, event: Event) -> Judgement:
    trigger = held.trigger
    if event.phase == ROUTE:
        return Judgement(trigger.id, "not_routed", f"the event runs {named_by(event)} only")
    if not trigger.positions:
        detail = "the trigger has no position: it runs only where something names it"
    else:
        positions = ", ".join(trigger.positions)
        detail = f"the trigger is positioned at {positions}, not {event.phase}"
    return Judgement(trigger.id, "position", detail)


def _judged(held: HeldTrigger, cause: Cause) -> Judgement:
    trigger = held.trigger
    why_not = _why_not(held, cause)
    if why_not is not None:
        return Judgement(trigger.id, *why_not)
    return Judgement(trigger.id, "fired", "", *asked_of(held, cause))


def _why_not(held: HeldTrigger, cause: Cause) -> tuple[Reason, str] | None:
    if not held.trigger.enabled:
        return "disabled", "the trigger is disabled"
    if trigger_link(held.trigger.id) in cause.chain:
        return "loop", "the trigger is one of those that led here"
    if is_at_its_end(cause.chain):
        return "depth", f"{' > '.join(cause.chain)} led here, and nothing more is triggered"
    fields = condition_fields(cause.event, cause.failure)
    if held.conditions.accepts(fields, cause.moment):
        return None
    return "conditions", "; ".join(map(str, held.conditions.unmet(fields, cause.moment)))
