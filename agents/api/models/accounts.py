"""What is asked and answered about accounts."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from agents.api.models.base import Answer, Body, Page
from schemas.account import SNIPPETS_MAX, Account, Snippet, SnippetName
from schemas.common import AccountId, Name


class FeaturesGiven(Body):
    """What the account's plan includes."""

    webhooks: bool = Field(default=True, description="Whether its webhooks are called at all.")
    enhanced_caller_id: bool = Field(
        default=False, description="Whether the Enhanced tokens are filled in."
    )


_Snippets = Annotated[dict[SnippetName, Snippet], Field(max_length=SNIPPETS_MAX)]
_SNIPPETS = "Templates that the account's Mustache templates may take in, by name."
_TIME_ZONE = "An IANA name; daily counts are taken in it."


class NewAccount(Body):
    """An account to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": 25, "name": "Denver Doors", "time_zone": "America/Denver"}]
        }
    )

    id: AccountId = Field(description="The customer's number in the platform.")
    name: Name
    time_zone: str = Field("UTC", description=_TIME_ZONE)
    features: FeaturesGiven = FeaturesGiven()
    snippets: _Snippets = Field(default_factory=dict, description=_SNIPPETS)


class FeaturesPatch(Body):
    """Features to change."""

    webhooks: bool | None = None
    enhanced_caller_id: bool | None = None


class AccountPatch(Body):
    """What to change of an account; null restores the default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"time_zone": "Europe/Berlin"}]})

    name: Name | None = None
    time_zone: str | None = Field(None, description=_TIME_ZONE)
    features: FeaturesPatch | None = None
    snippets: dict[SnippetName, Snippet | None] | None = Field(None, description=_SNIPPETS)


class FeaturesAnswer(Answer):
    """What the account's plan includes."""

    webhooks: bool
    enhanced_caller_id: bool


class AccountAnswer(Answer):
    """An account."""

    id: int
    name: str
    time_zone: str
    features: FeaturesAnswer
    snippets: dict[str, str]
    version: int = Field(description="Also the ETag; counts the changes.")
    created_at: str | None
    updated_at: str | None

    @classmethod
    def of(cls, account: Account) -> Self:
        """The account as it is answered."""
        fields: dict[str, Any] = account.model_dump(exclude={"kind"})
        return cls.model_validate(fields)


class AccountPage(Page[AccountAnswer]):
    """A page of accounts."""
