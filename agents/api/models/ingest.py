"""What is asked and answered when events are taken in."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, GetJsonSchemaHandler, JsonValue, RootModel, model_validator
from pydantic_core import CoreSchema

from agents.api.models.base import Answer
from agents.api.problems import FieldFault
from schemas.event import ID_CHARACTERS_MAX, Event
from schemas.phases import PHASE_IDS

EVENTS_MAX: Final = 1_000

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["phase", "activity"],
    "properties": {
        "event_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": ID_CHARACTERS_MAX,
            "description": "Derived from the rest when missing, so that a resend is the same.",
        },
        "phase": {"type": "string", "examples": [*PHASE_IDS]},
        "occurred_at": {"type": "string", "description": "RFC 3339."},
        "sequence": {"type": "integer", "description": "Orders the events of one activity."},
        "activity": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": ["integer", "string"]}},
            "description": "Every field that is known; the id at least.",
        },
        "webhook_id": {"type": "string", "description": "Of a `route` event: the one it runs."},
        "trigger_id": {"type": "string", "description": "Of a `route` event: the one it runs."},
        "chain": {
            **Event.model_json_schema()["properties"]["chain"],
            "description": "What led here: that of the command which made upstream change the "
            "activity, so that no trigger runs itself.",
        },
    },
    "examples": [
        {
            "phase": "end",
            "occurred_at": "2026-05-01T23:48:05Z",
            "activity": {"id": 4379952365, "caller_number": "+17205550123", "talk_time": 42},
        }
    ],
}


class IngestBody(RootModel[JsonValue]):
    """One event, or a list of up to 1,000; each is read as it would be on the topic."""

    @model_validator(mode="after")
    def _one_or_some(self) -> IngestBody:
        given = self.root
        if isinstance(given, dict) or (isinstance(given, list) and 0 < len(given) <= EVENTS_MAX):
            return self
        raise ValueError(f"must be an event, or a list of 1 to {EVENTS_MAX} events")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of events, which the events' own decoder checks."""
        many = {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": EVENTS_MAX}
        return {"title": "IngestBody", "description": cls.__doc__, "anyOf": [_EVENT, many]}


class IngestItem(Answer):
    """What became of one event."""

    index: int = Field(description="Its place in the list, from 0.")
    status: Literal["accepted", "refused"]
    event_id: str | None = Field(description="null where it was refused.")
    activity_id: str | None
    errors: list[FieldFault]


class IngestAnswer(Answer):
    """What became of each event. Those accepted are in Kafka, and will not be lost."""

    accepted: int
    refused: int
    items: list[IngestItem]
