"""Which webhook and which activity a test, a preview or a run is about, said once for all."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from agents.api.models.trying import ActivityFrom
from agents.api.operation import Call
from agents.api.problems import conflict, invalid, not_found
from agents.clock import timestamp
from agents.history.cursors import is_askable
from agents.history.rows import ActivityRow
from pipeline.trials import SAMPLE_ACTIVITY, trial_event
from schemas.account import Account
from schemas.codec import Fault, Malformed, validate
from schemas.event import Event
from schemas.phases import ROUTE
from schemas.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Chosen:
    """An activity and where it came from."""

    activity: dict[str, Any]
    origin: ActivityFrom


def account_of(call: Call) -> Account:
    """The account of the call, if its plan has webhooks; else nothing may be sent for it."""
    account = call.account
    if account is None:
        raise LookupError("the operation's path names no account")
    if not account.features.webhooks:
        raise conflict("the account has no webhooks in its plan")
    return account


def webhook_of(call: Call) -> Webhook:
    """The webhook that the path names."""
    webhook = call.services.view.configs.webhook(call.account_id, call.path["id"])
    if webhook is None:
        raise not_found(f"webhook {call.path['id'][:100]}")
    return webhook


async def chosen(call: Call) -> Chosen:
    """The activity given or named in the body, else the most recent one, else a sample."""
    if call.body.activity is not None:
        return Chosen(call.body.activity, "given")
    row = await row_of(call)
    if row is None or row.content is None:
        return Chosen(SAMPLE_ACTIVITY, "sample")
    return Chosen(row.content, "latest" if call.body.activity_id is None else "named")


async def row_of(call: Call) -> ActivityRow | None:
    """The activity on record that the body names, or the most recent one if there is any."""
    if call.body.activity_id is None:
        return await call.services.history.latest_activity(call.account_id)
    named = str(call.body.activity_id)
    row = None
    if is_askable(named):
        row = await call.services.history.activity(call.account_id, named)
    if row is None or row.content is None:
        raise invalid([Fault("activity_id", "there is no such activity on record")])
    return row


async def run_event(call: Call, **named: str) -> Event:
    """The event that runs what is `named` (`webhook_id` or `trigger_id`), of an activity on record.

    It has the sequence of its snapshot, which is not a newer one by being told of again.
    """
    row = await row_of(call)
    if row is None:
        raise invalid([Fault("activity_id", "the account has no activity on record")])
    fields = {
        "event_id": f"run_{secrets.token_hex(12)}",
        "account_id": call.account_id,
        "phase": ROUTE,
        "occurred_at": timestamp(call.now_ms),
        "sequence": row.sequence,
        "activity": row.content,
        "origin": "run",
    }
    return validate(Event, {**fields, **named})


def event_of(webhook: Webhook, choice: Chosen, event_id: str | None = None) -> Event:
    """The event to try a webhook with; raises the problem of an activity that is none."""
    try:
        return trial_event(webhook, choice.activity, event_id)
    except Malformed as malformed:
        raise invalid(malformed.faults) from None
