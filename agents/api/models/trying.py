"""What is asked and answered when a webhook is tested, previewed or run."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, PlainValidator, model_validator

from agents.api.models.attempts import HeaderAnswer, RequestAnswer, ResponseAnswer, TimingsAnswer
from agents.api.models.base import Answer, Body
from pipeline.requests import Request, as_recorded
from schemas.event import ID_CHARACTERS_MAX


def _activity_id(given: object) -> int | str:
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    if isinstance(given, str) and 0 < len(given) <= ID_CHARACTERS_MAX:
        return given
    raise ValueError(f"must be an integer, or text of 1 to {ID_CHARACTERS_MAX} characters")


ActivityId: TypeAlias = Annotated[
    int | str,
    PlainValidator(_activity_id, json_schema_input_type=int | str),
]
# Where the activity of a test or a preview came from.
ActivityFrom: TypeAlias = Literal["given", "named", "latest", "sample"]

_FROM = (
    "`given` with the request, `named` by it, the account's `latest`, or a built-in `sample` "
    "where the account has none."
)


class RunBody(Body):
    """Which activity to run a webhook for."""

    activity_id: ActivityId | None = Field(
        None, description="An activity on record; left out, the account's most recent one."
    )


class TryBody(Body):
    """Which activity to try a webhook with: the account's most recent one, unless one is named."""

    activity_id: ActivityId | None = Field(None, description="An activity on record.")
    activity: dict[str, Any] | None = Field(
        None,
        description="The activity itself, or an event that holds one.",
        examples=[{"id": 4379952365, "caller_number": "+17205550123", "talk_time": 42}],
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.activity_id is not None and self.activity is not None:
            raise ValueError("activity: name one or give one, not both")
        return self


class PreviewBody(TryBody):
    """What to preview."""

    webhook: dict[str, Any] | None = Field(
        None,
        description="A webhook as it would be written, in place of the one that is kept. Masked "
        "secrets are those of the one that is kept.",
    )


class PreviewRequest(Answer):
    """The request that would be sent, its secrets masked."""

    method: str
    url: str
    headers: list[HeaderAnswer]
    body: str
    body_bytes: int

    @classmethod
    def of(cls, request: Request) -> Self:
        """The request as it is answered, with its whole body."""
        shown = RequestAnswer.of(as_recorded(request)).model_dump()
        return cls(**{**shown, "body": request.body.decode(errors="replace")})


class PreviewAnswer(Answer):
    """What the webhook makes of an activity. Nothing was sent."""

    activity_id: str
    activity_from: ActivityFrom = Field(description=_FROM)
    request: PreviewRequest


class TrialAnswer(Answer):
    """What came of a test: the request as it was sent, and what the endpoint answered."""

    delivery_id: str = Field(description="Under which it stands in the log, marked as a test.")
    activity_id: str
    activity_from: ActivityFrom = Field(description=_FROM)
    outcome: str = Field(description="`delivered`, `failed`, or `blocked`: nothing was sent.")
    reason: str
    detail: str
    rule: str | None = Field(description="The egress rule that forbids the address, if one does.")
    status: int | None = Field(description="What the endpoint answered; null without an answer.")
    request: RequestAnswer | None = Field(description="null when none could be made.")
    response: ResponseAnswer | None
    timings: TimingsAnswer
    is_recorded: bool = Field(description="False when Kafka could not be reached for the log.")


class RunAnswer(Answer):
    """A delivery that is under way."""

    delivery_id: str
    event_id: str
    activity_id: str
