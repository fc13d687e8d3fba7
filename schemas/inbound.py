"""An inbound request: what a source took in or refused, with the raw payload to map again."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.codec import Many, Pair, Record
from schemas.common import AccountId

BODY_BYTES_MAX: Final = 1024 * 1024
# Of a body that was refused for its length: enough to see what it was.
BODY_BYTES_CUT: Final = 64 * 1024


# Why a request is rejected; of the last two `faults` say more.
REASONS: Final = ("disabled", "unverified", "too_large", "too_slow", "unreadable", "invalid")
# Such a request is not mapped again: nobody knows who sent it, or not all of it is there.
FINAL_REASONS: Final = ("unverified", "too_large", "too_slow")


class FieldFault(Record):
    """What was wrong with one field."""

    field: str
    message: str


class Inbound(Record):
    """One request at `/in/{token}`, credentials in its headers masked, `body` in base64.

    `cut` says that only the body's beginning is kept. `reason` is one of `REASONS`.
    `remapped_from` is the rejected request that was mapped again. Times are milliseconds since the
    epoch.
    """

    inbound_id: str
    account_id: AccountId
    source_id: str
    source_version: int | None = None
    at_ms: int
    method: str
    query: str = ""
    content_type: str = ""
    headers: Many[Pair] = ()
    body: str = ""
    body_bytes: Annotated[int, Field(ge=0)] = 0
    cut: bool = False
    remote: str | None = None
    outcome: Literal["accepted", "rejected"]
    reason: str = ""
    faults: Many[FieldFault] = ()
    activity_id: str | None = None
    event_ids: Many[str] = ()
    remapped_from: str | None = None

    @property
    def key(self) -> bytes:
        """The record's key: the requests of one source keep their order."""
        return f"{self.account_id}:{self.source_id}".encode()
