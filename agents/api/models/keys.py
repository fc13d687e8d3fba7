"""What is asked and answered about keys. Only the answer to a creation holds a secret."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field

from agents.api.minting import Minted
from agents.api.models.base import Answer, Body, Page
from schemas.codec import Many
from schemas.common import Name
from schemas.key import Key

Scope = Literal["read", "write", "ingest"]


class NewAdminKey(Body):
    """An admin key to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "provisioning"}]})

    name: Name = Field(description="What it is for, so that it can be told from others.")


class NewKey(Body):
    """A key of an account to create."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "CRM sync", "scopes": ["read", "write"]}]}
    )

    name: Name = Field(description="What it is for, so that it can be told from others.")
    scopes: Annotated[Many[Scope], Field(min_length=1, max_length=3)] = Field(
        description="`read` sees everything of the account, `write` configures, tests and reruns, "
        "`ingest` sends activities and sees nothing."
    )


class KeyAnswer(Answer):
    """A key, without its secret."""

    id: str = Field(description="The first half of the key, and the user name with Basic.")
    account_id: int | None = Field(description="null for an admin key.")
    name: str
    scopes: list[Scope]
    created_at: str | None

    @classmethod
    def of(cls, key: Key) -> Self:
        """The key as it is answered."""
        return cls(
            id=key.id,
            account_id=key.account_id,
            name=key.name,
            scopes=[*key.scopes],
            created_at=key.created_at,
        )


class NewKeyAnswer(KeyAnswer):
    """A key that was created, with its secret, which is shown this once."""

    secret: str = Field(description="The second half of the key, and the password with Basic.")
    key: str = Field(description="The whole key, as it follows `Bearer`.")

    @classmethod
    def shown(cls, key: Key, minted: Minted) -> Self:
        """The key as it was saved, with the secret that was minted for it."""
        fields = KeyAnswer.of(key).model_dump()
        return cls(**fields, secret=minted.secret, key=minted.token)


class KeyPage(Page[KeyAnswer]):
    """A page of keys."""
