"""Accounts: customers, which only an admin key makes and removes.

An account may change itself, but not what it is entitled to. It can be removed when nothing is
configured in it any more; its keys go with it, or they would open the next one of that number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import Field

from agents.api.models.accounts import AccountAnswer, AccountPage, AccountPatch, NewAccount
from agents.api.models.base import PageQuery
from agents.api.operation import Call, Operation, Reply, etag
from agents.api.paging import page_of
from agents.api.problems import FORBIDDEN, Problem, conflict, invalid, not_found, stale
from agents.clock import timestamp
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.documents import read_document
from pipeline.merge_patch import merged
from schemas.account import Account
from schemas.codec import Fault
from schemas.config import key_of

_TAG: Final = "Accounts"
_HERE: Final = "accounts[0]."
_LISTED: Final = ("webhook", "trigger", "source")
# What goes with the account.
_OURS: Final = ("key", "rerun", "replay")
_CHANGEABLE: Final = {"name", "time_zone", "features", "snippets"}


class AccountsQuery(PageQuery):
    """The query of the list of accounts."""

    name: str | None = Field(
        None, max_length=200, description="Only accounts whose names hold this, in any case."
    )


async def _list(call: Call) -> Reply:
    wanted = (call.query.name or "").casefold()
    accounts = (
        it
        for it in call.services.view.configs
        if isinstance(it, Account) and wanted in it.name.casefold()
    )
    shown, cursor = page_of(accounts, call.query, "accounts", lambda it: it.id, 0)
    return Reply(AccountPage(items=[*map(AccountAnswer.of, shown)], next_cursor=cursor))


async def _create(call: Call) -> Reply:
    account = _checked(call.body.model_dump())

    def decide(configs: Configs) -> Iterable[Change]:
        if configs.account(account.id) is not None:
            raise conflict(f"account {account.id} exists", Fault("id", "is taken"))
        return _change(account, configs, call)

    saved = await _saved(call, account.id, decide)
    headers = {**etag(saved.version), "Location": f"/api/v1/accounts/{saved.id}"}
    return Reply(AccountAnswer.of(saved), headers=headers)


async def _read(call: Call) -> Reply:
    account = _current(call.services.view.configs, call.account_id)
    return Reply(AccountAnswer.of(account), headers=etag(account.version))


async def _patch(call: Call) -> Reply:
    patch = call.body.model_dump(exclude_unset=True)

    def decide(configs: Configs) -> Iterable[Change]:
        before = _current(configs, call.account_id, call.if_match)
        fields = before.model_dump(include=_CHANGEABLE | {"id"})
        after = _checked(merged(fields, patch))
        if after.features != before.features and not call.key.is_admin:
            raise Problem(FORBIDDEN, "features are changed with an admin key")
        return _change(after, configs, call)

    saved = await _saved(call, call.account_id, decide)
    return Reply(AccountAnswer.of(saved), headers=etag(saved.version))


async def _delete(call: Call) -> Reply:
    def decide(configs: Configs) -> Iterable[Change]:
        account = _current(configs, call.account_id, call.if_match)
        left = {kind: len(configs.owned(account.id, kind)) for kind in _LISTED}
        if any(left.values()):
            counts = ", ".join(f"{kind}s: {count}" for kind, count in left.items() if count)
            raise conflict(f"account {account.id} is not empty ({counts}): delete these first")
        owned = [it for kind in _OURS for it in configs.owned(account.id, kind)]
        return [Change("delete", key_of(it)) for it in [*owned, account]]

    await call.services.writer.write(call.account_id, decide)
    return Reply()


def _current(configs: Configs, account_id: int, if_match: int | None = None) -> Account:
    """The account as it is now; it may have gone, or changed, since the request came."""
    account = configs.account(account_id)
    if account is None:
        raise not_found(f"account {account_id}")
    if if_match is not None and if_match != account.version:
        raise stale(account.version)
    return account


def _checked(fields: dict[str, Any]) -> Account:
    """The account that fields make, by the rules of a document."""
    document = read_document({"accounts": [fields]}, allow_http=False)
    if document.faults:
        faults = document.faults
        raise invalid([Fault(it.field.removeprefix(_HERE), it.message) for it in faults])
    (placed,) = document.records
    assert isinstance(placed.record, Account)  # noqa: S101 - the fields hold no other record
    return placed.record


def _change(account: Account, configs: Configs, call: Call) -> Iterable[Change]:
    return plan_changes([account], configs, now=timestamp(call.now_ms)).changes


async def _saved(call: Call, account_id: int, decide: Any) -> Account:  # noqa: ANN401 - as write takes it
    written = await call.services.writer.write(account_id, decide)
    for change in written.changes:
        if isinstance(change.record, Account):
            return change.record
    return _current(call.services.view.configs, account_id)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/api/v1/accounts",
        _list,
        summary="List the accounts",
        tag=_TAG,
        scope="admin",
        query=AccountsQuery,
        answer=AccountPage,
    ),
    Operation(
        "POST",
        "/api/v1/accounts",
        _create,
        summary="Create an account",
        tag=_TAG,
        scope="admin",
        body=NewAccount,
        answer=AccountAnswer,
        status=201,
    ),
    Operation(
        "GET",
        "/api/v1/accounts/{account}",
        _read,
        summary="Read an account",
        tag=_TAG,
        scope="read",
        answer=AccountAnswer,
    ),
    Operation(
        "PATCH",
        "/api/v1/accounts/{account}",
        _patch,
        summary="Change an account",
        tag=_TAG,
        scope="write",
        body=AccountPatch,
        answer=AccountAnswer,
        problems=(412,),
        description="A JSON merge patch: what is left out stays, null restores the default. "
        "`features` are changed with an admin key only.",
    ),
    Operation(
        "DELETE",
        "/api/v1/accounts/{account}",
        _delete,
        summary="Delete an account",
        tag=_TAG,
        scope="admin",
        status=204,
        problems=(409, 412),
        description="Its webhooks, triggers and sources have to be deleted before; its keys go "
        "with it. Events of an account that is not there are matched with nothing.",
    ),
)
