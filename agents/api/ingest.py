"""Ingest: events over HTTP, read by the rules of the topic and acknowledged when Kafka has them.

Each event is accepted or refused by itself. A client that heard nothing sends the same again: an
event without an id of its own is given the same one each time, and is then known already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agents.api.models.ingest import IngestAnswer, IngestBody, IngestItem
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import FieldFault, invalid
from agents.kafka.outgoing import new_event, trace_of
from schemas.codec import Fault, Malformed, encode
from schemas.event import EVENT_BYTES_MAX, Event, event_from


@dataclass(frozen=True, slots=True)
class _Read:
    """An event, or why it is none."""

    event: Event | None
    faults: tuple[Fault, ...] = ()


async def _ingest(call: Call) -> Reply:
    given = call.body.root
    is_batch = isinstance(given, list)
    read = [_read(each, call.account_id) for each in (given if is_batch else [given])]
    events = [each.event for each in read if each.event is not None]
    if not events:
        raise invalid(_all_faults(read, is_batch=is_batch))
    await call.services.publisher.publish([new_event(event, trace_of({})) for event in events])
    items = [_item(index, each) for index, each in enumerate(read)]
    return Reply(IngestAnswer(accepted=len(events), refused=len(read) - len(events), items=items))


def _read(given: Any, account_id: int) -> _Read:  # noqa: ANN401 - any JSON
    """The event in a document, which may leave the account to the path but must not name another.

    What comes over HTTP is upstream's, whatever it says of its origin.
    """
    fields = given
    if isinstance(given, dict):
        named = given.get("account_id", account_id)
        if named != account_id or isinstance(named, bool):
            return _Read(None, (Fault("account_id", f"the path says {account_id}"),))
        fields = {**given, "account_id": account_id, "origin": "upstream"}
    try:
        event = event_from(fields)
        size_bytes = len(encode(event))
    except Malformed as malformed:
        return _Read(None, malformed.faults)
    if size_bytes > EVENT_BYTES_MAX:
        message = f"{size_bytes} bytes, more than the {EVENT_BYTES_MAX} an event may have"
        return _Read(None, (Fault("", message),))
    return _Read(event)


def _all_faults(read: list[_Read], *, is_batch: bool) -> list[Fault]:
    """Every fault; those of a list with the place of their event."""
    if not is_batch:
        return [*read[0].faults]
    return [
        Fault(f"[{index}].{fault.field}" if fault.field else f"[{index}]", fault.message)
        for index, each in enumerate(read)
        for fault in each.faults
    ]


def _item(index: int, read: _Read) -> IngestItem:
    event = read.event
    return IngestItem(
        index=index,
        status="refused" if event is None else "accepted",
        event_id=None if event is None else event.event_id,
        activity_id=None if event is None else event.activity_id,
        errors=[FieldFault(field=it.field, message=it.message) for it in read.faults],
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/api/v1/accounts/{account}/activities",
        _ingest,
        summary="Take in events",
        tag="Activities",
        scope="ingest",
        body=IngestBody,
        answer=IngestAnswer,
        status=202,
        problems=(413, 422, 503),
        description="One event, or a list of up to 1,000 of 16 MiB together. What is accepted is "
        "in Kafka when the answer comes. Where all are refused the answer is a problem with every "
        "fault; else each event says what became of it. After a 503 send the same again: what was "
        "written before is recognised as the same event.",
    ),
)
