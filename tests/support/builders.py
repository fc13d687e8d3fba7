"""Records for tests, each complete and ordinary, so that a test names only what it is about.

Overrides are given as they would stand in JSON (`retry={"schedule": ["5s"]}`) or as records.
"""

from __future__ import annotations

from typing import Any

from schemas.account import Account
from schemas.attempt import Attempt
from schemas.codec import validate
from schemas.dead_letter import DeadLetter
from schemas.event import Event, event_from
from schemas.failure import Failure
from schemas.ids import delivery_id
from schemas.inbound import Inbound
from schemas.job import Job
from schemas.key import Key
from schemas.notice import Notice
from schemas.replay import Replay
from schemas.rerun import Rerun
from schemas.source import Source
from schemas.trigger import Trigger
from schemas.webhook import Webhook

ACCOUNT_ID = 25
NOW_MS = 1_777_679_285_000  # 2026-05-01T23:48:05Z


def an_activity(**overrides: Any) -> dict[str, Any]:
    """The fields of a call that has ended, with those given on top."""
    return {
        "id": 4_379_952_365,
        "account_id": ACCOUNT_ID,
        "direction": "inbound",
        "source": "Google Ads",
        "tracking_number": "+13035550100",
        "caller_number": "+17205550123",
        "tag_list": ["new-lead"],
        "talk_time": 42,
        "duration": 61,
        **overrides,
    }


def an_event(phase: str = "end", **overrides: Any) -> Event:
    """An event of an ended call; a `route` event names the webhook `crm`."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT_ID,
        "phase": phase,
        "occurred_at": "2026-05-01T23:48:05Z",
        "activity": an_activity(),
    }
    if phase == "route":
        fields["webhook_id"] = "crm"
    return event_from({**fields, **overrides})


def an_account(**overrides: Any) -> Account:
    """An account entitled to webhooks."""
    return validate(Account, {"id": ACCOUNT_ID, "name": "Denver Doors", **overrides})


def a_webhook(**overrides: Any) -> Webhook:
    """An enabled webhook at `end`, without a filter."""
    fields = {
        "id": "crm",
        "account_id": ACCOUNT_ID,
        "name": "Calls to the CRM",
        "position": "end",
        "url": "https://crm.example.com/in",
    }
    if "weburl" in overrides:
        del fields["url"]
    return validate(Webhook, {**fields, **overrides})


def a_trigger(**overrides: Any) -> Trigger:
    """A trigger that emails, and runs only where something names it."""
    fields = {
        "id": "tell-sales",
        "account_id": ACCOUNT_ID,
        "name": "Tell sales",
        "actions": [{"type": "email", "to": ["sales@example.com"]}],
    }
    return validate(Trigger, {**fields, **overrides})


def a_source(**overrides: Any) -> Source:
    """An inbound endpoint that takes a form's phone number."""
    fields = {
        "id": "web-form",
        "account_id": ACCOUNT_ID,
        "name": "Form on the web site",
        "mapping": [{"target": "caller_number", "paths": ["phone"]}],
    }
    return validate(Source, {**fields, **overrides})


def a_key(**overrides: Any) -> Key:
    """An access key that may read."""
    fields = {
        "id": "reports",
        "account_id": ACCOUNT_ID,
        "name": "Reports",
        "scopes": ["read"],
        "secret_hash": "0" * 64,
    }
    return validate(Key, {**fields, **overrides})


def a_rerun(**overrides: Any) -> Rerun:
    """The first rerun of `a_job()`."""
    fields = {
        "id": a_job().delivery_id,
        "account_id": ACCOUNT_ID,
        "webhook_id": "crm",
        "number": 1,
        "expires_at_ms": NOW_MS + 7 * 24 * 60 * 60 * 1_000,
    }
    return validate(Rerun, {**fields, **overrides})


def a_replay(**overrides: Any) -> Replay:
    """A running replay of the failures of a day."""
    fields = {
        "id": "night",
        "account_id": ACCOUNT_ID,
        "selection": {"from_ms": NOW_MS - 24 * 60 * 60 * 1_000, "to_ms": NOW_MS},
        "started_at_ms": NOW_MS,
    }
    return validate(Replay, {**fields, **overrides})


def a_job(**overrides: Any) -> Job:
    """A delivery's first attempt, of `an_event()` for `a_webhook()` unless given others."""
    event = overrides.get("event") or an_event()
    webhook_id = overrides.get("webhook_id", "crm")
    account_id = overrides.get("account_id", event.account_id)
    fields = {
        "delivery_id": delivery_id(event.event_id, webhook_id, account_id),
        "account_id": account_id,
        "webhook_id": webhook_id,
        "config_offset": 3,
        "event": event,
        "first_queued_at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 3 * 24 * 60 * 60 * 1_000,
    }
    return validate(Job, {**fields, **overrides})


def an_attempt(**overrides: Any) -> Attempt:
    """The delivered first attempt of `a_job()`."""
    job = a_job()
    fields = {
        "delivery_id": job.delivery_id,
        "account_id": job.account_id,
        "webhook_id": job.webhook_id,
        "webhook_version": 1,
        "event_id": job.event.event_id,
        "activity_id": job.event.activity_id,
        "phase": job.event.phase,
        "attempt": 1,
        "lane": "new",
        "at_ms": NOW_MS + 5,
        "first_queued_at_ms": NOW_MS,
        "source": {"topic": "jobs", "partition": 3, "offset": 17},
        "outcome": "delivered",
        "reason": "2xx",
        "response": {"status": 200},
        "next": {"step": "end"},
    }
    return validate(Attempt, {**fields, **overrides})


def a_failure(**overrides: Any) -> Failure:
    """The first failure of `a_job()`, which its endpoint answered with 503."""
    fields = {
        "stage": "first",
        "at_ms": NOW_MS + 5,
        "attempts": 1,
        "reason": "5xx",
        "status": 503,
        "job": a_job(),
    }
    return validate(Failure, {**fields, **overrides})


def a_notice(**overrides: Any) -> Notice:
    """An email that tells of `a_failure()`."""
    failure = a_failure()
    told = failure.model_dump(include={"stage", "at_ms", "attempts", "reason", "status"})
    fields = {
        "notice_id": "nt_" + "a" * 26,
        "account_id": ACCOUNT_ID,
        "trigger_id": "tell-sales",
        "webhook_id": "crm",
        "action": {"type": "email", "to": ["sales@example.com"]},
        "event": failure.job.event,
        "failure": {**told, "delivery_id": failure.job.delivery_id},
        "first_queued_at_ms": NOW_MS + 5,
        "expires_at_ms": NOW_MS + 24 * 60 * 60 * 1_000,
        "chain": ["webhook/crm", "trigger/tell-sales"],
    }
    return validate(Notice, {**fields, **overrides})


def an_inbound(**overrides: Any) -> Inbound:
    """A form that `a_source()` took in."""
    fields = {
        "inbound_id": "in_" + "a" * 26,
        "account_id": ACCOUNT_ID,
        "source_id": "web-form",
        "source_version": 1,
        "at_ms": NOW_MS,
        "method": "POST",
        "content_type": "application/json",
        "body": "eyJwaG9uZSI6IisxNzIwNTU1MDEyMyJ9",
        "body_bytes": 24,
        "remote": "203.0.113.7",
        "outcome": "accepted",
        "activity_id": "form_1",
        "event_ids": ["ev_1", "ev_2"],
    }
    return validate(Inbound, {**fields, **overrides})


def a_dead_letter(**overrides: Any) -> DeadLetter:
    """A record on `activities` that was not JSON."""
    fields = {
        "topic": "activities",
        "partition": 3,
        "offset": 17,
        "timestamp_ms": NOW_MS,
        "at_ms": NOW_MS + 5,
        "faults": [{"field": "", "message": "not JSON"}],
        "key": None,
        "value": "bm90IGpzb24=",
    }
    return validate(DeadLetter, {**fields, **overrides})
