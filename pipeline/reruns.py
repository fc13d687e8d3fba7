"""Beginning a delivery again: the job of its next run, and the body that an earlier one sent.

A run has its own expiry and the whole retry schedule; attempts are numbered on. Whoever reruns a
delivery whose earlier run may still have a job waiting also writes the record that supersedes it.
"""

from __future__ import annotations

import hashlib
from typing import Final

from schemas.attempt import SentRequest
from schemas.event import Event
from schemas.job import Body, Job
from schemas.rerun import Rerun
from schemas.webhook import EXPIRE_AFTER_S_MAX, Webhook

# What an earlier run left waits no longer than a delivery may last; a day more for what is behind.
SUPERSEDED_MS: Final = (EXPIRE_AFTER_S_MAX + 24 * 60 * 60) * 1_000


def rerun_job(  # noqa: PLR0913 - keywords only: what is known of the delivery
    webhook: Webhook,
    event: Event,
    *,
    delivery_id: str,
    number: int,
    attempts: int,
    first_queued_at_ms: int,
    config_offset: int,
    body: Body | None,
    now_ms: int,
) -> Job:
    """The job of a delivery's run `number`, after so many `attempts`; without a body it is made."""
    return Job(
        delivery_id=delivery_id,
        account_id=webhook.account_id,
        webhook_id=webhook.id,
        config_offset=config_offset,
        event=event,
        attempt=attempts + 1,
        rerun=number,
        attempts_before=attempts,
        lane="replay",
        first_queued_at_ms=first_queued_at_ms,
        due_at_ms=now_ms,
        expires_at_ms=now_ms + webhook.expire_after_s * 1_000,
        body=body,
    )


def superseding(job: Job, now_ms: int) -> Rerun:
    """The record that makes senders drop what earlier runs of the job's delivery left."""
    return Rerun(
        id=job.delivery_id,
        account_id=job.account_id,
        webhook_id=job.webhook_id,
        number=job.rerun,
        expires_at_ms=now_ms + SUPERSEDED_MS,
    )


def kept_body(request: SentRequest) -> Body | None:
    """The body of a request on record; None when only its beginning was kept."""
    if request.body_sha256 is not None or len(request.body.encode()) != request.body_bytes:
        return None
    return Body(text=request.body, content_type=_content_type(request))


def is_same_body(body: Body, request: SentRequest) -> bool:
    """Whether a body made again is, to the byte, the one of a request on record."""
    return hashlib.sha256(body.text.encode()).hexdigest() == request.body_sha256


def _content_type(request: SentRequest) -> str | None:
    return next((value for name, value in request.headers if name.lower() == "content-type"), None)
