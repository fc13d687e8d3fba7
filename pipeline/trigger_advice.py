"""Warnings about triggers: what they may say, but whoever wrote it hardly means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pipeline.availability import why_absent
from pipeline.fields import ActivityField, activity_field
from pipeline.templated import outer_fields, templates_of
from pipeline.trigger_faults import templates_in
from schemas.account import Account
from schemas.codec import Fault
from schemas.filter import Rule
from schemas.phases import ROUTE
from schemas.tokens import ENHANCED_FIELDS
from schemas.trigger import RunWebhook, Trigger
from schemas.webhook import Webhook

_FAILURE: Final = "failure"


def trigger_warnings(
    path: str, trigger: Trigger, account: Account, webhooks: Iterable[Webhook]
) -> Iterator[Fault]:
    """Every warning about a trigger without faults; `webhooks` are those of its account."""
    for index, position in enumerate(trigger.positions):
        if position == ROUTE:
            message = "no event is at route by itself: one that names the trigger runs it anyway"
            yield Fault(f"{path}.positions[{index}]", message)
    yield from _rules_in_vain(path, trigger)
    yield from _templates(path, trigger, account)
    failing = [it.id for it in webhooks if _is_failure_trigger(trigger, it)]
    for index, action in enumerate(trigger.actions):
        if isinstance(action, RunWebhook) and action.webhook_id in failing:
            message = (
                f"{action.webhook_id} has this as its failure trigger: where its own failure runs "
                "the trigger, it is not run again"
            )
            yield Fault(f"{path}.actions[{index}].webhook_id", message)


def _is_failure_trigger(trigger: Trigger, webhook: Webhook) -> bool:
    return webhook.failure_trigger is not None and webhook.failure_trigger.trigger_id == trigger.id


def _rules_in_vain(path: str, trigger: Trigger) -> Iterator[Fault]:
    """A warning for each rule over what nothing has at any of the trigger's positions."""
    for group_at, group in enumerate(trigger.conditions.any if trigger.conditions else ()):
        for rule_at, rule in enumerate(group.all):
            why = _why_in_vain(rule, trigger) if isinstance(rule, Rule) else None
            if why is not None:
                place = f"{path}.conditions.any[{group_at}].all[{rule_at}].field"
                yield Fault(place, why)


def _why_in_vain(rule: Rule, trigger: Trigger) -> str | None:
    field = activity_field(rule.field)
    positions = [position for position in trigger.positions if position != ROUTE]
    often = "always" if rule.op == "not_set" else "never"
    if positions and _first_step(field) == _FAILURE:
        return f"only a webhook's failure has {field.name}: at a position the rule {often} holds"
    reasons = [why_absent(field, position) for position in positions]
    if not reasons or None in reasons:
        return None
    return f"{reasons[0]}, so the rule {often} holds"


def _templates(path: str, trigger: Trigger, account: Account) -> Iterator[Fault]:
    for place, template in templates_in(trigger):
        yield from _fields_in_vain(f"{path}.{place}", template, account)


def _fields_in_vain(place: str, template: str, account: Account) -> Iterator[Fault]:
    snippets = account.snippets
    for each in templates_of(template, snippets):
        for partial in each.partials:
            if partial.name not in snippets:
                message = f"there is no snippet {partial.name!r}: nothing will stand for it"
                yield Fault(place, message)
        for field in outer_fields(each.nodes):
            if _first_step(field) in ENHANCED_FIELDS and not account.features.enhanced_caller_id:
                needs = "needs enhanced_caller_id, a feature that the account does not have"
                yield Fault(place, f"{field.name} {needs}, so it will be empty")


def _first_step(field: ActivityField) -> str:
    return str(field.paths[0].steps[0])
