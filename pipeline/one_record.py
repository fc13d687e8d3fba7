"""One record of an account, read by the rules of a whole document and in the light of the others.

A webhook that the API takes is refused, and warned about, for the same reasons as one in a file.
Paths of faults begin at the record itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pipeline.advice import warnings_about
from pipeline.configs import Configs
from pipeline.documents import Document, Placed, read_document, references, unresolved
from pipeline.egress import Allowed
from schemas.account import Account
from schemas.codec import Fault
from schemas.config import Config, ConfigKey

_ACCOUNT: Final = "accounts[0]"


def read_one(
    kind: str, fields: dict[str, Any], account: Account, *, allow_http: bool, allowed: Allowed = ()
) -> Document:
    """A document of an account as it is and a webhook, trigger or source of it, in `fields`."""
    stand_in = {"id": account.id, "name": account.name, f"{kind}s": [fields]}
    document = read_document({"accounts": [stand_in]}, allow_http=allow_http, allowed=allowed)
    document.records[0] = Placed(_ACCOUNT, account)
    return document


def faults_of(document: Document, configs: Configs) -> list[Fault]:
    """All that keeps the record from being saved."""
    return _from_record([*document.faults, *unresolved(document, configs, prune=False)])


def warnings_of(document: Document, configs: Configs) -> list[Fault]:
    """What it may say, but whoever wrote it hardly means; only for a record without faults."""
    return _from_record(warnings_about(document, configs, prune=False))


def record_in(document: Document) -> Config:
    """The record of a document without faults."""
    return document.records[1].record


def users_of(key: ConfigKey, configs: Configs) -> list[str]:
    """What names the record, such as `webhook crm (failure_trigger.trigger_id)`."""
    others = [
        Placed(f"{record.kind} {record.id}", record)
        for kind in ("webhook", "trigger")
        for record in configs.owned(key.account_id, kind)
    ]
    places = (place for place, named in references(Document(others)) if named == key)
    return [f"{owner} ({field})" for owner, _, field in (each.partition(".") for each in places)]


def _from_record(faults: Iterable[Fault]) -> list[Fault]:
    """The faults with paths that begin at the record: what comes before it is ours."""
    return [Fault(_after_list(fault.field), fault.message) for fault in faults]


def _after_list(path: str) -> str:
    inner = path.removeprefix(f"{_ACCOUNT}.")
    return inner.partition("].")[2] if "]." in inner else ""
