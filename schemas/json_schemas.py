"""The JSON Schema of each record, made from the record itself, for producers in other languages.

Whatever Hookline writes is valid, and so is whatever it reads in that form. The other forms it
reads (`weburl`, a filter of one group, a call in `{"call": …}`) are kindnesses and not in a schema;
rules that span fields (an operator and its value) are the decoder's alone. Fields with a default
may be missing: a topic still holds records of older versions.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from schemas.attempt import Attempt
from schemas.codec import Record
from schemas.command import Command
from schemas.config import CONFIG_KINDS
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.failure import Failure
from schemas.inbound import Inbound
from schemas.job import Job
from schemas.notice import Notice
from schemas.notifier_state import NotifierState

# The file name of each schema, and the record it describes.
RECORDS: Final[dict[str, type[Record]]] = {
    "event": Event,
    "job": Job,
    "attempt": Attempt,
    "failure": Failure,
    "notice": Notice,
    "notifier_state": NotifierState,
    "command": Command,
    "inbound": Inbound,
    "dead_letter": DeadLetter,
    **CONFIG_KINDS,
}


class _Plain(GenerateJsonSchema):
    """Pydantic's schemas, without a title that only repeats the name of each field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's
        return False

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> dict[str, Any]:  # noqa: ANN401 - pydantic's
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}


def json_schema(name: str) -> dict[str, Any]:
    """The schema (draft 2020-12) of one of `RECORDS`."""
    schema = RECORDS[name].model_json_schema(schema_generator=_Plain)
    if name == "event":
        _make_id_optional(schema)
    return {"$id": f"{name}.json", **schema}


def _make_id_optional(event: dict[str, Any]) -> None:
    """A producer may leave the id out: `read_event` derives one, so that a resend is the same."""
    event["required"].remove("event_id")
    event["properties"]["event_id"] = {
        "anyOf": [event["properties"]["event_id"], {"enum": ["", None]}],
        "description": "Derived from account, activity, phase and sequence when missing or empty.",
    }
