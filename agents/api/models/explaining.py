"""What is asked and answered about why a webhook fired, or did not."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from agents.api.models.base import Answer, Page, PageQuery
from agents.api.models.searching import Word, moment
from pipeline.explaining import Explained, Owed, Seen
from pipeline.explaining_triggers import ExplainedTrigger


class ExplainQuery(PageQuery):
    """Which activity, or which of its events; and of which webhook, if not of all."""

    activity_id: Word | None = Field(None, description="Explain all events of this activity.")
    event_id: Word | None = Field(None, description="Explain this event alone.")
    webhook_id: Word | None = Field(None, description="Explain this webhook alone.")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.activity_id is None) == (self.event_id is None):
            raise ValueError("activity_id: give either this or event_id")
        return self


class ExplainedDelivery(Answer):
    """A delivery that is on record."""

    id: str
    event_id: str
    phase: str
    status: str
    path: str = Field(description="Where the delivery is read.")

    @classmethod
    def of(cls, owed: Owed, account_id: int) -> Self:
        """The delivery as it is answered."""
        return cls(
            id=owed.delivery_id,
            event_id=owed.event_id,
            phase=owed.phase,
            status=owed.status,
            path=f"/api/v1/accounts/{account_id}/deliveries/{owed.delivery_id}",
        )


class JudgedEvent(Answer):
    """The event that a reason is about."""

    id: str
    phase: str
    told_at: str

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """The event as it is answered."""
        return cls(id=seen.event.event_id, phase=seen.event.phase, told_at=moment(seen.at_ms))


class ExplainedWebhook(Answer):
    """What became of the activity at one webhook."""

    webhook_id: str
    name: str | None = Field(description="null when there is no such webhook any more.")
    fired: bool
    deliveries: list[ExplainedDelivery]
    reason: str = Field(
        description="`fired`, `position`, `filter`, `disabled`, `not_routed`, `unknown_webhook`, "
        "`not_entitled`, `no_delivery` (it would fire today) or `content_expired`."
    )
    detail: str = Field(description="The same in words: with the condition and the value.")
    judged_by: Literal["record", "todays_configuration"] = Field(
        description="Whether this is on record, or what today's configuration makes of the event."
    )
    judged_event: JudgedEvent | None = Field(
        description="The event that came nearest to firing; null for what is on record."
    )
    changed_since: bool = Field(
        description="Whether the webhook was changed after that event, so that another reason may "
        "have held at the time."
    )

    @classmethod
    def of(cls, explained: Explained, account_id: int) -> Self:
        """The explanation as it is answered."""
        judged = explained.judged
        return cls(
            webhook_id=explained.webhook_id,
            name=explained.name,
            fired=bool(explained.deliveries),
            deliveries=[ExplainedDelivery.of(each, account_id) for each in explained.deliveries],
            reason=explained.reason,
            detail=explained.detail,
            judged_by="record" if judged is None else "todays_configuration",
            judged_event=None if judged is None else JudgedEvent.of(judged),
            changed_since=explained.changed_since,
        )


class ExplainedTriggerAnswer(Answer):
    """What became of the activity at one trigger."""

    trigger_id: str
    name: str | None = Field(description="null when there is no such trigger any more.")
    deliveries: list[ExplainedDelivery] = Field(
        description="Of webhooks that it ran, and of its emails and texts; commands are not on "
        "record."
    )
    reason: str = Field(
        description="`fired` (it was run, or would be), `position`, `conditions`, `disabled`, "
        "`not_routed`, `unknown_trigger`, `loop` and `depth` (it had led there itself, or too much "
        "had), or `content_expired`."
    )
    detail: str = Field(description="The same in words: with the condition and the value.")
    judged_by: Literal["record", "todays_configuration"] = Field(
        description="Whether this is on record, or what today's configuration makes of the event."
    )
    judged_event: JudgedEvent | None = Field(
        description="The event that came nearest to running it; null for what is on record."
    )
    changed_since: bool = Field(description="Whether the trigger was changed after that event.")

    @classmethod
    def of(cls, explained: ExplainedTrigger, account_id: int) -> Self:
        """The explanation as it is answered."""
        judged = explained.judged
        return cls(
            trigger_id=explained.trigger_id,
            name=explained.name,
            deliveries=[ExplainedDelivery.of(each, account_id) for each in explained.deliveries],
            reason=explained.reason,
            detail=explained.detail,
            judged_by="record" if judged is None else "todays_configuration",
            judged_event=None if judged is None else JudgedEvent.of(judged),
            changed_since=explained.changed_since,
        )


class ExplainPage(Page[ExplainedWebhook]):
    """An explanation, webhook by webhook, by id."""

    activity_id: str
    event_id: str | None = Field(description="The event that was asked about, if one was.")
    triggers: list[ExplainedTriggerAnswer] = Field(
        description="Every trigger of the account, by id; with the first page, unless one webhook "
        "alone was asked about."
    )
