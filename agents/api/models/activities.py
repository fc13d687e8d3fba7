"""What is asked and answered about activities and their events."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, RootModel

from agents.api.models.base import Answer, Page
from agents.api.models.searching import SpanQuery, Word, moment, moment_or_none
from agents.history.rows import ActivityRow, EventRow
from agents.history.search import ActivitySearch
from schemas.common import Position


class ActivitiesQuery(SpanQuery):
    """The query of the list of activities; its span is of when something was told of them last."""

    phase: Position | None = Field(None, description="Only those whose last event had this phase.")
    direction: Word | None = Field(None, description="`inbound`, `outbound`, `form` …, exactly.")
    source: Word | None = Field(None, description="The tracking source's name, exactly.")

    @property
    def search(self) -> ActivitySearch:
        """What to search for."""
        return ActivitySearch(self.phase, self.direction, self.source, self.window)


class ActivitySummary(Answer):
    """An activity in a list: as its latest snapshot has it."""

    id: str = Field(description="The activity's id as text, whatever it is in the activity.")
    phase: str = Field(description="The phase that the latest snapshot came with.")
    sequence: int | None
    event_id: str = Field(description="The event that the latest snapshot came with.")
    direction: str | None
    source: str | None
    began_at: str | None = Field(description="Its `unix_time`.")
    told_at: str = Field(description="When that event came.")

    @classmethod
    def of(cls, row: ActivityRow) -> Self:
        """The activity as it is answered."""
        return cls(**_summary(row))


def _summary(row: ActivityRow) -> dict[str, Any]:
    began_ms = None if row.began_at_s is None else row.began_at_s * 1_000
    return {
        "id": row.activity_id,
        "phase": row.phase,
        "sequence": row.sequence,
        "event_id": row.event_id,
        "direction": row.kind,
        "source": row.source,
        "began_at": moment_or_none(began_ms),
        "told_at": moment(row.at_ms),
    }


class EventAnswer(Answer):
    """One event of an activity."""

    id: str
    phase: str
    sequence: int | None
    origin: str = Field(description="`upstream`, or `delayed` for what Hookline made itself.")
    webhook_id: str | None = Field(description="The webhook that a `route` event runs.")
    trigger_id: str | None = Field(description="The trigger that a `route` event runs.")
    occurred_at: str | None = Field(description="When it happened, as upstream says.")
    told_at: str = Field(description="When it came.")

    @classmethod
    def of(cls, row: EventRow) -> Self:
        """The event as it is answered."""
        return cls(
            id=row.event_id,
            phase=row.phase,
            sequence=row.sequence,
            origin=row.origin,
            webhook_id=row.webhook_id,
            trigger_id=row.trigger_id,
            occurred_at=row.occurred_at,
            told_at=moment(row.at_ms),
        )


class ActivityAnswer(ActivitySummary):
    """An activity with its events and its content."""

    events: list[EventAnswer] = Field(description="The newest 500, the latest first.")
    activity: dict[str, Any] | None = Field(
        description="The latest snapshot, every field as upstream sent it."
    )

    @classmethod
    def whole(cls, row: ActivityRow, events: tuple[EventRow, ...]) -> Self:
        """The activity as it is answered, with its events."""
        told = [EventAnswer.of(each) for each in events]
        return cls(**_summary(row), events=told, activity=row.content)


class ActivityContent(RootModel[dict[str, Any]]):
    """An activity, every field as upstream sent it: what a webhook with `log_data` is sent."""


class ActivityPage(Page[ActivitySummary]):
    """A page of activities."""
