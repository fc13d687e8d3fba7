"""An event: one activity at one phase, the record on `activities`.

Upstream systems produce it in one of two shapes: ours, with the activity under `activity`, or the
flat payload of a call wrapped as `{"call": {…}}`, whose account and phase may stand inside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import ConfigDict, Field, field_validator, model_validator

from schemas.codec import Fault, Malformed, Many, Record, parse_json, validate
from schemas.common import CHAIN_MAX, AccountId, Link
from schemas.ids import content_hash, derived_event_id
from schemas.phases import PHASE_IDS, ROUTE, canonical_phase

# The largest activity seen is a long transcript of about 200 KB; five times that is generous.
EVENT_BYTES_MAX: Final = 1024 * 1024
ID_CHARACTERS_MAX: Final = 200

# What the JSON Schema says of an activity; `_has_an_id` is the same rule for the decoder.
_ACTIVITY: Final[dict[str, Any]] = {
    "required": ["id"],
    "properties": {
        "id": {"type": ["integer", "string"], "minLength": 1, "maxLength": ID_CHARACTERS_MAX}
    },
}


class Event(Record):
    """One activity at one phase. `activity` is the snapshot: every field as upstream sent it.

    `phase` is canonical. `sequence` orders the events of one activity. A `route` event names what
    it runs: a webhook or a trigger. `origin` says who made the event: upstream, or Hookline itself,
    when the delay after an activity's end was over (`delayed`), when somebody asked for something
    to be run with an activity that is on record (`run`), or when a trigger ran a webhook
    (`trigger`). `chain` is what led to it; upstream repeats that of a command which made it change
    the activity. Unknown fields beside the activity are ignored, so that upstream may add some
    without losing an event.
    """

    model_config = ConfigDict(extra="ignore")

    event_id: Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX)]
    account_id: AccountId
    phase: Annotated[str, Field(json_schema_extra={"examples": [*PHASE_IDS]})]
    occurred_at: str | None = None
    sequence: int | None = None
    activity: Annotated[dict[str, Any], Field(json_schema_extra=_ACTIVITY)]
    webhook_id: str | None = None
    trigger_id: str | None = None
    origin: Literal["upstream", "delayed", "run", "trigger"] = "upstream"
    chain: Annotated[Many[Link], Field(max_length=CHAIN_MAX)] = ()

    @field_validator("phase")
    @classmethod
    def _known_phase(cls, phase: str) -> str:
        canonical = canonical_phase(phase)
        if canonical is None:
            raise ValueError(f"unknown phase {phase[:40]!r}; known are {', '.join(PHASE_IDS)}")
        return canonical

    @field_validator("activity")
    @classmethod
    def _has_an_id(cls, activity: dict[str, Any]) -> dict[str, Any]:
        if not _is_activity_id(activity.get("id")):
            raise ValueError(
                f"id: must be an integer, or text of 1 to {ID_CHARACTERS_MAX} characters"
            )
        return activity

    @model_validator(mode="after")
    def _route_names_what_it_runs(self) -> Event:
        named = (self.webhook_id is not None) + (self.trigger_id is not None)
        if named != (self.phase == ROUTE):
            raise ValueError(
                "webhook_id: a route event must name one webhook or one trigger, no other event may"
            )
        return self

    @property
    def activity_id(self) -> str:
        """The activity's id as text, for keys and searches."""
        return str(self.activity["id"])

    @property
    def key(self) -> bytes:
        """The record's key on `activities`: all events of one activity keep their order."""
        return f"{self.account_id}:{self.activity_id}".encode()


def _is_activity_id(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (
        isinstance(value, str) and 0 < len(value) <= ID_CHARACTERS_MAX
    )


def read_event(data: bytes) -> Event:
    """The event in a record's value, in either shape; raises `Malformed` with all its faults."""
    if len(data) > EVENT_BYTES_MAX:
        raise Malformed((Fault("", f"{len(data)} bytes, more than {EVENT_BYTES_MAX}"),))
    return event_from(parse_json(data))


def event_from(document: object) -> Event:
    """The event in a parsed document, in either shape, with its id derived when it has none."""
    if not isinstance(document, dict):
        raise Malformed((Fault("", "an event must be an object"),))
    fields = _unwrapped(document)
    if fields.get("event_id") in (None, ""):
        fields["event_id"] = _derived_id(fields)
    return validate(Event, fields)


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    fields = dict(document)
    call = fields.pop("call", None)
    if isinstance(call, dict) and "activity" not in fields:
        fields["activity"] = call
        for name in ("account_id", "phase"):
            if name not in fields and name in call:
                fields[name] = call[name]
    elif isinstance(fields.get("activity"), dict):
        inner = fields["activity"].get("call")
        if isinstance(inner, dict) and "id" not in fields["activity"]:
            fields["activity"] = inner
    return fields


def _derived_id(fields: dict[str, Any]) -> str:
    """An id for whatever is there: a document with faults is refused right after."""
    activity = fields.get("activity")
    activity_id = activity.get("id") if isinstance(activity, dict) else None
    phase = canonical_phase(str(fields.get("phase"))) or ""
    sequence = fields.get("sequence")
    distinction = f"sequence {sequence}" if sequence is not None else _content(activity)
    account_id = fields.get("account_id")
    known = account_id if isinstance(account_id, int) else 0
    return derived_event_id(known, str(activity_id), phase, distinction)


def _content(activity: object) -> str:
    try:
        return content_hash(orjson.dumps(activity, option=orjson.OPT_SORT_KEYS))
    except TypeError:  # an integer beyond 64 bits: its text serves as well
        return content_hash(repr(activity).encode(errors="surrogatepass"))
