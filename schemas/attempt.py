"""An attempt: what was asked, what came of it, and what happens next, in one record.

Every HTTP try is written, and so is every other end of a delivery (the webhook was deleted, the
job expired) and every deferral, so that there is one place to look for why nothing arrived.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.codec import Many, Pair, Record
from schemas.common import AccountId, Hash
from schemas.job import Lane

# What an attempt meant. `skipped` and `expired` are ends, `deferred` a postponement, without HTTP.
OutcomeKind = Literal["delivered", "failed", "blocked", "skipped", "expired", "deferred"]
Pairs = Many[Pair]
Channel = Literal["webhook", "email", "text"]


class Position(Record):
    """Where the job was read."""

    topic: str
    partition: int
    offset: int


class SentRequest(Record):
    """The request as sent, its secrets masked and its body cut to a bounded length.

    `body_sha256` is the hash, in hex, of the whole body when that was cut: whoever makes it again
    can prove that it is the same.
    """

    method: str
    url: str
    headers: Pairs
    body: str
    body_bytes: int
    body_sha256: Hash | None = None


class Response(Record):
    """The answer as received: its status, chosen headers and the beginning of its body.

    `body_bytes` counts what was read. `cut` says why that was not all: the body went on
    (`too_long`), or its compressed beginning unpacks to more than is unpacked (`unpacks_too_long`).
    """

    status: int
    headers: Pairs = ()
    body: str = ""
    body_bytes: int = 0
    cut: Literal["too_long", "unpacks_too_long"] | None = None
    remote: str | None = None


class Timings(Record):
    """Milliseconds. `queue_ms` is from first being queued (or due) to the start of the attempt.

    Look-up, connecting and TLS are none on a connection that is used again; first byte (of the
    answer) and total count from the attempt's start.
    """

    queue_ms: float | None = None
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None


class Next(Record):
    """What follows: another attempt through a tier at about `due_at_ms`, or nothing more.

    `late` says that nothing follows from this record: the sender that made the request had lost the
    job's partition by the time of the answer, and whoever has it now decides.
    """

    step: Literal["retry", "defer", "end", "late"]
    tier: str | None = None
    due_at_ms: int | None = None


class Attempt(Record):
    """One try of a delivery, or one other thing that happened to it.

    `merged` counts the deliveries that ended as `coalesced` because this one has a later snapshot.
    `rerun` says in which run of the delivery it was made, and `replay_id` which replay began that
    run. A test that somebody asked for has no `source`: no job led to it, and nothing follows from
    it. `trigger_id` is the trigger that ran the webhook, or that sends an email or a text (by its
    `channel`); the `webhook_id` of these is that of the webhook which failed, empty when none did.
    """

    delivery_id: str
    account_id: AccountId
    webhook_id: str
    webhook_version: int | None = None
    event_id: str
    activity_id: str
    phase: str
    attempt: Annotated[int, Field(ge=1)]
    rerun: Annotated[int, Field(ge=0)] = 0
    deferrals: Annotated[int, Field(ge=0)] = 0
    merged: Annotated[int, Field(ge=0)] = 0
    depth: int = 0
    lane: Lane
    at_ms: int
    first_queued_at_ms: int
    source: Position | None
    is_test: bool = False
    channel: Channel = "webhook"
    trigger_id: str | None = None
    replay_id: str | None = None
    outcome: OutcomeKind
    reason: str
    detail: str = ""
    request: SentRequest | None = None
    response: Response | None = None
    timings: Timings = Timings()
    next: Next
