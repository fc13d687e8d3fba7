"""Warnings: what a configuration document may say, but whoever wrote it hardly means.

A warning never refuses anything: upstream systems differ, and a person may know better. Each names
its place in the document, as a fault does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from pipeline.availability import shadowed, why_absent
from pipeline.configs import Configs
from pipeline.documents import Document, triggers_of, webhooks_of
from pipeline.fields import ActivityField, activity_field
from pipeline.templated import outer_fields, templates_of
from pipeline.trigger_advice import trigger_warnings
from pipeline.urls import compile_url
from schemas.account import Account, Features
from schemas.codec import Fault
from schemas.config import Config, key_of
from schemas.http_fields import TOKEN
from schemas.source import Source
from schemas.tokens import ENHANCED_FIELDS
from schemas.trigger import Trigger
from schemas.webhook import Mustache, Webhook

_NUMBER: Final = "caller_number"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def warnings_about(document: Document, configs: Configs, *, prune: bool) -> list[Fault]:
    """Every warning about a document without faults, in the light of what is configured already.

    What pruning will delete is not looked at.
    """
    accounts = {
        placed.record.id: placed.record
        for placed in document.records
        if isinstance(placed.record, Account)
    }
    warnings = _shared_urls(document, configs, prune=prune)
    for path, webhook in webhooks_of(document):
        account = accounts[webhook.account_id]
        warnings.extend(_rules_in_vain(path, webhook))
        for place, field in _tokens(path, webhook, account.snippets):
            if why := _why_empty(field, webhook, account.features):
                warnings.append(Fault(place, f"{why}, so it will be empty"))
        warnings.extend(_missing_snippets(path, webhook, account.snippets))
    for path, trigger in triggers_of(document):
        owned = _webhooks_beside(trigger, document, configs)
        warnings.extend(trigger_warnings(path, trigger, accounts[trigger.account_id], owned))
    warnings.extend(_numberless(document))
    warnings.extend(_shadowing(document))
    return [*dict.fromkeys(warnings)]


def _shared_urls(document: Document, configs: Configs, *, prune: bool) -> list[Fault]:
    """A warning for each webhook of the document whose URL another webhook has too."""
    users: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    placed = [each.record for each in document.records]
    kept = [] if prune else _kept_webhooks(placed, document, configs)
    for record in (*placed, *kept):
        if isinstance(record, Webhook):
            users[record.account_id, _normal_url(record.url)].append(record.id)
    return [
        Fault(f"{path}.url", f"the same URL is used by {', '.join(others)}: give each its own")
        for path, webhook in webhooks_of(document)
        if (others := _others(users[webhook.account_id, _normal_url(webhook.url)], webhook.id))
    ]


def _kept_webhooks(placed: list[Config], document: Document, configs: Configs) -> list[Config]:
    """The webhooks of the document's accounts that it does not mention."""
    return [
        webhook
        for account in placed
        if isinstance(account, Account)
        for webhook in configs.owned(account.id, "webhook")
        if key_of(webhook) not in document.keys
    ]


def _webhooks_beside(trigger: Trigger, document: Document, configs: Configs) -> Iterator[Webhook]:
    """The webhooks of a trigger's account: as the document has them, else as they are."""
    for _, webhook in webhooks_of(document):
        if webhook.account_id == trigger.account_id:
            yield webhook
    for held in configs.webhooks_of(trigger.account_id):
        if key_of(held.webhook) not in document.keys:
            yield held.webhook


def _rules_in_vain(path: str, webhook: Webhook) -> Iterator[Fault]:
    """A warning for each rule over what no activity has at the webhook's position."""
    for group_at, group in enumerate(webhook.filter.any if webhook.filter is not None else ()):
        for rule_at, rule in enumerate(group.all):
            why = why_absent(activity_field(rule.field), webhook.position)
            if why is not None:
                place = f"{path}.filter.any[{group_at}].all[{rule_at}].field"
                often = "always" if rule.op == "not_set" else "never"
                yield Fault(place, f"{why}, so the rule {often} holds")


def _tokens(
    path: str, webhook: Webhook, snippets: Mapping[str, str]
) -> Iterator[tuple[str, ActivityField]]:
    """The fields that the webhook's URL and template put in, each with its place."""
    for field in compile_url(webhook.url, is_pixel=webhook.body_type == "pixel").fields:
        yield f"{path}.url", field
    if isinstance(webhook.format, Mustache):
        for each in templates_of(webhook.format.template, snippets):
            for field in outer_fields(each.nodes):
                yield f"{path}.format.template", field


def _missing_snippets(path: str, webhook: Webhook, snippets: Mapping[str, str]) -> Iterator[Fault]:
    if isinstance(webhook.format, Mustache):
        for each in templates_of(webhook.format.template, snippets):
            for partial in each.partials:
                if partial.name not in snippets:
                    message = f"there is no snippet {partial.name!r}: nothing will stand for it"
                    yield Fault(f"{path}.format.template", message)


def _why_empty(field: ActivityField, webhook: Webhook, features: Features) -> str | None:
    if not features.enhanced_caller_id and field.paths[0].steps[0] in ENHANCED_FIELDS:
        return f"{field.name} needs enhanced_caller_id, a feature that the account does not have"
    return why_absent(field, webhook.position)


def _sources(document: Document) -> Iterator[tuple[str, Source]]:
    for placed in document.records:
        if isinstance(placed.record, Source):
            yield placed.path, placed.record


def _numberless(document: Document) -> Iterator[Fault]:
    """A warning for each source whose mapping leaves out what no activity may be without."""
    for path, source in _sources(document):
        targets = {row.target for row in source.mapping}
        if source.mapping and not source.allow_no_phone and _NUMBER not in targets:
            message = f"no row fills {_NUMBER}, so every request is rejected: see allow_no_phone"
            yield Fault(f"{path}.mapping", message)


def _shadowing(document: Document) -> Iterator[Fault]:
    """A warning for each custom field that a source fills and that is named as a built-in one."""
    for path, source in _sources(document):
        for index, row in enumerate(source.mapping):
            name = shadowed(activity_field(row.target))
            if name is not None:
                yield Fault(
                    f"{path}.mapping[{index}].target",
                    f"a custom field had better not be called {name}, as a built-in one is: "
                    f"{{{{{name}}}}} is that one, and {{{{custom_{name}}}}} is this",
                )


def _others(ids: list[str], own: str) -> list[str]:
    return [each for each in ids if each != own]


def _normal_url(url: str) -> str:
    """The URL without what makes no difference to where a request arrives; tokens are all alike."""
    parts = urlsplit(TOKEN.sub("{{}}", url))
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path or '/'}?{parts.query}"
