"""Keys: made by us, shown once, kept as hashes, revoked by deleting them.

A key gives no scope that it has not itself. Admin keys belong to no account and are apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agents.api.minting import SCOPES, Minted, minted
from agents.api.models.base import PageQuery
from agents.api.models.keys import KeyAnswer, KeyPage, NewAdminKey, NewKey, NewKeyAnswer
from agents.api.operation import Call, Operation, Reply
from agents.api.paging import page_of
from agents.api.problems import FORBIDDEN, Problem, conflict, not_found
from agents.clock import timestamp
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from schemas.config import ConfigKey
from schemas.key import ADMIN_ACCOUNT, Key

_TAG: Final = "Keys"
# More than anybody tells apart; each is looked through when the account's are listed.
KEYS_MAX: Final = 200


async def _list(call: Call) -> Reply:
    keys = _keys(call.services.view.configs, _owner(call))
    shown, cursor = page_of(keys, call.query, "keys", lambda it: it.id, "")
    return Reply(KeyPage(items=[*map(KeyAnswer.of, shown)], next_cursor=cursor))


async def _create(call: Call) -> Reply:
    beyond = [] if call.key.is_admin else sorted({*call.body.scopes} - call.key.scopes)
    if beyond:
        raise Problem(FORBIDDEN, f"this key cannot give what it has not: {', '.join(beyond)}")
    return await _saved(call, minted(call.account_id, call.body.name, call.body.scopes))


async def _create_admin(call: Call) -> Reply:
    return await _saved(call, minted(None, call.body.name, SCOPES))


async def _saved(call: Call, key: Minted) -> Reply:
    def decide(configs: Configs) -> Iterable[Change]:
        if len(_keys(configs, _owner(call))) >= KEYS_MAX:
            raise conflict(f"there are {KEYS_MAX} keys already: delete some that nobody uses")
        return plan_changes([key.record], configs, now=timestamp(call.now_ms)).changes

    written = await call.services.writer.write(_owner(call), decide)
    (change,) = written.changes
    saved = change.record if isinstance(change.record, Key) else key.record
    return Reply(NewKeyAnswer.shown(saved, key))


async def _delete(call: Call) -> Reply:
    where = ConfigKey(_owner(call), "key", call.path["id"])

    def decide(configs: Configs) -> Iterable[Change]:
        if configs.get(where) is None:
            raise not_found(f"key {where.id[:80]}")
        return [Change("delete", where)]

    await call.services.writer.write(_owner(call), decide)
    return Reply()


def _owner(call: Call) -> int:
    return ADMIN_ACCOUNT if call.account is None else call.account.id


def _keys(configs: Configs, owner: int) -> list[Key]:
    return [it for it in configs.owned(owner, "key") if isinstance(it, Key)]


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/api/v1/accounts/{account}/keys",
        _list,
        summary="List an account's keys",
        tag=_TAG,
        scope="write",
        query=PageQuery,
        answer=KeyPage,
    ),
    Operation(
        "POST",
        "/api/v1/accounts/{account}/keys",
        _create,
        summary="Create a key of an account",
        tag=_TAG,
        scope="write",
        body=NewKey,
        answer=NewKeyAnswer,
        status=201,
        description="The secret is in this answer and nowhere else. A key can give the scopes that "
        "it has itself; an admin key gives any.",
    ),
    Operation(
        "DELETE",
        "/api/v1/accounts/{account}/keys/{id}",
        _delete,
        summary="Revoke a key of an account",
        tag=_TAG,
        scope="write",
        status=204,
        description="It opens nothing any more: here at once, with other API processes within a "
        "second.",
    ),
    Operation(
        "GET",
        "/api/v1/keys",
        _list,
        summary="List the admin keys",
        tag=_TAG,
        scope="admin",
        query=PageQuery,
        answer=KeyPage,
    ),
    Operation(
        "POST",
        "/api/v1/keys",
        _create_admin,
        summary="Create an admin key",
        tag=_TAG,
        scope="admin",
        body=NewAdminKey,
        answer=NewKeyAnswer,
        status=201,
    ),
    Operation(
        "DELETE",
        "/api/v1/keys/{id}",
        _delete,
        summary="Revoke an admin key",
        tag=_TAG,
        scope="admin",
        status=204,
    ),
)
