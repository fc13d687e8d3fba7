"""What an inbound request becomes: an activity of ours and its events, or every reason why not.

An activity's id comes from the sender's id of the request, so a request that is sent again is the
same events. Without such an id it comes from what was sent and the day it came on: a form that is
sent twice is one activity, and the same form of another day is another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pydantic_core

from pipeline.activity_fields import COUNTRY_CODE, CUSTOM, CUSTOM_FIELDS, steps_of
from pipeline.form_events import with_end
from pipeline.inbound_request import InboundRequest
from pipeline.mapping import RowResult, map_rows, path_of
from pipeline.own_names import LABELS, own_labels, own_rows
from pipeline.paths import as_text
from pipeline.transforms import Surroundings
from schemas.codec import FAULTS_MAX, Fault, Malformed, encode, validate
from schemas.event import EVENT_BYTES_MAX, Event
from schemas.ids import content_hash, derived_event_id
from schemas.mapping import MappingRow
from schemas.source import PresetVerification, Source

FORM: Final = "form"
DAY_MS: Final = 24 * 60 * 60 * 1_000
# Of what a row found, a preview shows the beginning.
SHOWN_CHARACTERS_MAX: Final = 500

# Where senders put their own id of a request, unless the source says another place.
_ID_HEADERS: Final = (
    "webhook-id",
    "idempotency-key",
    "x-github-delivery",
    "x-shopify-webhook-id",
    "i-twilio-idempotency-token",
)
_DIRECTIONS: Final = {
    "inbound_text": "msg_inbound",
    "outbound_text": "msg_outbound",
    "status_change": "msg_outbound",
}
_KNOWN_DIRECTIONS: Final = ("inbound", "outbound", "msg_inbound", "msg_outbound", "chat", FORM)
_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")
_NUMBER: Final = "caller_number"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a request became: the events to write, and what each row did."""

    activity: dict[str, Any]
    events: tuple[Event, ...]
    rows: tuple[RowResult, ...]
    warnings: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a payload would become. `activity` is None where `faults` say why."""

    rows: tuple[RowResult, ...]
    activity: dict[str, Any] | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def take_in(
    source: Source, request: InboundRequest, payload: dict[str, Any], time_zone: str
) -> TakenIn:
    """The events of a request; raises `Malformed` with every fault, by the field of the activity.

    `payload` is what was read of it (pipeline.inbound_bodies); `time_zone` is the account's, for
    times without an offset.
    """
    sender_id = _sender_id(source, request, payload)
    activity_id = _activity_id(source, sender_id, payload, request.at_ms)
    read = _read(source, payload, time_zone)
    activity = _activity(source, read, activity_id, request.at_ms)
    event = _event(source, activity, request.at_ms)
    events = with_end(event) if source.phase == FORM else (event,)
    warnings = read.warnings
    if source.deduplication is not None and sender_id is None:
        said = (
            "the sender's id was not found: the same request of the same day counts as sent again"
        )
        warnings = (*warnings, Fault("deduplication", said))
    return TakenIn(activity, events, read.rows, warnings)


def preview(source: Source, payload: dict[str, Any], time_zone: str, at_ms: int) -> Preview:
    """What a payload would become; never raises for a payload, nor for a mapping that was kept."""
    read = _read(source, payload, time_zone)
    rows = tuple(replace(row, found=_shown(row.found)) for row in read.rows)
    try:
        activity = _activity(source, read, "preview", at_ms)
        _event(source, activity, at_ms)
    except Malformed as malformed:
        return Preview(rows, None, malformed.faults, read.warnings)
    return Preview(rows, activity, (), read.warnings)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the rows made of a payload, and what people call its custom fields."""

    rows: tuple[RowResult, ...]
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    labels: dict[str, str]


def _read(source: Source, payload: dict[str, Any], time_zone: str) -> _Read:
    regions = () if source.region is None else (source.region,)
    rows = source.mapping or own_rows(payload)
    results = map_rows(rows, payload, Surroundings(payload, regions, time_zone))
    faults = [result.fault for result in results if result.fault is not None]
    faults += _more_faults(source, results)
    warnings = [
        Fault(result.target, f"{result.note}, so it was {_DONE[result.outcome]}")
        for result in results
        if result.outcome in _DONE and result.note
    ]
    labels = {}
    if not source.mapping:
        warnings += _passed_over(payload, rows)
        labels = own_labels(payload)
    return _Read(results, tuple(faults[:FAULTS_MAX]), tuple(warnings[:FAULTS_MAX]), labels)


_DONE: Final = {
    "nulled": "left out",
    "kept": "kept as it came",
    "default": "replaced by the default",
}


def _more_faults(source: Source, results: tuple[RowResult, ...]) -> list[Fault]:
    """What is wrong with an activity as a whole."""
    values = {result.target: result.value for result in results}
    faulty = {result.target for result in results if result.outcome == "rejected"}
    faults = []
    direction = values.get("direction")
    if direction is not None and direction not in _KNOWN_DIRECTIONS:
        faults.append(Fault("direction", f"must be one of {', '.join(_KNOWN_DIRECTIONS)}"))
    if source.allow_no_phone or _NUMBER in faulty:
        return faults
    number = values.get(_NUMBER)
    if number is None:
        message = "required, but missing: map it, or let the source allow that there is none"
        faults.append(Fault(_NUMBER, message))
    elif not isinstance(number, str) or not _E164.fullmatch(number):
        faults.append(Fault(_NUMBER, "must be a telephone number, such as +17205550123"))
    return faults


def _passed_over(payload: dict[str, Any], rows: tuple[MappingRow, ...]) -> list[Fault]:
    """A warning for each field at the top that no row of ours knows."""
    known = {path_of(path).steps[0] for row in rows for path in row.paths} | {*LABELS}
    message = "is unknown and was passed over: a mapping can say what it is"
    return [Fault(name[:100], message) for name in payload if name not in known]


def _activity(source: Source, read: _Read, activity_id: str, at_ms: int) -> dict[str, Any]:
    if read.faults:
        raise Malformed(read.faults)
    activity: dict[str, Any] = {
        "id": activity_id,
        "account_id": source.account_id,
        "direction": _DIRECTIONS.get(source.phase, FORM),
        "unix_time": at_ms // 1_000,
        "source": source.source_name or source.name,
        CUSTOM_FIELDS: {},
    }
    if source.phase == FORM:
        activity[FORM] = {"form_id": source.id}
    for result in read.rows:
        if result.value is not None and result.target != COUNTRY_CODE:
            _put(activity, result)
    customs = activity[CUSTOM_FIELDS]
    if FORM in activity:
        activity[FORM]["custom"] = [
            {"id": name, "label": read.labels.get(name, name), "value": value}
            for name, value in customs.items()
        ]
    return activity | {f"{CUSTOM}{name}": value for name, value in customs.items()}


def _put(activity: dict[str, Any], result: RowResult) -> None:
    *outer, last = steps_of(result.target)
    holder = activity
    for step in outer:
        holder = holder.setdefault(step, {})
    holder[last] = result.value


def _event(source: Source, activity: dict[str, Any], at_ms: int) -> Event:
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    activity_id = activity["id"]
    event = validate(
        Event,
        {
            "event_id": derived_event_id(source.account_id, activity_id, source.phase, ""),
            "account_id": source.account_id,
            "phase": source.phase,
            "occurred_at": at.replace("+00:00", "Z"),
            "activity": activity,
        },
    )
    size_bytes = len(encode(event))
    if size_bytes > EVENT_BYTES_MAX:
        message = f"{size_bytes} bytes, more than the {EVENT_BYTES_MAX} an event may have"
        raise Malformed((Fault("", message),))
    return event


def _sender_id(source: Source, request: InboundRequest, payload: dict[str, Any]) -> str | None:
    """What the sender calls the request, if it says so."""
    place = source.deduplication
    if place is not None and place.path is not None:
        found = as_text(path_of(place.path).find(payload))
    elif place is not None and place.header is not None:
        found = request.headers.get(place.header.lower())
    else:
        found = next(filter(None, map(request.headers.get, _ID_HEADERS)), None)
        if found is None and _is_stripe(source):
            found = as_text(payload.get("id"))
    return found.strip() or None if found else None


def _is_stripe(source: Source) -> bool:
    return isinstance(source.verification, PresetVerification) and (
        source.verification.type == "stripe"
    )


def _activity_id(source: Source, sender_id: str | None, payload: dict[str, Any], at_ms: int) -> str:
    """The same for the same request of the same source, and no call's id can be like it."""
    if sender_id is not None:
        what = b"id/" + sender_id.encode(errors="surrogateescape")
    else:
        # Not the bytes that came: a multipart form has another boundary each time.
        what = f"{at_ms // DAY_MS}/".encode() + pydantic_core.to_json(payload)
    return f"{FORM}_{content_hash(f'{source.account_id}/{source.id}/'.encode() + what)}"


def _shown(found: object) -> object:
    """What was found, its beginning where it is long."""
    if isinstance(found, dict | list):
        found = str(found)[: SHOWN_CHARACTERS_MAX + 1]
    if isinstance(found, str) and len(found) > SHOWN_CHARACTERS_MAX:
        return f"{found[:SHOWN_CHARACTERS_MAX]}…"
    return found
