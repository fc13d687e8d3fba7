"""What is wrong with a trigger beyond its schema: paths of its conditions, and its templates."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.templates import check
from pipeline.trigger_conditions import compile_conditions
from schemas.codec import Fault, Malformed
from schemas.trigger import Action, SendEmail, SendText, SettingField, Trigger


def trigger_faults(path: str, trigger: Trigger) -> Iterator[Fault]:
    """Every fault, with its place below `path`."""
    try:
        compile_conditions(trigger.conditions)
    except Malformed as malformed:
        for fault in malformed.faults:
            yield Fault(f"{path}.conditions.{fault.field}", fault.message)
    for place, template in templates_in(trigger):
        for fault in check(template):
            yield Fault(f"{path}.{place}", fault.message)


def templates_in(trigger: Trigger) -> Iterator[tuple[str, str]]:
    """The trigger's templates, each with its place in it."""
    for index, action in enumerate(trigger.actions):
        for name, template in _templates_of(action):
            yield f"actions[{index}].{name}", template


def _templates_of(action: Action) -> Iterator[tuple[str, str]]:
    if isinstance(action, SendEmail):
        yield "subject", action.subject
    if isinstance(action, SendEmail | SendText):
        for index, recipient in enumerate(action.to):
            yield f"to[{index}]", recipient
        if action.template is not None:
            yield "template", action.template
    if isinstance(action, SettingField):
        yield "value", action.value
