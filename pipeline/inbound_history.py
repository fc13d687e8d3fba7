"""What the history keeps of a request to a source: the values of its rows.

Each request has an id of its own, so its record read again makes the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pydantic_core

from pipeline.history import Row, clean, packed
from schemas.inbound import Inbound

_AS_THEY_ARE: Final = {
    *("account_id", "inbound_id", "source_id", "source_version", "at_ms", "method"),
    *("content_type", "body_bytes", "cut", "remote", "outcome", "reason", "activity_id"),
    "remapped_from",
}


@dataclass(frozen=True, slots=True)
class InboundRows:
    """What is kept of a request, by table."""

    inbound: Row
    body: Row


def inbound_rows(inbound: Inbound) -> InboundRows:
    """The rows of a request; what it held goes sooner than the rest."""
    ids = {"account_id": inbound.account_id, "inbound_id": inbound.inbound_id}
    told = inbound.model_dump(include=_AS_THEY_ARE)
    lists = inbound.model_dump(include={"faults", "event_ids"})
    texts = {name: pydantic_core.to_json(value).decode() for name, value in lists.items()}
    content = packed(inbound.model_dump(mode="json", include={"query", "headers", "body"}))
    return InboundRows(
        inbound=clean({**told, **texts}),
        body=clean({**ids, "at_ms": inbound.at_ms, "content": content}),
    )
