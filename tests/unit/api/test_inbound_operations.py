"""Requests on record: tried with a mapping, and mapped again; with histories that tell little."""

import base64
from dataclasses import replace

import pytest

from agents.api import inbound, source_previews
from agents.api.models.inbound import AgainBody
from agents.api.models.sources import GivenSampleBody, SampleBody, SourcePreviewBody
from agents.api.problems import Problem
from agents.history.inbound import Held, InboundRow
from agents.history.queries import Found
from schemas.codec import decode
from schemas.inbound import Inbound
from schemas.topics import ACTIVITIES, INBOUND
from tests.support.api_services import Services, call_of
from tests.support.builders import NOW_MS, a_source

GOOD, BAD = b'{"phone": "+17205550123"}', b'{"phone": "tomorrow"}'


def a_row(body=GOOD, **fields):
    row = InboundRow(
        account_id=25,
        inbound_id="in_1",
        source_id="web-form",
        source_version=1,
        at_ms=NOW_MS,
        method="POST",
        content_type="application/json",
        body_bytes=len(body),
        cut=False,
        remote=None,
        outcome="rejected",
        reason="invalid",
        faults=(),
        activity_id=None,
        event_ids=(),
        remapped_from=None,
        held=Held("", (), base64.b64encode(body).decode()),
    )
    return replace(row, **fields)


class History:
    """Knows of these requests."""

    def __init__(self, *rows):
        self.rows = rows
        self.asked = []

    async def inbound_request(self, _account_id, inbound_id):
        return next((row for row in self.rows if row.inbound_id == inbound_id), None)

    async def latest_sample(self, _account_id, _source_id):
        return self.rows[0] if self.rows else None

    async def inbound_requests(self, _account_id, search, part, *, held=False):
        self.asked.append((search, part, held))
        first = 0 if part.place is None else part.place[0]
        rows = self.rows[first : first + part.limit]
        following = first + part.limit
        return Found(rows, (following, "in_") if following < len(self.rows) else None)


def handler_of(operations, ending):
    return next(it.handler for it in operations if it.path.endswith(ending))


AGAIN = handler_of(inbound.OPERATIONS, "{id}/remap")
AGAIN_ALL = handler_of(inbound.OPERATIONS, "inbound/remap")
PREVIEW = handler_of(source_previews.OPERATIONS, "preview")
SUGGEST = handler_of(source_previews.OPERATIONS, "{id}/suggest")
SUGGEST_ANEW = handler_of(source_previews.OPERATIONS, "sources/suggest")


def a_call(*rows, body=None, record_id="in_1", **source):
    services = Services(history=History(*rows))
    services.configure(a_source(**source))
    return call_of(services, body, record_id)


async def refused(handler, call):
    with pytest.raises(Problem) as raised:
        await handler(call)
    return raised.value


async def test_what_is_mapped_again_is_written_events_first_and_twice_is_the_same():
    call = a_call(a_row())
    first, again = [(await AGAIN(call)).body for _ in range(2)]
    assert (first.outcome, first.id, first) == ("accepted", "in_1", again)
    records = call.services.publisher.records
    assert [it.topic for it in records] == [ACTIVITIES, ACTIVITIES, INBOUND] * 2
    made = decode(Inbound, records[2].value)
    assert (made.remapped_from, made.inbound_id) == ("in_1", first.inbound_id)
    assert (made.activity_id, made.source_version) == (first.activity_id, 1)


async def test_what_is_rejected_still_says_why_and_nothing_is_written():
    for call, field in (
        (a_call(a_row(BAD)), "caller_number"),
        (a_call(a_row(b"{")), ""),
        (a_call(a_row(held=None)), ""),
        (a_call(a_row(), enabled=False), ""),
        (a_call(a_row(source_id="deleted")), ""),
    ):
        answer = (await AGAIN(call)).body
        assert (answer.outcome, [it.field for it in answer.faults]) == ("rejected", [field])
        assert answer.faults[0].message
        assert call.services.publisher.records == []


@pytest.mark.parametrize("reason", ["unverified", "too_large", "too_slow"])
async def test_what_nobody_proved_or_is_not_all_there_is_not_mapped_again(reason):
    problem = await refused(AGAIN, a_call(a_row(reason=reason)))
    assert (problem.status, reason in problem.detail) == (409, True)


async def test_what_was_accepted_is_not_mapped_again_and_what_is_not_there_is_not_found():
    accepted = a_row(outcome="accepted", reason="", activity_id="form_1")
    assert (await refused(AGAIN, a_call(accepted))).status == 409
    assert (await refused(AGAIN, a_call())).status == 404
    assert (await refused(AGAIN, a_call(record_id="\0"))).status == 404


async def test_many_are_mapped_a_few_at_a_time_and_the_answer_says_where_to_go_on():
    rows = [a_row(GOOD if n % 2 else BAD, inbound_id=f"in_{n}") for n in range(50)]
    call = a_call(*rows, body=AgainBody(source_id="web-form", limit=30))
    answer = (await AGAIN_ALL(call)).body
    assert (answer.accepted, answer.rejected, len(answer.items)) == (15, 15, 30)
    assert [part.limit for _, part, _ in call.services.history.asked] == [20, 10]
    assert all(search.is_open and held for search, _, held in call.services.history.asked)
    rest = replace(call, body=AgainBody(cursor=answer.next_cursor))
    left = (await AGAIN_ALL(rest)).body
    assert (len(left.items), left.next_cursor) == (20, None)


async def test_a_preview_takes_what_is_given_or_named_or_came_last():
    rows = (a_row(), a_row(BAD, inbound_id="in_2"))
    request = {"content_type": "application/x-www-form-urlencoded", "body": "phone=1"}
    for body, origin, is_fine in (
        (SourcePreviewBody(), "latest", True),
        (SourcePreviewBody(inbound_id="in_2"), "named", False),
        (SourcePreviewBody(payload={"phone": "+17205550123"}), "given", True),
        (SourcePreviewBody.model_validate({"request": request}), "given", False),
    ):
        answer = (await PREVIEW(a_call(*rows, body=body, record_id="web-form"))).body
        assert (answer.sample_from, answer.activity is not None) == (origin, is_fine)
        assert bool(answer.faults) != is_fine
        assert [row.target for row in answer.rows] == ["caller_number"]


async def test_a_preview_maps_with_fields_that_are_not_kept_or_with_what_is_suggested():
    payload = {"primary_phone": "+17205550123"}
    mapping = [{"target": "caller_number", "paths": ["primary_phone"]}]
    other = SourcePreviewBody(payload=payload, source={"mapping": mapping})
    suggested = SourcePreviewBody(payload=payload, suggest=True)
    for body in (other, suggested):
        answer = (await PREVIEW(a_call(body=body, record_id="web-form"))).body
        assert answer.activity["caller_number"] == "+17205550123"
    assert answer.suggestion.rows[0]["paths"] == ["primary_phone"]


async def test_without_a_request_a_preview_says_what_is_missing():
    problem = await refused(PREVIEW, a_call(body=SourcePreviewBody(), record_id="web-form"))
    assert (problem.status, "send a request" in problem.detail) == (409, True)
    named = SourcePreviewBody(inbound_id="in_9")
    problem = await refused(PREVIEW, a_call(a_row(), body=named, record_id="web-form"))
    assert (problem.status, problem.errors[0].field) == (422, "inbound_id")
    gone = a_call(a_row(held=None), body=SourcePreviewBody(), record_id="web-form")
    assert (await refused(PREVIEW, gone)).status == 409
    assert (await refused(PREVIEW, a_call(body=SourcePreviewBody(), record_id="no"))).status == 404
    unreadable = SourcePreviewBody.model_validate({"request": {"body": "{"}})
    problem = await refused(PREVIEW, a_call(body=unreadable, record_id="web-form"))
    assert problem.errors[0].field == "request.body"


async def test_a_mapping_is_suggested_for_a_source_or_before_there_is_one():
    latest = (await SUGGEST(a_call(a_row(), body=SampleBody(), record_id="web-form"))).body
    given = GivenSampleBody(payload={"phone": "+17205550123"})
    anew = (await SUGGEST_ANEW(a_call(body=given, record_id="x"))).body
    assert latest.rows == anew.rows
    assert latest.rows[0]["target"] == "caller_number"
