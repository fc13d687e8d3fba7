"""The request a job makes: method, URL, headers and body, from the webhook as it is now.

The body is frozen at the first attempt and travels with the job (`pipeline.bodies`); URL,
credentials and signature are always the current ones. A pixel without a body signs an empty one.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from pipeline.bodies import visible_activity
from pipeline.signatures import signature_headers
from pipeline.urls import compile_url
from schemas.account import Account
from schemas.attempt import SentRequest
from schemas.job import Body, Job
from schemas.webhook import Webhook

USER_AGENT: Final = "Hookline/0.1"

# What an attempt's record keeps of a request body, which may be a megabyte.
BODY_BYTES_KEPT: Final = 16 * 1024

MASK: Final = "•••"
# Headers that cannot hold a secret; every other header's value is masked where it is shown.
_SHOWN: Final = frozenset(
    {
        "accept",
        "content-type",
        "idempotency-key",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        "x-ctm-time",  # its signature is masked: a short secret could be guessed from it
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent, but for its connection."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def request_for(webhook: Webhook, account: Account, job: Job, body: Body, *, now_s: int) -> Request:
    """The request of the job's attempt, signed at `now_s` (seconds since the epoch).

    Raises `UrlError` when the activity's values make no URL.
    """
    url = compile_url(webhook.url, is_pixel=webhook.body_type == "pixel")
    data = body.text.encode()
    own = _own_headers(webhook, job, body) | {"webhook-timestamp": str(now_s)}
    own |= signature_headers(webhook.signing, job.delivery_id, now_s, data)
    given = {header.name.lower() for header in webhook.headers}
    headers = [(name, value) for name, value in own.items() if name.lower() not in given]
    headers += [(header.name, header.value) for header in webhook.headers]
    return Request(
        webhook.method,
        url.expand(visible_activity(job.event.activity, account)),
        tuple(headers),
        data,
    )


def _own_headers(webhook: Webhook, job: Job, body: Body) -> dict[str, str]:
    own = {"User-Agent": USER_AGENT, "webhook-id": job.delivery_id}
    if body.content_type is not None:
        own["Content-Type"] = body.content_type
    if webhook.idempotency_key:
        own["Idempotency-Key"] = job.delivery_id
    if webhook.basic_auth is not None:
        pair = f"{webhook.basic_auth.username}:{webhook.basic_auth.password}"
        own["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return own


def as_recorded(request: Request) -> SentRequest:
    """The request as the log keeps it: secrets masked, the body cut to a bounded length."""
    is_cut = len(request.body) > BODY_BYTES_KEPT
    return SentRequest(
        method=request.method,
        url=request.url,
        headers=tuple((name, _masked(name, value)) for name, value in request.headers),
        body=request.body[:BODY_BYTES_KEPT].decode(errors="replace"),
        body_bytes=len(request.body),
        body_sha256=hashlib.sha256(request.body).hexdigest() if is_cut else None,
    )


def _masked(name: str, value: str) -> str:
    return value if name.lower() in _SHOWN else MASK
