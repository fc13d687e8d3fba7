"""The request a job makes: method, URL, headers and body, from the webhook as it is now.

The body is frozen at the first attempt and travels with the job, so every attempt of a delivery
says the same; URL, credentials and signature are always the current ones.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

import pydantic_core

from pipeline.signatures import signature_headers
from schemas.attempt import SentRequest
from schemas.job import Body, Job
from schemas.webhook import Webhook

USER_AGENT: Final = "Hookline/0.1"
JSON: Final = "application/json"

# What an attempt's record keeps of a request body, which may be a megabyte.
BODY_BYTES_KEPT: Final = 16 * 1024

MASK: Final = "•••"
# Headers that cannot hold a secret; every other header's value is masked where it is shown.
_SHOWN: Final = frozenset(
    {
        "accept",
        "content-type",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent, but for its connection."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def body_of(job: Job) -> Body:
    """The body of the delivery: the frozen one, or at the first attempt the activity as JSON."""
    if job.body is not None:
        return job.body
    return Body(text=pydantic_core.to_json(job.event.activity).decode(), content_type=JSON)


def request_for(webhook: Webhook, job: Job, body: Body, *, now_s: int) -> Request:
    """The request of the job's attempt, signed at `now_s` (seconds since the epoch)."""
    data = body.text.encode()
    own = {
        "User-Agent": USER_AGENT,
        "Content-Type": body.content_type,
        "webhook-id": job.delivery_id,
        "webhook-timestamp": str(now_s),
    }
    own |= signature_headers(webhook.signing, job.delivery_id, now_s, data)
    if webhook.basic_auth is not None:
        pair = f"{webhook.basic_auth.username}:{webhook.basic_auth.password}"
        own["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    given = {header.name.lower() for header in webhook.headers}
    headers = [(name, value) for name, value in own.items() if name.lower() not in given]
    headers += [(header.name, header.value) for header in webhook.headers]
    return Request(webhook.method, webhook.url, tuple(headers), data)


def as_recorded(request: Request) -> SentRequest:
    """The request as the log keeps it: secrets masked, the body cut to a bounded length."""
    return SentRequest(
        method=request.method,
        url=request.url,
        headers=tuple((name, _masked(name, value)) for name, value in request.headers),
        body=request.body[:BODY_BYTES_KEPT].decode(errors="replace"),
        body_bytes=len(request.body),
    )


def _masked(name: str, value: str) -> str:
    return value if name.lower() in _SHOWN else MASK
