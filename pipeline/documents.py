"""A configuration document: accounts with their webhooks, triggers and sources, as one value.

Everything wrong with it is found at once, each fault with its path in the document. Whether a name
refers to something can depend on what is configured already, so that is a check of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.changes import BOOKKEEPING
from pipeline.configs import Configs
from pipeline.egress import Allowed, url_faults
from pipeline.filters import compile_filter
from pipeline.mapping import mapping_faults
from pipeline.paths import compile_path
from pipeline.source_tokens import with_hash
from pipeline.templates import check
from pipeline.trigger_faults import trigger_faults
from pipeline.urls import compile_url
from schemas.account import Account
from schemas.codec import Fault, Malformed, validate
from schemas.config import CONFIG_KINDS, Config, ConfigKey, key_of
from schemas.filter import Filter
from schemas.source import Source
from schemas.trigger import RunWebhook, Trigger
from schemas.webhook import Mustache, Webhook

_LISTS: Final = {"webhooks": "webhook", "triggers": "trigger", "sources": "source"}
# Stands in for an account id that is wrong, so that the account's records are checked all the same.
_ANY_ACCOUNT: Final = 1
# Stand in for required fields that are wrong, for the same reason.
_STAND_INS: Final[dict[str, Any]] = {
    "id": "1",
    "name": "stand-in",
    "position": "end",
    "url": "https://stand-in.invalid/",
    "actions": [{"type": "tag"}],
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and its path in the document, such as `accounts[0].webhooks[1]`."""

    path: str
    record: Config


@dataclass(slots=True)
class Document:
    """What was read: the records, every fault, and each key with the path that defines it.

    With faults, some of the records hold stand-ins for what was wrong, and none may be used.
    """

    records: list[Placed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    keys: dict[ConfigKey, str] = field(default_factory=dict)


def read_document(value: object, *, allow_http: bool, allowed: Allowed = ()) -> Document:
    """The document in `value`, as it was read from YAML or JSON; never raises.

    URLs that no request may go to are faults, as far as they tell without a look-up: plain `http://`
    unless `allow_http`, forbidden addresses and ports but for what is `allowed`.
    """
    document = Document()
    if not isinstance(value, dict):
        document.faults.append(Fault("", "must be an object with a list of accounts"))
        return document
    document.faults.extend(
        Fault(str(name), "unknown field; the document has accounts only")
        for name in value
        if name != "accounts"
    )
    for path, account in _items(value, "accounts", "", document, required=True):
        _read_account(path, account, document)
    for placed in document.records:
        document.faults.extend(_faults_of(placed, allow_http=allow_http, allowed=allowed))
    return document


def unresolved(document: Document, configs: Configs, *, prune: bool) -> list[Fault]:
    """A fault for each name of a trigger or a webhook that will not exist when this is applied.

    Names are looked for in the document, and in `configs` unless pruning will delete what is there.
    A token that another source has already leads nowhere either.
    """
    missing = [
        Fault(path, f"there is no {key.kind} {key.id!r} in account {key.account_id}")
        for path, key in references(document)
        if key not in document.keys and (prune or configs.get(key) is None)
    ]
    return missing + _taken_tokens(document, configs)


def _taken_tokens(document: Document, configs: Configs) -> list[Fault]:
    """A fault for each token that leads to another source, in the document or in `configs`."""
    faults, owners = [], dict[str, ConfigKey]()
    for path, source in _sources_of(document):
        if source.token_hash is not None:
            known = configs.source_of_token(source.token_hash)
            other = owners.setdefault(source.token_hash, key_of(known or source))
            if other != key_of(source):
                faults.append(Fault(f"{path}.token", "is another source's: each has its own"))
    return faults


def _sources_of(document: Document) -> Iterator[tuple[str, Source]]:
    for placed in document.records:
        if isinstance(placed.record, Source):
            yield placed.path, placed.record


def webhooks_of(document: Document) -> Iterator[tuple[str, Webhook]]:
    """The webhooks of a document, each with its path."""
    for placed in document.records:
        if isinstance(placed.record, Webhook):
            yield placed.path, placed.record


def triggers_of(document: Document) -> Iterator[tuple[str, Trigger]]:
    """The triggers of a document, each with its path."""
    for placed in document.records:
        if isinstance(placed.record, Trigger):
            yield placed.path, placed.record


def references(document: Document) -> Iterator[tuple[str, ConfigKey]]:
    """What the records name, each with the place where they do."""
    for path, webhook in webhooks_of(document):
        if webhook.failure_trigger is not None:
            key = ConfigKey(webhook.account_id, "trigger", webhook.failure_trigger.trigger_id)
            yield f"{path}.failure_trigger.trigger_id", key
    for path, trigger in triggers_of(document):
        for index, action in enumerate(trigger.actions):
            if isinstance(action, RunWebhook):
                key = ConfigKey(trigger.account_id, "webhook", action.webhook_id)
                yield f"{path}.actions[{index}].webhook_id", key


def _read_account(path: str, value: dict[str, Any], document: Document) -> None:
    fields = {name: inner for name, inner in value.items() if name not in _LISTS}
    given = fields.get("id")
    is_id = isinstance(given, int) and not isinstance(given, bool) and given > 0
    account_id = given if is_id and isinstance(given, int) else _ANY_ACCOUNT
    if is_id:
        _define(ConfigKey(account_id, "account", str(account_id)), path, document)
    _read_record(path, fields, Account, document)
    for name, kind in _LISTS.items():
        for place, item in _items(value, name, path, document):
            if is_id and isinstance(item.get("id"), str | int):
                _define(ConfigKey(account_id, kind, str(item["id"])), place, document)
            if item.get("account_id", given) != given:
                fault = Fault(f"{place}.account_id", f"stands in account {given}: leave it out")
                document.faults.append(fault)
            owned = {**item, "account_id": account_id}
            if kind == "source":
                owned, faults = with_hash(owned)
                document.faults += [Fault(f"{place}.{it.field}", it.message) for it in faults]
            _read_record(place, owned, CONFIG_KINDS[kind], document)


def _items(
    parent: dict[str, Any], name: str, path: str, document: Document, *, required: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list with their paths; anything else there is a fault."""
    place = f"{path}.{name}" if path else name
    items = parent.get(name)
    if items is None and not required:
        return
    if not isinstance(items, list) or (required and not items):
        wanted = "must be a list of at least one account" if required else "must be a list"
        document.faults.append(Fault(place, wanted))
        return
    for index, item in enumerate(items):
        if isinstance(item, dict):
            yield f"{place}[{index}]", item
        else:
            document.faults.append(Fault(f"{place}[{index}]", "must be an object"))


def _define(key: ConfigKey, path: str, document: Document) -> None:
    first = document.keys.setdefault(key, path)
    if first != path:
        message = f"{key.kind} {key.id!r} is defined at {first} already"
        document.faults.append(Fault(f"{path}.id", message))


def _read_record(
    path: str, fields: dict[str, Any], model: type[Config], document: Document
) -> None:
    kept = {name: value for name, value in fields.items() if name not in BOOKKEEPING}
    document.faults.extend(
        Fault(f"{path}.{name}", "is kept by Hookline itself: leave it out")
        for name in fields
        if name in BOOKKEEPING
    )
    try:
        document.records.append(Placed(path, validate(model, kept)))
    except Malformed as malformed:
        document.faults.extend(_placed(path, malformed))
        mended = _mended(kept, model, malformed)
        document.records.extend(Placed(path, record) for record in mended)


def _mended(fields: dict[str, Any], model: type[Config], malformed: Malformed) -> Iterator[Config]:
    """The record with what is wrong left out or stood in for, where that is enough."""
    wrong = {re.split(r"[.\[]", fault.field, maxsplit=1)[0] for fault in malformed.faults}
    right = {name: value for name, value in fields.items() if name not in wrong}
    needed = {name: value for name, value in _STAND_INS.items() if name in wrong & _names(model)}
    with suppress(Malformed):
        yield validate(model, {**right, **needed})


def _names(model: type[Config]) -> set[str]:
    return {name for name, info in model.model_fields.items() if info.is_required()}


def _faults_of(placed: Placed, *, allow_http: bool, allowed: Allowed) -> Iterator[Fault]:
    """What the record's own schema cannot know."""
    path, record = placed.path, placed.record
    if isinstance(record, Account):
        for name, snippet in record.snippets.items():
            yield from _template_faults(f"{path}.snippets.{name}", snippet)
    if isinstance(record, Webhook):
        yield from _filter_faults(f"{path}.filter", record.filter)
        yield from _token_faults(f"{path}.url", record)
        if isinstance(record.format, Mustache):
            yield from _template_faults(f"{path}.format.template", record.format.template)
        for message in url_faults(record.url, allow_http=allow_http, allowed=allowed):
            yield Fault(f"{path}.url", message)
    elif isinstance(record, Trigger):
        yield from trigger_faults(path, record)
    elif isinstance(record, Source):
        for fault in mapping_faults(record.mapping):
            yield Fault(f"{path}.mapping{fault.field}", fault.message)
        if record.deduplication is not None and record.deduplication.path is not None:
            yield from _path_faults(f"{path}.deduplication.path", record.deduplication.path)


def _filter_faults(path: str, written: Filter | None) -> list[Fault]:
    try:
        compile_filter(written)
    except Malformed as malformed:
        return _placed(path, malformed)
    return []


def _token_faults(path: str, webhook: Webhook) -> list[Fault]:
    try:
        compile_url(webhook.url, is_pixel=webhook.body_type == "pixel")
    except Malformed as malformed:
        return _placed(path, malformed)
    return []


def _template_faults(path: str, template: str) -> list[Fault]:
    return [Fault(path, fault.message) for fault in check(template)]


def _path_faults(path: str, written: str) -> list[Fault]:
    try:
        compile_path(written)
    except Malformed as malformed:
        return _placed(path, malformed)
    return []


def _placed(path: str, malformed: Malformed) -> list[Fault]:
    return [
        Fault(f"{path}.{fault.field}" if fault.field else path, fault.message)
        for fault in malformed.faults
    ]
