"""What a source makes of a request, and which mapping suits one; nothing is taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agents.api.inbound_records import request_of
from agents.api.models.sources import (
    GivenSampleBody,
    RowAnswer,
    SampleBody,
    SampleFrom,
    SampleRequest,
    SourcePreviewAnswer,
    SourcePreviewBody,
    SuggestionAnswer,
    told,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import conflict, invalid, not_found
from agents.api.saving import checked
from agents.history.cursors import is_askable
from agents.history.inbound import InboundRow
from pipeline.inbound import preview
from pipeline.inbound_bodies import read_payload
from pipeline.inbound_request import InboundRequest
from pipeline.suggesting import suggest
from schemas.account import Account
from schemas.codec import Fault, Malformed, validate
from schemas.config import ConfigKey
from schemas.source import Source

_TAG: Final = "Sources"
_PATH: Final = "/api/v1/accounts/{account}/sources"
# Stands for a source that is yet to be made: how a payload is read depends on nothing in it.
_NO_SOURCE_ID: Final = "sample"


@dataclass(frozen=True, slots=True)
class _Sample:
    """The fields of a request, and where it came from."""

    payload: dict[str, Any]
    origin: SampleFrom
    inbound_id: str | None = None


async def _preview(call: Call) -> Reply:
    source = _source(call)
    sample = await _sample(call, source)
    made = suggest(sample.payload) if call.body.suggest else None
    if made is not None:
        source = source.model_copy(update={"mapping": made.rows})
    seen = preview(source, sample.payload, _account(call).time_zone, call.now_ms)
    answer = SourcePreviewAnswer(
        sample_from=sample.origin,
        inbound_id=sample.inbound_id,
        payload=sample.payload,
        rows=[RowAnswer.of(row) for row in seen.rows],
        activity=seen.activity,
        faults=told(seen.faults),
        warnings=told(seen.warnings),
        suggestion=None if made is None else SuggestionAnswer.of(made, sample.payload),
    )
    return Reply(answer)


async def _suggest(call: Call) -> Reply:
    sample = await _sample(call, _kept(call))
    return Reply(SuggestionAnswer.of(suggest(sample.payload), sample.payload))


async def _suggest_anew(call: Call) -> Reply:
    fields = {"id": _NO_SOURCE_ID, "account_id": call.account_id, "name": _NO_SOURCE_ID}
    payload = _given(call, validate(Source, fields))
    return Reply(SuggestionAnswer.of(suggest(payload), payload))


def _account(call: Call) -> Account:
    if call.account is None:
        raise LookupError("the operation's path names no account")
    return call.account


def _kept(call: Call) -> Source:
    key = ConfigKey(call.account_id, "source", call.path["id"])
    source = call.services.view.configs.get(key)
    if not isinstance(source, Source):
        raise not_found(f"source {key.id[:63]}")
    return source


def _source(call: Call) -> Source:
    """The source that is kept, with the fields in the body."""
    kept = _kept(call)
    if call.body.source is None:
        return kept
    key = ConfigKey(call.account_id, "source", kept.id)
    configs = call.services.view.configs
    record = checked(call, key, call.body.source, configs, is_patch=True).record
    if not isinstance(record, Source):
        raise TypeError(f"a {record.kind} was read as a source")
    return record


async def _sample(call: Call, source: Source) -> _Sample:
    """The request given or named in the body, else the one that came last."""
    if call.body.payload is not None or call.body.request is not None:
        return _Sample(_given(call, source), "given")
    named = call.body.inbound_id
    row = await (_latest(call, source) if named is None else _named(call, named))
    try:
        payload = read_payload(source, request_of(row))
    except LookupError as error:
        raise conflict(str(error)) from None
    except Malformed as malformed:
        raise invalid(malformed.faults) from None
    return _Sample(payload, "latest" if named is None else "named", row.inbound_id)


async def _latest(call: Call, source: Source) -> InboundRow:
    row = await call.services.history.latest_sample(call.account_id, source.id)
    if row is None:
        raise conflict("nothing is on record for this source: send a request, or give one")
    return row


async def _named(call: Call, inbound_id: str) -> InboundRow:
    row = None
    if is_askable(inbound_id):
        row = await call.services.history.inbound_request(call.account_id, inbound_id)
    if row is None:
        raise invalid([Fault("inbound_id", "there is no such request on record")])
    return row


def _given(call: Call, source: Source) -> dict[str, Any]:
    """The fields in the body, or of the request in it."""
    if call.body.payload is not None:
        return dict(call.body.payload)
    try:
        return read_payload(source, _request(call.body.request, call.now_ms))
    except Malformed as malformed:
        faults = [
            Fault(f"request.body.{it.field}".rstrip("."), it.message) for it in malformed.faults
        ]
        raise invalid(faults) from None


def _request(given: SampleRequest, at_ms: int) -> InboundRequest:
    return InboundRequest(
        method=given.method,
        url="",
        query=given.query.removeprefix("?"),
        content_type=given.content_type,
        headers={"content-type": given.content_type},
        body=given.body.encode(errors="replace"),
        at_ms=at_ms,
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        f"{_PATH}/{{id}}/preview",
        _preview,
        summary="Preview what a source makes of a request",
        tag=_TAG,
        scope="read",
        body=SourcePreviewBody,
        answer=SourcePreviewAnswer,
        problems=(404, 409, 422, 503),
        description="Row by row, with the source as it is kept or with other fields. The request "
        "that came last is taken, accepted or rejected, unless another one is named or given. "
        "Nothing is taken in.",
    ),
    Operation(
        "POST",
        f"{_PATH}/{{id}}/suggest",
        _suggest,
        summary="Suggest a mapping for a source",
        tag=_TAG,
        scope="read",
        body=SampleBody,
        answer=SuggestionAnswer,
        problems=(404, 409, 422, 503),
        description="Rows for the request that came last, or for one that is named or given, by "
        "what its fields are called and hold. Nothing is changed: write them as `mapping`.",
    ),
    Operation(
        "POST",
        f"{_PATH}/suggest",
        _suggest_anew,
        summary="Suggest a mapping",
        tag=_TAG,
        scope="read",
        body=GivenSampleBody,
        answer=SuggestionAnswer,
        problems=(422,),
        description="The same for a source that is yet to be made.",
    ),
)
