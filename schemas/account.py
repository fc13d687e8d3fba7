"""An account: a customer, its time zone and what it is entitled to."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from schemas.codec import Record
from schemas.common import AccountId, Name, Time, form

SNIPPETS_MAX: Final = 100
# As long as a template may be.
SNIPPET_CHARACTERS_MAX: Final = 64 * 1024

SnippetName = Annotated[str, form(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", "must be a short name")]
Snippet = Annotated[str, Field(max_length=SNIPPET_CHARACTERS_MAX)]


@cache
def _time_zones() -> frozenset[str]:
    """Their names, read once: it takes as long as reading hundreds of accounts."""
    return frozenset(available_timezones())


class Features(Record):
    """What the account's plan includes."""

    webhooks: bool = True
    enhanced_caller_id: bool = False


class Account(Record):
    """A customer. `time_zone` is an IANA name; schedules and daily counts are taken in it.

    `snippets` are the templates that the account's Mustache templates may take in, by name.
    """

    kind: Literal["account"] = "account"
    id: AccountId
    name: Name
    time_zone: str = "UTC"
    features: Features = Features()
    snippets: Annotated[
        dict[SnippetName, Snippet], Field(max_length=SNIPPETS_MAX, default_factory=dict)
    ]
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
