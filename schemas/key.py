"""An access key of the API: only its hash is ever kept."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import AccountId, Hash, Name, SlugLike, Time

# Where keys without an account are kept; no account has this number.
ADMIN_ACCOUNT: Final = 0


class Key(Record):
    """A key bound to one account, or, without one, an admin key, which may do everything.

    `secret_hash` is the SHA-256 of its secret, in hex.
    """

    kind: Literal["key"] = "key"
    id: SlugLike
    account_id: AccountId | None = None
    name: Name
    scopes: Annotated[Many[Literal["read", "write", "ingest"]], Field(min_length=1, max_length=3)]
    secret_hash: Hash
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
