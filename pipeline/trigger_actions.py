"""What a trigger that is run asks for, action by action: events, notices and commands.

Each has an id made of its cause and its trigger, so that the same cause asks for the same thing,
however often it is read. With a delay these wait in a tier, and nothing is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pipeline.chains import trigger_link, webhook_link
from pipeline.templates import RenderError, render
from pipeline.trigger_commands import changing
from pipeline.trigger_conditions import Moment
from pipeline.trigger_context import template_context
from pipeline.trigger_index import HeldTrigger
from schemas.account import Account
from schemas.command import Command
from schemas.event import Event
from schemas.ids import command_id, derived_event_id, notice_id
from schemas.notice import FailureTold, Notice
from schemas.phases import ROUTE
from schemas.tiers import TIER_BY_NAME, Tier
from schemas.trigger import (
    VALUE_CHARACTERS_MAX,
    Action,
    RunWebhook,
    Scoring,
    SendEmail,
    SendText,
    SettingField,
    Tagging,
)
from schemas.webhook import Webhook

# An alarm that is a day late tells of nothing that anybody would still do something about.
NOTICE_EXPIRES_AFTER_MS: Final = 24 * 60 * 60 * 1_000

Record: TypeAlias = Event | Notice | Command


@dataclass(frozen=True, slots=True)
class Late:
    """A record that is asked for later: it waits in `tier` until `due_at_ms`."""

    record: Record
    tier: Tier
    due_at_ms: int


Asked: TypeAlias = Record | Late


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An action (its place, from 0) that asks for nothing here, and why."""

    action: int
    type: str
    reason: Literal["loop", "unchanged", "render_error"]
    detail: str


@dataclass(frozen=True, slots=True)
class Cause:
    """What runs a trigger: an event, or a failure with the webhook that it is one of.

    `chain` is what led here.
    """

    id: str
    event: Event
    account: Account
    chain: tuple[str, ...]
    moment: Moment
    now_ms: int
    failure: FailureTold | None = None
    webhook: Webhook | None = None


def asked_of(held: HeldTrigger, cause: Cause) -> tuple[tuple[Asked, ...], tuple[LeftOut, ...]]:
    """What the actions of a trigger ask for, and those that ask for nothing."""
    asked: list[Asked] = []
    left_out: list[LeftOut] = []
    delay = held.trigger.delay
    tier = None if delay is None else TIER_BY_NAME[delay]
    due_at_ms = cause.now_ms if tier is None else cause.now_ms + tier.delay_ms
    for at, action in enumerate(held.trigger.actions):
        it = _asked(at, action, held, cause, due_at_ms)
        if isinstance(it, LeftOut):
            left_out.append(it)
        else:
            asked.append(it if tier is None else Late(it, tier, due_at_ms))
    return tuple(asked), tuple(left_out)


def _asked(
    at: int, action: Action, held: HeldTrigger, cause: Cause, due_at_ms: int
) -> Record | LeftOut:
    """What one action asks for."""
    if isinstance(action, RunWebhook):
        if webhook_link(action.webhook_id) in cause.chain:
            detail = f"webhook {action.webhook_id} is one of those that led here"
            return LeftOut(at, action.type, "loop", detail)
        return _run(action, held, cause)
    if isinstance(action, SendEmail | SendText):
        return _notice(at, action, held, cause, due_at_ms)
    try:
        wanted = _rendered(action, held, cause)
    except RenderError as error:
        return LeftOut(at, action.type, "render_error", str(error))
    changed = changing(wanted, cause.event.activity)
    if changed is None:
        return LeftOut(at, action.type, "unchanged", "the activity is so already")
    return _command(at, changed, held, cause)


def _chain(held: HeldTrigger, cause: Cause) -> tuple[str, ...]:
    return (*cause.chain, trigger_link(held.trigger.id))


def _run(action: RunWebhook, held: HeldTrigger, cause: Cause) -> Event:
    """The cause's snapshot as an event that runs the webhook."""
    distinction = f"{cause.id} {held.trigger.id} {action.webhook_id}"
    event = cause.event
    update = {
        "event_id": derived_event_id(event.account_id, event.activity_id, ROUTE, distinction),
        "phase": ROUTE,
        "webhook_id": action.webhook_id,
        "trigger_id": None,
        "origin": "trigger",
        "chain": _chain(held, cause),
    }
    return event.model_copy(update=update)


def _notice(
    at: int, action: SendEmail | SendText, held: HeldTrigger, cause: Cause, due_at_ms: int
) -> Notice:
    account_id = cause.account.id
    return Notice(
        notice_id=notice_id(cause.id, held.trigger.id, at, account_id),
        account_id=account_id,
        trigger_id=held.trigger.id,
        webhook_id=None if cause.webhook is None else cause.webhook.id,
        action=action,
        event=cause.event,
        failure=cause.failure,
        first_queued_at_ms=due_at_ms,
        expires_at_ms=due_at_ms + NOTICE_EXPIRES_AFTER_MS,
        chain=_chain(held, cause),
    )


def _rendered(
    action: Tagging | Scoring | SettingField, held: HeldTrigger, cause: Cause
) -> Tagging | Scoring | SettingField:
    """The action with its value written out; raises `RenderError`."""
    if not isinstance(action, SettingField):
        return action
    context = template_context(
        cause.account, held.trigger, cause.event, cause.webhook, cause.failure
    )
    value = render(action.value, context, mode="text", partials=cause.account.snippets)
    if len(value) > VALUE_CHARACTERS_MAX:
        message = f"the value has {len(value)} characters, more than {VALUE_CHARACTERS_MAX}"
        raise RenderError(message, 1, 1)
    return action.model_copy(update={"value": value})


def _command(
    at: int, action: Tagging | Scoring | SettingField, held: HeldTrigger, cause: Cause
) -> Command:
    return Command(
        command_id=command_id(cause.id, held.trigger.id, at, cause.account.id),
        account_id=cause.account.id,
        activity_id=cause.event.activity_id,
        trigger_id=held.trigger.id,
        event_id=cause.event.event_id,
        at_ms=cause.now_ms,
        chain=_chain(held, cause),
        action=action,
    )
