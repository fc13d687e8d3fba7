"""Which webhooks an event is owed to: the join of an event with the configuration.

A webhook is called when its account is known and entitled, the event's phase is its position (or a
`route` event names it, whatever its position), it is enabled, and its filter accepts the activity.
The same decision makes the jobs and explains, webhook by webhook, why there was none. One that was
disabled because it failed gets its jobs all the same: senders record them as skipped, so that what
it missed can be found and replayed. What triggers make of an event: `pipeline.triggering`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.chains import depth_of
from pipeline.configs import Configs, HeldWebhook
from pipeline.refusals import disabled_detail
from schemas.event import Event
from schemas.ids import delivery_id, derived_event_id
from schemas.job import Job
from schemas.phases import END, END_DELAYED, ROUTE
from schemas.tiers import TIER_BY_NAME

Reason: TypeAlias = Literal[
    "fired",
    "unknown_account",
    "not_entitled",
    "unknown_webhook",
    "position",
    "not_routed",
    "disabled",
    "filter",
]


@dataclass(frozen=True, slots=True)
class Delay:
    """An event that is to come back to `activities` through `tier` at `due_at_ms`."""

    event: Event
    tier: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one webhook made of an event. `webhook_id` is None when no webhook was looked at."""

    webhook_id: str | None
    reason: Reason
    detail: str = ""

    @property
    def fired(self) -> bool:
        """Whether the event became a delivery of this webhook."""
        return self.reason == "fired"


def deliveries_for(
    event: Event, configs: Configs, *, now_ms: int, end_delayed_tier: str
) -> tuple[Job | Delay, ...]:
    """The jobs that an event asks for, and for an `end` the event that is due later.

    The same event gives the same delivery ids each time, so a resend asks for nothing new.
    """
    if _account_reason(event, configs) is not None:
        return ()
    jobs = [
        _job(event, held, configs.offset, now_ms)
        for held in _candidates(event, configs)
        if _is_owed(event, held)
    ]
    if event.phase == END and _is_heard_of(END_DELAYED, event.account_id, configs):
        return (*jobs, _end_delayed(event, end_delayed_tier, now_ms))
    return tuple(jobs)


def explain(event: Event, configs: Configs) -> tuple[Verdict, ...]:
    """For each webhook of the event's account, by id, that it fired or the reason it did not."""
    reason = _account_reason(event, configs)
    if reason is not None:
        return (Verdict(None, reason, _account_detail(event, reason)),)
    verdicts = tuple(_verdict(event, held) for held in configs.webhooks_of(event.account_id))
    if event.webhook_id is not None and not _candidates(event, configs):
        missing = Verdict(event.webhook_id, "unknown_webhook", "the account has no such webhook")
        return (missing, *verdicts)
    return verdicts


def named_by(event: Event) -> str:
    """What a `route` event runs, in words."""
    if event.trigger_id is not None:
        return f"trigger {event.trigger_id}"
    return f"webhook {event.webhook_id}"


def _account_reason(event: Event, configs: Configs) -> Reason | None:
    account = configs.account(event.account_id)
    if account is None:
        return "unknown_account"
    return None if account.features.webhooks else "not_entitled"


def _account_detail(event: Event, reason: Reason) -> str:
    if reason == "unknown_account":
        return f"there is no account {event.account_id}"
    return f"the plan of account {event.account_id} does not include webhooks"


def _candidates(event: Event, configs: Configs) -> tuple[HeldWebhook, ...]:
    """The webhooks that the index says can fire: `_reason` says the same of each of them."""
    if event.phase != ROUTE:
        return configs.candidates(event.account_id, event.phase, event.activity)
    if event.webhook_id is None:  # it names a trigger
        return ()
    named = configs.held_webhook(event.account_id, event.webhook_id)
    return () if named is None else (named,)


def _reason(event: Event, held: HeldWebhook) -> Reason:
    webhook = held.webhook
    if event.phase == ROUTE:
        if webhook.id != event.webhook_id:
            return "not_routed"
    elif webhook.position != event.phase:
        return "position"
    if not webhook.enabled:
        return "disabled"
    return "fired" if held.filter.accepts(event.activity) else "filter"


def _is_owed(event: Event, held: HeldWebhook) -> bool:
    """Whether there is a job: one that was disabled automatically has its jobs recorded."""
    reason = _reason(event, held)
    if reason == "disabled" and held.webhook.disabled_reason is not None:
        return held.filter.accepts(event.activity)
    return reason == "fired"


def _is_heard_of(phase: str, account_id: int, configs: Configs) -> bool:
    """Whether the account has a webhook or a trigger at a phase."""
    return bool(configs.webhooks_at(account_id, phase) or configs.triggers_at(account_id, phase))


def _verdict(event: Event, held: HeldWebhook) -> Verdict:
    reason = _reason(event, held)
    details = {
        "not_routed": f"the event runs {named_by(event)} only",
        "position": f"the webhook is positioned at {held.webhook.position}, not {event.phase}",
        "disabled": disabled_detail(held.webhook),
    }
    if reason == "filter":
        unmet = held.filter.unmet(event.activity)
        return Verdict(held.webhook.id, reason, "; ".join(map(str, unmet)))
    return Verdict(held.webhook.id, reason, details.get(reason, ""))


def _job(event: Event, held: HeldWebhook, config_offset: int, now_ms: int) -> Job:
    webhook = held.webhook
    return Job(
        delivery_id=delivery_id(event.event_id, webhook.id, event.account_id),
        account_id=event.account_id,
        webhook_id=webhook.id,
        config_offset=config_offset,
        event=event,
        first_queued_at_ms=now_ms,
        expires_at_ms=now_ms + webhook.expire_after_s * 1_000,
        depth=depth_of(event.chain),
        chain=event.chain,
    )


def _end_delayed(event: Event, tier: str, now_ms: int) -> Delay:
    """The same snapshot at `end_delayed`: one event, however often the activity's end is told."""
    event_id = derived_event_id(event.account_id, event.activity_id, END_DELAYED, "delayed")
    later = {"event_id": event_id, "phase": END_DELAYED, "origin": "delayed"}
    return Delay(event.model_copy(update=later), tier, now_ms + TIER_BY_NAME[tier].delay_ms)
