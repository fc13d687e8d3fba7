"""A dead letter: a record we could not read, with its bytes, its coordinates and the reason."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import Field

from schemas.codec import Fault, Many, Pair, Record


class DeadLetterFault(Record):
    """One fault of the record; `field` is empty for the record as a whole."""

    field: str
    message: str


class DeadLetter(Record):
    """Bytes are base64. `headers` are the record's own, so it can be put back as it was."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    at_ms: int
    faults: Annotated[Many[DeadLetterFault], Field(min_length=1)]
    key: str | None
    value: str | None
    headers: Many[Pair] = ()


def as_base64(data: bytes | None) -> str | None:
    """Bytes as they stand in a dead letter."""
    return None if data is None else base64.b64encode(data).decode()


def dead_letter_faults(faults: tuple[Fault, ...]) -> tuple[DeadLetterFault, ...]:
    """What the codec found, as it stands in a dead letter."""
    return tuple(DeadLetterFault(field=fault.field, message=fault.message) for fault in faults)
