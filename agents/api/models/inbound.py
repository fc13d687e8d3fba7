"""What is asked and answered about requests that came to sources."""

from __future__ import annotations

import base64
from typing import Annotated, Literal, Self

from pydantic import Field

from agents.api.models.attempts import HeaderAnswer
from agents.api.models.base import Answer, Body, Page
from agents.api.models.searching import Moment, SpanQuery, Word, milliseconds, moment
from agents.api.problems import FieldFault
from agents.history.inbound import Held, InboundRow, InboundSearch
from agents.history.search import Window

# More are mapped again by asking again, with the cursor.
AGAIN_MAX = 200

Result = Literal["accepted", "rejected"]
_REASON = (
    "Why it was rejected: `disabled`, `unverified`, `too_large`, `too_slow`, `unreadable` or "
    "`invalid`."
)


class InboundQuery(SpanQuery):
    """The query of the list of requests."""

    source_id: Word | None = Field(None, description="Only to this source.")
    outcome: Result | None = Field(None, description="Only what was taken in, or refused.")
    reason: Word | None = Field(None, description=_REASON)
    activity_id: Word | None = Field(None, description="Only what became this activity.")
    open: bool = Field(
        default=False,
        description="Only what was rejected for what it says, and nothing came of it since.",
    )

    @property
    def search(self) -> InboundSearch:
        """What to search for."""
        return InboundSearch(
            source_id=self.source_id,
            outcome=self.outcome,
            reason=self.reason,
            activity_id=self.activity_id,
            is_open=self.open,
            window=self.window,
        )


class InboundSummary(Answer):
    """A request in a list."""

    id: str
    source_id: str
    at: str = Field(description="When it came.")
    method: str
    content_type: str
    body_bytes: int = Field(description="How long its body was.")
    is_cut: bool = Field(description="Whether only the body's beginning was kept.")
    remote: str | None = Field(description="The address that it came from.")
    outcome: Result
    reason: str = Field(description=_REASON)
    faults: list[FieldFault]
    activity_id: str | None = Field(description="The activity that it became.")
    event_ids: list[str]
    remapped_from: str | None = Field(
        description="The rejected request of which this came, when it was mapped again."
    )

    @classmethod
    def of(cls, row: InboundRow) -> Self:
        """The request as it is answered."""
        return cls(**_summary(row))


class HeldAnswer(Answer):
    """What a request held, its keys and passwords masked."""

    query: str
    headers: list[HeaderAnswer]
    body: str = Field(description="As text; what is none of it is shown as U+FFFD.")
    body_base64: str

    @classmethod
    def of(cls, held: Held) -> Self:
        """The content as it is answered."""
        return cls(
            query=held.query,
            headers=[HeaderAnswer(name=name, value=value) for name, value in held.headers],
            body=base64.b64decode(held.body).decode(errors="replace"),
            body_base64=held.body,
        )


class InboundAnswer(InboundSummary):
    """One request."""

    content: HeldAnswer | None = Field(description="null when it has expired.")

    @classmethod
    def whole(cls, row: InboundRow) -> Self:
        """The request as it is answered, with what it held."""
        held = None if row.held is None else HeldAnswer.of(row.held)
        return cls(**_summary(row), content=held)


class InboundPage(Page[InboundSummary]):
    """A page of requests."""


class AgainAnswer(Answer):
    """What came of mapping a request again, by its source as it is now."""

    id: str = Field(description="The request that was rejected.")
    outcome: Result
    inbound_id: str | None = Field(description="The record of what came of it; null for nothing.")
    activity_id: str | None
    event_ids: list[str]
    faults: list[FieldFault] = Field(description="Why it is rejected still.")


class AgainBody(Body):
    """Which requests to map again: those that are open, the last first."""

    source_id: Word | None = Field(None, description="Only of this source.")
    reason: Word | None = Field(None, description="Only those rejected for this reason.")
    from_: Moment | None = Field(None, alias="from", description="From this time on (RFC 3339).")
    to: Moment | None = Field(None, description="Before this time (RFC 3339).")
    limit: Annotated[int, Field(ge=1, le=AGAIN_MAX)] = Field(
        AGAIN_MAX, description="How many at most."
    )
    cursor: Annotated[str, Field(max_length=2_000)] | None = Field(
        None, description="`next_cursor` of the answer before, to go on."
    )

    @property
    def search(self) -> InboundSearch:
        """What to search for."""
        window = Window(milliseconds(self.from_), milliseconds(self.to))
        return InboundSearch(
            source_id=self.source_id, reason=self.reason, is_open=True, window=window
        )


class AgainPage(Page[AgainAnswer]):
    """What came of mapping requests again."""

    accepted: int = Field(description="How many became activities.")
    rejected: int = Field(description="How many are rejected still.")


def _summary(row: InboundRow) -> dict[str, object]:
    return {
        "id": row.inbound_id,
        "source_id": row.source_id,
        "at": moment(row.at_ms),
        "method": row.method,
        "content_type": row.content_type,
        "body_bytes": row.body_bytes,
        "is_cut": row.cut,
        "remote": row.remote,
        "outcome": row.outcome,
        "reason": row.reason,
        "faults": [FieldFault(field=it.field, message=it.message) for it in row.faults],
        "activity_id": row.activity_id,
        "event_ids": [*row.event_ids],
        "remapped_from": row.remapped_from,
    }
