"""An operation of the API as a value: where it is, who may use it, what it takes and answers.

Routing, checks and the documentation are all made from these values, so none can say something else
than another does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from agents.api.auth import Principal
from agents.api.services import Services
from schemas.account import Account

# `admin` is for keys that belong to no account; `public` needs no key.
Scope: TypeAlias = Literal["read", "write", "ingest", "admin", "public"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was found to be in order, as its handler gets it.

    `account` is that of the path, and the key may use it; `path` has the other parts by name.
    `query` and `body` are values of the operation's models, None where it has none. `if_match` is
    the version that the client means to change, None when it named none.
    """

    services: Services
    key: Principal
    account: Account | None
    path: Mapping[str, str]
    query: Any
    body: Any
    if_match: int | None
    now_ms: int
    request_id: str

    @property
    def account_id(self) -> int:
        """The id of the account that the path names."""
        if self.account is None:
            raise LookupError("the operation's path names no account")
        return self.account.id


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a model, or JSON that is ready. `status` overrides the usual one."""

    body: BaseModel | bytes | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `path` begins with /api/v1, with its variable parts in braces.

    `problems` are the statuses it may answer beyond those of every operation; with 412 among them
    it takes `If-Match`. `description` is Markdown for the documentation. `has_json_path` accepts
    the path with `.json` at its end too; `takes_forms` accepts a body as a web page sends it too.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    summary: str
    tag: str
    scope: Scope
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    description: str = ""
    has_json_path: bool = False
    takes_forms: bool = False


def etag(version: int) -> dict[str, str]:
    """The header that tells a record's version, for a later `If-Match`."""
    return {"ETag": f'"{version}"'}
