"""What is asked and answered about deliveries and attempts."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import Field

from agents.api.models.base import Answer, Page
from agents.api.models.searching import SpanQuery, Word, moment, moment_or_none
from agents.history.rows import AttemptRow, DeliveryRow
from agents.history.search import AttemptSearch, DeliverySearch
from pipeline.history import Status
from schemas.attempt import Channel, OutcomeKind, Response, SentRequest, Timings
from schemas.common import Position

_STATUS: Final = r"^[1-9]([0-9][0-9]|xx)$"


class DeliveriesQuery(SpanQuery):
    """The query of the list of deliveries; its span is of when they were first queued."""

    webhook_id: Word | None = Field(None, description="Only of this webhook.")
    activity_id: Word | None = Field(None, description="Only of this activity.")
    status: Status | None = Field(None, description="How they stand.")
    phase: Position | None = Field(None, description="Only of events at this phase.")
    reason: Word | None = Field(None, description="The reason code of their last record.")
    is_test: bool | None = Field(None, description="Only tests, or none of them.")
    channel: Channel | None = Field(None, description="Only what goes out by this way.")
    trigger_id: Word | None = Field(None, description="Only what this trigger ran or sent.")
    replay_id: Word | None = Field(None, description="Only what this replay began again.")

    @property
    def search(self) -> DeliverySearch:
        """What to search for."""
        return DeliverySearch(
            webhook_id=self.webhook_id,
            activity_id=self.activity_id,
            status=self.status,
            phase=self.phase,
            reason=self.reason,
            is_test=self.is_test,
            channel=self.channel,
            trigger_id=self.trigger_id,
            replay_id=self.replay_id,
            window=self.window,
        )


class AttemptsQuery(SpanQuery):
    """The query of the log; its span is of when the records were made."""

    webhook_id: Word | None = Field(None, description="Only of this webhook.")
    activity_id: Word | None = Field(None, description="Only of this activity.")
    delivery_id: Word | None = Field(None, description="Only of this delivery.")
    status: Annotated[str, Field(pattern=_STATUS)] | None = Field(
        None, description="What the endpoint answered: a status such as `404`, or a class, `4xx`."
    )
    outcome: OutcomeKind | None = Field(None, description="What the attempt meant.")
    reason: Word | None = Field(None, description="A reason code such as `timeout`.")
    phase: Position | None = Field(None, description="Only of events at this phase.")
    source: Word | None = Field(None, description="The activity's tracking source, exactly.")
    url: Word | None = Field(None, description="A text that the URL holds, in any case.")
    is_test: bool | None = Field(None, description="Only tests, or none of them.")
    channel: Channel | None = Field(None, description="Only what goes out by this way.")
    trigger_id: Word | None = Field(None, description="Only what this trigger ran or sent.")
    replay_id: Word | None = Field(None, description="Only what this replay began again.")

    @property
    def search(self) -> AttemptSearch:
        """What to search for."""
        given = self.status or ""
        return AttemptSearch(
            webhook_id=self.webhook_id,
            activity_id=self.activity_id,
            delivery_id=self.delivery_id,
            status=int(given) if given.isdecimal() else None,
            status_class=int(given[0]) if given.endswith("xx") else None,
            outcome=self.outcome,
            reason=self.reason,
            phase=self.phase,
            source=self.source,
            url=self.url,
            is_test=self.is_test,
            channel=self.channel,
            trigger_id=self.trigger_id,
            replay_id=self.replay_id,
            window=self.window,
        )


class HeaderAnswer(Answer):
    """A header; of one that can hold a secret the value is masked."""

    name: str
    value: str


class RequestAnswer(Answer):
    """A request as it was sent, its secrets masked."""

    method: str
    url: str
    headers: list[HeaderAnswer]
    body: str = Field(description="Its first 16 KiB.")
    body_bytes: int = Field(description="How long it was.")

    @classmethod
    def of(cls, sent: SentRequest) -> Self:
        """The request as it is answered."""
        fields = sent.model_dump(include={"method", "url", "body", "body_bytes"})
        return cls(**fields, headers=_headers(sent.headers))


class ResponseAnswer(Answer):
    """What an endpoint answered."""

    status: int
    headers: list[HeaderAnswer] = Field(description="Some of them.")
    body: str = Field(description="Its beginning.")
    body_bytes: int = Field(description="How much of it was read.")
    cut: str | None = Field(description="Why that was not all: `too_long`, `unpacks_too_long`.")
    remote: str | None = Field(description="The address that answered.")

    @classmethod
    def of(cls, response: Response) -> Self:
        """The answer as it is answered."""
        fields = response.model_dump(exclude={"headers"})
        return cls(**fields, headers=_headers(response.headers))


def _headers(pairs: tuple[tuple[str, str], ...]) -> list[HeaderAnswer]:
    return [HeaderAnswer(name=name, value=value) for name, value in pairs]


class TimingsAnswer(Answer):
    """Milliseconds; null for what did not take place."""

    queue_ms: float | None = Field(description="From being queued, or due, to the request's start.")
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None = Field(description="From the start to the answer's first byte.")
    total_ms: float | None = Field(description="From the start to the answer's end.")

    @classmethod
    def of(cls, timings: Timings) -> Self:
        """The times as they are answered."""
        return cls(**timings.model_dump())


class NextAnswer(Answer):
    """What follows."""

    step: str = Field(
        description="`retry`, `defer` (put off without an attempt), `end`, or `late` (another "
        "sender decides)."
    )
    tier: str | None = Field(description="The delay that it waits for.")
    due_at: str | None


class AttemptAnswer(Answer):
    """One try of a delivery, or one other thing that happened to it."""

    id: str
    delivery_id: str = Field(description="Of a message, its own id: `nt_…`.")
    channel: str = Field(description="`webhook`, or `email` or `text` for a trigger's message.")
    webhook_id: str = Field(
        description="Of a message, the webhook whose failure it tells of; empty if of none."
    )
    trigger_id: str | None = Field(
        description="The trigger that ran the webhook, or whose message it is."
    )
    replay_id: str | None = Field(description="The replay that began this run.")
    webhook_version: int | None
    event_id: str
    activity_id: str
    phase: str
    attempt: int = Field(description="From 1; a rerun goes on counting.")
    rerun: int = Field(description="How often the delivery had been begun again by then.")
    deferrals: int = Field(description="How often it had been put off since the last attempt.")
    merged: int = Field(description="How many deliveries ended as `coalesced` for its sake.")
    lane: str
    is_test: bool
    at: str
    first_queued_at: str
    outcome: str
    reason: str
    detail: str
    status: int | None = Field(description="What the endpoint answered; null without an answer.")
    method: str | None = Field(description="null where no request was made.")
    url: str | None
    timings: TimingsAnswer
    next: NextAnswer
    request: RequestAnswer | None
    response: ResponseAnswer | None
    expired: bool = Field(
        description="Whether there was a request whose headers and body are no longer kept."
    )

    @classmethod
    def of(cls, row: AttemptRow) -> Self:
        """The attempt as it is answered."""
        kept = row.exchanged
        request = None if kept is None else kept.request
        response = None if kept is None else kept.response
        return cls(
            **{name: getattr(row, name) for name in _SAME},
            id=attempt_id(row.partition, row.offset),
            at=moment(row.at_ms),
            first_queued_at=moment(row.first_queued_at_ms),
            timings=TimingsAnswer.of(row.timings),
            next=NextAnswer(
                step=row.next_step, tier=row.next_tier, due_at=moment_or_none(row.next_due_ms)
            ),
            request=None if request is None else RequestAnswer.of(request),
            response=None if response is None else ResponseAnswer.of(response),
            expired=row.method is not None and kept is None,
        )


_SAME: Final = (
    *("delivery_id", "webhook_id", "webhook_version", "event_id", "activity_id", "phase"),
    *("attempt", "rerun", "deferrals", "merged", "lane", "is_test", "outcome", "reason", "detail"),
    *("status", "method", "url", "channel", "trigger_id", "replay_id"),
)


def attempt_id(partition: int, offset: int) -> str:
    """The id of the attempt whose record lies there."""
    return f"at_{partition}_{offset}"


class AttemptPage(Page[AttemptAnswer]):
    """A page of the log."""


class DeliverySummary(Answer):
    """A delivery in a list."""

    id: str
    channel: str = Field(description="`webhook`, or `email` or `text` for a trigger's message.")
    webhook_id: str
    trigger_id: str | None = Field(
        description="The trigger that ran the webhook, or whose message it is."
    )
    replay_id: str | None = Field(description="The replay that began its newest run.")
    event_id: str
    activity_id: str
    phase: str
    status: str = Field(
        description="`delivered`, `failed`, `skipped` (nothing was to be sent any more), "
        "`retrying` or `deferred` (it waits for its endpoint)."
    )
    attempts: int = Field(description="Requests made so far.")
    reruns: int = Field(description="How often it was begun again.")
    is_test: bool
    first_queued_at: str
    last_at: str = Field(description="When its last record was made.")
    last_outcome: str
    last_reason: str
    last_status: int | None = Field(description="What the endpoint answered last.")
    next: NextAnswer

    @classmethod
    def of(cls, row: DeliveryRow) -> Self:
        """The delivery as it is answered."""
        return cls(**_delivery(row))


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    same = ("webhook_id", "event_id", "activity_id", "phase", "status", "attempts", "reruns")
    last = ("is_test", "last_outcome", "last_reason", "last_status")
    asked_by = ("channel", "trigger_id", "replay_id")
    return {
        **{name: getattr(row, name) for name in (*same, *last, *asked_by)},
        "id": row.delivery_id,
        "first_queued_at": moment(row.first_queued_at_ms),
        "last_at": moment(row.last_at_ms),
        "next": NextAnswer(step=row.next_step, tier=None, due_at=moment_or_none(row.next_due_ms)),
    }


class DeliveryAnswer(DeliverySummary):
    """A delivery with its log."""

    log: list[AttemptAnswer] = Field(
        description="Its records, the latest first, at most 200; `GET …/attempts?delivery_id=` has "
        "all of them."
    )

    @classmethod
    def whole(cls, row: DeliveryRow, attempts: tuple[AttemptRow, ...]) -> Self:
        """The delivery as it is answered, with its log."""
        return cls(**_delivery(row), log=[AttemptAnswer.of(each) for each in attempts])


class DeliveryPage(Page[DeliverySummary]):
    """A page of deliveries."""
