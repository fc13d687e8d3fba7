"""Requests that came to sources: searched, read, and mapped again when they were rejected.

To map a request again is to take it in by its source as it is now. Its ids are made of what it says
and when it came, so an activity that came of it once comes of it again as the same. What is
rejected still stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agents.api.inbound_records import inbound_record, mapped_again, request_of
from agents.api.models.inbound import (
    AgainAnswer,
    AgainBody,
    AgainPage,
    InboundAnswer,
    InboundPage,
    InboundQuery,
    InboundSummary,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import FieldFault, conflict, not_found
from agents.api.searching import next_cursor, part_of
from agents.history.cursors import cursor_after, is_askable, read_cursor
from agents.history.inbound import INBOUND_PLACE, InboundRow
from agents.history.queries import Part
from agents.kafka.outgoing import new_event, trace_of
from agents.kafka.producer import Outgoing
from pipeline.inbound import TakenIn, take_in
from pipeline.inbound_bodies import read_payload
from schemas.codec import Fault, Malformed
from schemas.config import ConfigKey
from schemas.inbound import FINAL_REASONS, Inbound
from schemas.source import Source

_TAG: Final = "Inbound"
_KIND: Final = "inbound"
_PATH: Final = "/api/v1/accounts/{account}/inbound"
# Read at once, each with a body of up to 1 MiB.
_AT_ONCE: Final = 20


async def _list(call: Call) -> Reply:
    part = part_of(call.query, _KIND, INBOUND_PLACE)
    asked = call.services.history.inbound_requests
    found = await asked(call.account_id, call.query.search, part)
    items = [InboundSummary.of(row) for row in found.rows]
    return Reply(InboundPage(items=items, next_cursor=next_cursor(found, _KIND)))


async def _read(call: Call) -> Reply:
    return Reply(InboundAnswer.whole(await _row(call)))


async def _again(call: Call) -> Reply:
    row = await _row(call)
    if row.outcome == "accepted":
        raise conflict(f"it was accepted, and became the activity {row.activity_id}")
    if row.reason in FINAL_REASONS:
        raise conflict(f"it was rejected as {row.reason}, and is not mapped again")
    (answer,) = await _mapped(call, [row])
    return Reply(answer)


async def _again_all(call: Call) -> Reply:
    """A few at a time, so that not all that they hold is in memory together."""
    body, answers = call.body, list[AgainAnswer]()
    cursor = body.cursor
    place = None if cursor is None else read_cursor(cursor, _KIND, INBOUND_PLACE)
    while len(answers) < body.limit:
        part = Part(min(_AT_ONCE, body.limit - len(answers)), place)
        found = await call.services.history.inbound_requests(
            call.account_id, body.search, part, held=True
        )
        answers += await _mapped(call, found.rows)
        place = found.next_place
        if place is None:
            break
    accepted = sum(it.outcome == "accepted" for it in answers)
    page = AgainPage(
        items=answers,
        next_cursor=None if place is None else cursor_after(_KIND, place),
        accepted=accepted,
        rejected=len(answers) - accepted,
    )
    return Reply(page)


async def _row(call: Call) -> InboundRow:
    """The request that the path names."""
    inbound_id = call.path["id"]
    row = None
    if is_askable(inbound_id):
        row = await call.services.history.inbound_request(call.account_id, inbound_id)
    if row is None:
        raise not_found(f"inbound request {inbound_id[:100]}")
    return row


async def _mapped(call: Call, rows: Sequence[InboundRow]) -> list[AgainAnswer]:
    """Map requests, and write what came of them; answered when Kafka has it."""
    trace, answers = trace_of({}), list[AgainAnswer]()
    events, records = list[Outgoing](), list[Outgoing]()
    for row in rows:
        try:
            source, made = _made(call, row)
        except Malformed as malformed:
            answers.append(_rejected(row, malformed.faults))
            continue
        record = mapped_again(source, row, made, call.now_ms)
        events += [new_event(event, trace) for event in made.events]
        records.append(inbound_record(record, trace))
        answers.append(_accepted(row, record))
    # The events first: a record says that they are there.
    await call.services.publisher.publish(events)
    await call.services.publisher.publish(records)
    return answers


def _made(call: Call, row: InboundRow) -> tuple[Source, TakenIn]:
    """What its source makes of a request now; raises `Malformed` with why it makes nothing."""
    if call.account is None:
        raise LookupError("the operation's path names no account")
    source = call.services.view.configs.get(ConfigKey(call.account_id, "source", row.source_id))
    if not isinstance(source, Source):
        raise Malformed((Fault("", f"its source {row.source_id} was deleted"),))
    if not source.enabled:
        raise Malformed((Fault("", f"its source {row.source_id} is disabled"),))
    try:
        request = request_of(row)
    except LookupError as error:
        raise Malformed((Fault("", str(error)),)) from None
    payload = read_payload(source, request)
    return source, take_in(source, request, payload, call.account.time_zone)


def _accepted(row: InboundRow, record: Inbound) -> AgainAnswer:
    return AgainAnswer(
        id=row.inbound_id,
        outcome="accepted",
        inbound_id=record.inbound_id,
        activity_id=record.activity_id,
        event_ids=[*record.event_ids],
        faults=[],
    )


def _rejected(row: InboundRow, faults: Sequence[Fault]) -> AgainAnswer:
    return AgainAnswer(
        id=row.inbound_id,
        outcome="rejected",
        inbound_id=None,
        activity_id=None,
        event_ids=[],
        faults=[FieldFault(field=it.field, message=it.message) for it in faults],
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        _PATH,
        _list,
        summary="Search what came to sources",
        tag=_TAG,
        scope="read",
        query=InboundQuery,
        answer=InboundPage,
        problems=(503,),
        description="Every request to the address of a source, taken in or refused and why; the "
        "latest first.",
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        _read,
        summary="Read a request",
        tag=_TAG,
        scope="read",
        answer=InboundAnswer,
        problems=(503,),
        description="With what it held, its keys and passwords masked.",
    ),
    Operation(
        "POST",
        f"{_PATH}/{{id}}/remap",
        _again,
        summary="Map a rejected request again",
        tag=_TAG,
        scope="write",
        answer=AgainAnswer,
        problems=(404, 409, 503),
        description="By its source as it is now, say after its mapping was mended. One that was "
        "refused because nobody knows who sent it, or that is not all there, is not mapped again.",
    ),
    Operation(
        "POST",
        f"{_PATH}/remap",
        _again_all,
        summary="Map rejected requests again",
        tag=_TAG,
        scope="write",
        body=AgainBody,
        answer=AgainPage,
        problems=(422, 503),
        description="All that are open and fit, the last first, up to `limit`. What is rejected "
        "still stays open; ask for the next page with `cursor`.",
    ),
)
