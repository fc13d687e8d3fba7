"""What is read from the history, as values: one class for each thing, named after its table's rows.

Content is whole or it is None: then it has expired, before the row that it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import RowMapping

from pipeline.history import unpacked
from schemas.attempt import Response, SentRequest, Timings
from schemas.codec import decode
from schemas.event import Event


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """An activity as its latest snapshot has it; `content` is None also where nobody asked."""

    activity_id: str
    event_id: str
    phase: str
    sequence: int | None
    at_ms: int
    began_at_s: int | None
    kind: str | None
    source: str | None
    content: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event; `content` is the activity as the event had it."""

    account_id: int
    event_id: str
    activity_id: str
    phase: str
    sequence: int | None
    origin: str
    webhook_id: str | None
    trigger_id: str | None
    chain: str
    occurred_at: str | None
    at_ms: int
    content: dict[str, Any] | None = None

    @property
    def event(self) -> Event:
        """The event as it was; where its content has expired its activity has nothing but an id."""
        return Event.model_validate(
            {
                "event_id": self.event_id,
                "account_id": self.account_id,
                "phase": self.phase,
                "occurred_at": self.occurred_at,
                "sequence": self.sequence,
                "activity": {"id": self.activity_id} if self.content is None else self.content,
                "webhook_id": self.webhook_id,
                "trigger_id": self.trigger_id,
                "chain": self.chain.split(),
                "origin": self.origin,
            }
        )


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """How far a delivery has come; `last_status` is HTTP's."""

    delivery_id: str
    webhook_id: str
    event_id: str
    activity_id: str
    phase: str
    status: str
    attempts: int
    reruns: int
    deferrals: int
    first_queued_at_ms: int
    last_at_ms: int
    last_outcome: str
    last_reason: str
    last_status: int | None
    next_step: str
    next_due_ms: int | None
    is_test: bool
    channel: str
    trigger_id: str | None
    replay_id: str | None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The request and the answer of an attempt; none of either where there was none."""

    request: SentRequest | None
    response: Response | None

    @classmethod
    def of(cls, content: bytes | None) -> Self | None:
        """What is kept of them."""
        if content is None:
            return None
        kept = unpacked(content)
        request, response = kept["request"], kept["response"]
        return cls(
            None if request is None else SentRequest.model_validate(request, extra="ignore"),
            None if response is None else Response.model_validate(response, extra="ignore"),
        )


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One record of the attempts topic; `partition` and `offset` say which."""

    partition: int
    offset: int
    delivery_id: str
    webhook_id: str
    webhook_version: int | None
    event_id: str
    activity_id: str
    phase: str
    rerun: int
    attempt: int
    deferrals: int
    merged: int
    depth: int
    lane: str
    at_ms: int
    first_queued_at_ms: int
    outcome: str
    reason: str
    detail: str
    method: str | None
    url: str | None
    status: int | None
    timings: Timings
    next_step: str
    next_tier: str | None
    next_due_ms: int | None
    is_test: bool
    channel: str
    trigger_id: str | None
    replay_id: str | None
    exchanged: Exchanged | None = None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """The attempt in a row that also has the `content` of its exchange, or None for it."""
        fields = {name: value for name, value in row.items() if name != "content"}
        timings = decode(Timings, fields.pop("timings").encode())
        return cls(**fields, timings=timings, exchanged=Exchanged.of(row["content"]))


def content_of(packed: bytes | None) -> dict[str, Any] | None:
    """An activity's content, or None for none."""
    found: dict[str, Any] | None = None if packed is None else unpacked(packed)
    return found
