"""A request to a source as it is kept on the topic `inbound`, and made a request again from there.

Keys and passwords are masked before anything is kept. Of what can never be mapped again only the
beginning is.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Final

from agents.api.inbound_reading import ReadBody
from agents.history.inbound import InboundRow
from agents.kafka.producer import Outgoing
from pipeline.inbound import TakenIn
from pipeline.inbound_request import InboundRequest
from pipeline.verifying import without_credentials
from schemas.codec import Fault, encode
from schemas.ids import content_hash
from schemas.inbound import BODY_BYTES_CUT, FINAL_REASONS, FieldFault, Inbound
from schemas.source import Source
from schemas.topics import INBOUND

# 130 random bits, as other ids have.
_ID_BYTES: Final = 17
_ID_CHARACTERS: Final = 26


def new_inbound_id() -> str:
    """`in_` and 26 characters that never were."""
    drawn = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()
    return f"in_{drawn[:_ID_CHARACTERS]}"


def received(source: Source, request: InboundRequest, remote: str | None) -> Inbound:
    """The record of a request, before it is said what became of it."""
    shown = without_credentials(source, request)
    return Inbound(
        inbound_id=new_inbound_id(),
        account_id=source.account_id,
        source_id=source.id,
        source_version=source.version,
        at_ms=request.at_ms,
        method=shown.method,
        query=_text(shown.query),
        content_type=_text(shown.content_type),
        headers=tuple((_text(name), _text(value)) for name, value in shown.headers.items()),
        body=_base64(request.body),
        body_bytes=len(request.body),
        remote=remote,
        outcome="accepted",
    )


def accepted(record: Inbound, made: TakenIn) -> Inbound:
    """The record of a request that became an activity."""
    ids = tuple(event.event_id for event in made.events)
    activity_id = made.events[0].activity_id
    return record.model_copy(update={"activity_id": activity_id, "event_ids": ids})


def rejected(record: Inbound, read: ReadBody, reason: str, faults: Sequence[Fault]) -> Inbound:
    """The record of a request that did not."""
    data = read.data[:BODY_BYTES_CUT] if reason in FINAL_REASONS else read.data
    return record.model_copy(
        update={
            "outcome": "rejected",
            "reason": reason,
            "faults": tuple(FieldFault(field=it.field, message=it.message) for it in faults),
            "body": _base64(data),
            "body_bytes": read.size_bytes,
            "cut": len(data) < read.size_bytes,
        }
    )


def mapped_again(source: Source, row: InboundRow, made: TakenIn, at_ms: int) -> Inbound:
    """The record of a rejected request of which something came after all.

    Its id is made of the first one's: done twice, it is the same.
    """
    again = content_hash(f"again {row.inbound_id}".encode())
    update = {"inbound_id": f"in_{again}", "at_ms": at_ms, "remapped_from": row.inbound_id}
    record = received(source, request_of(row), row.remote).model_copy(update=update)
    return accepted(record, made)


def request_of(row: InboundRow) -> InboundRequest:
    """The request in a row, with masks for what was secret; raises LookupError when it is gone."""
    held = row.held
    if held is None:
        raise LookupError(f"what {row.inbound_id} held has expired")
    return InboundRequest(
        method=row.method,
        url="",
        query=held.query,
        content_type=row.content_type,
        headers=dict(held.headers),
        body=base64.b64decode(held.body),
        at_ms=row.at_ms,
    )


def inbound_record(inbound: Inbound, trace: str) -> Outgoing:
    """The record, for the recorder."""
    headers = {"id": inbound.inbound_id, "traceparent": trace}
    return Outgoing(INBOUND, inbound.key, encode(inbound), headers)


def _text(value: str) -> str:
    """Text that JSON can hold: bytes of a header that are no UTF-8 came as half surrogates."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
