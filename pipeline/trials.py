"""Trying a webhook out: the event and the job that stand for a real one, of an activity at hand.

They are at the webhook's own position, whatever its filter says and whether or not it is enabled.
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.configs import Configs
from schemas.account import Account
from schemas.codec import encode
from schemas.config import Config, key_of
from schemas.event import Event, event_from
from schemas.ids import delivery_id
from schemas.job import Job
from schemas.phases import ROUTE
from schemas.webhook import Webhook

# For accounts that had no activity yet. Its numbers are ones that nobody is ever given.
SAMPLE_ACTIVITY: Final[dict[str, Any]] = {
    "id": 1,
    "name": "Sample Caller",
    "search": "plumber near me",
    "referrer": "https://www.example.com/search",
    "location": "https://www.example.org/contact",
    "source": "Google Ads",
    "direction": "inbound",
    "status": "completed",
    "call_status": "completed",
    "caller_number": "+13035550123",
    "caller_number_format": "(303) 555-0123",
    "tracking_number": "+13035550100",
    "tracking_label": "Web site",
    "business_number": "+13035550199",
    "called_at": "2026-05-01 05:47 PM -06:00",
    "unix_time": 1_777_679_245,
    "duration": 61,
    "talk_time": 42,
    "ring_time": 8,
    "city": "Denver",
    "state": "CO",
    "country": "US",
    "postal_code": "80202",
    "tag_list": ["sample"],
    "notes": "",
}


def trial_event(webhook: Webhook, given: dict[str, Any], event_id: str | None = None) -> Event:
    """An event of the webhook's account at its position; raises `Malformed`.

    `given` is an activity, or an event that holds one, whose account and phase are passed over.
    """
    is_event = any(isinstance(given.get(name), dict) for name in ("activity", "call"))
    fields = given if is_event else {"activity": given}
    ours: dict[str, Any] = {
        "account_id": webhook.account_id,
        "phase": webhook.position,
        "webhook_id": webhook.id if webhook.position == ROUTE else None,
    }
    if event_id is not None:
        ours["event_id"] = event_id
    return event_from({**fields, **ours})


def trial_job(webhook: Webhook, event: Event, *, now_ms: int) -> Job:
    """The first attempt that the event asks for."""
    return Job(
        delivery_id=delivery_id(event.event_id, webhook.id, webhook.account_id),
        account_id=webhook.account_id,
        webhook_id=webhook.id,
        config_offset=0,
        event=event,
        first_queued_at_ms=now_ms,
        expires_at_ms=now_ms + webhook.expire_after_s * 1_000,
    )


def trial_configs(account: Account, webhook: Webhook) -> Configs:
    """A configuration of these two alone."""
    configs = Configs()
    records: tuple[Config, ...] = (account, webhook)
    for offset, record in enumerate(records):
        configs.apply(str(key_of(record)).encode(), encode(record), offset)
    return configs
