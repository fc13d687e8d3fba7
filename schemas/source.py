"""A source: an account's inbound endpoint, and how foreign fields become an activity's."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import AccountId, Hash, Name, Position, SlugLike, Text, Time

ROWS_MAX: Final = 200
PATHS_MAX: Final = 10

Path = Annotated[str, Field(min_length=1, max_length=256)]


class MappingRow(Record):
    """One row: the first of `paths` that holds something becomes `target`."""

    target: Path
    paths: Annotated[Many[Path], Field(max_length=PATHS_MAX)] = ()
    default: Any = None
    required: bool = False
    on_error: Literal["reject", "null", "keep"] = "reject"


class Source(Record):
    """An inbound endpoint at `/in/{token}`; `token_hash` is the SHA-256 of its token in hex."""

    kind: Literal["source"] = "source"
    id: SlugLike
    account_id: AccountId
    name: Name
    description: Text = ""
    enabled: bool = True
    phase: Position = "form"
    token_hash: Hash | None = None
    mapping: Annotated[Many[MappingRow], Field(max_length=ROWS_MAX)] = ()
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
