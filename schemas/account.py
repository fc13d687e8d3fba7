"""An account: a customer, its time zone and what it is entitled to."""

from __future__ import annotations

from functools import cache
from typing import Literal
from zoneinfo import available_timezones

from pydantic import field_validator

from schemas.codec import Record
from schemas.common import AccountId, Name, Time


@cache
def _time_zones() -> frozenset[str]:
    """Their names, read once: it takes as long as reading hundreds of accounts."""
    return frozenset(available_timezones())


class Features(Record):
    """What the account's plan includes."""

    webhooks: bool = True
    enhanced_caller_id: bool = False


class Account(Record):
    """A customer. `time_zone` is an IANA name; schedules and daily counts are taken in it."""

    kind: Literal["account"] = "account"
    id: AccountId
    name: Name
    time_zone: str = "UTC"
    features: Features = Features()
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, time_zone: str) -> str:
        if time_zone not in _time_zones():
            raise ValueError(
                f"unknown time zone {time_zone[:60]!r}; use a name like America/Denver"
            )
        return time_zone
