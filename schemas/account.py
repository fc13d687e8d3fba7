"""An account: a customer, its time zone and what it is entitled to."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.codec import Record
from schemas.common import AccountId, Name, Time, TimeZone, form

SNIPPETS_MAX: Final = 100
# As long as a template may be.
SNIPPET_CHARACTERS_MAX: Final = 64 * 1024

SnippetName = Annotated[str, form(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", "must be a short name")]
Snippet = Annotated[str, Field(max_length=SNIPPET_CHARACTERS_MAX)]


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
    time_zone: TimeZone = "UTC"
    features: Features = Features()
    snippets: Annotated[
        dict[SnippetName, Snippet], Field(max_length=SNIPPETS_MAX, default_factory=dict)
    ]
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
