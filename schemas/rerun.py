"""A rerun: how often a delivery was begun again, so that what earlier runs left is dropped.

A retry of an earlier run may wait in a tier for a day, longer than any sender remembers deliveries;
this record says to every sender that the retry is superseded. It is of no use once `expires_at_ms`
has passed, and is deleted then.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.codec import Record
from schemas.common import AccountId, SlugLike, Time


class Rerun(Record):
    """The newest run of a delivery; `id` is the delivery's, `number` that of its job."""

    kind: Literal["rerun"] = "rerun"
    id: SlugLike
    account_id: AccountId
    webhook_id: SlugLike
    number: Annotated[int, Field(ge=1)]
    expires_at_ms: int
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
