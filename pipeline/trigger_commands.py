"""What a trigger asks of the upstream system about an activity, as far as it would change it.

Tags compare as in filters, without regard to case; amounts and scores as numbers. Not to ask for
what is so already also ends the loop of an upstream system that tells of each command it was given
as of a change, without saying what led to it.
"""

from __future__ import annotations

from typing import Any

from pipeline.comparisons import decimal_of, equals
from pipeline.fields import activity_field, elements
from pipeline.paths import as_text
from schemas.trigger import Scoring, SettingField, Tagging


def changing(
    action: Tagging | Scoring | SettingField, activity: dict[str, Any]
) -> Tagging | Scoring | SettingField | None:
    """What of an action would change the activity; None when nothing would.

    What is not known of the activity would be changed. A field's value is rendered by now.
    """
    if isinstance(action, Tagging):
        return _tagging(action, activity)
    if isinstance(action, SettingField):
        known = activity_field(f'custom_fields["{action.name}"]').find(activity)
        return None if as_text(known) == action.value else action
    return _scoring(action, activity)


def _scoring(action: Scoring, activity: dict[str, Any]) -> Scoring | None:
    sale = activity.get("sale")
    known = sale if isinstance(sale, dict) else {}
    differing = {
        name: value if value is None or not _is_same(known.get(name), value) else None
        for name, value in action.model_dump(exclude={"type"}).items()
    }
    if all(value is None for value in differing.values()):
        return None
    return action.model_copy(update=differing)


def _is_same(known: object, wanted: object) -> bool:
    """Whether a score, a conversion or an amount is as it is wanted; amounts are texts."""
    if isinstance(wanted, str):
        return decimal_of(known) == decimal_of(wanted)
    return known is not None and equals(wanted, is_phone=False)(known)


def _tagging(action: Tagging, activity: dict[str, Any]) -> Tagging | None:
    tags = elements(activity_field("tag_list").find(activity))
    if not isinstance(tags, list):
        return action
    added = tuple(tag for tag in action.add if not _has(tags, tag))
    removed = tuple(tag for tag in action.remove if _has(tags, tag))
    if not (added or removed):
        return None
    return action.model_copy(update={"add": added, "remove": removed})


def _has(tags: list[Any], tag: str) -> bool:
    return any(map(equals(tag, is_phone=False), tags))
