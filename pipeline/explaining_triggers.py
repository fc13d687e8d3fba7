"""Why each trigger is or is not run for an activity, judged with the configuration as it is now.

Of several events the one that came nearest to running it explains it. What its actions came to is
on record: the deliveries of webhooks, and of emails and texts, that it asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pipeline.configs import Configs
from pipeline.explaining import EXPIRED, Seen, was_changed_after, where_it_was
from pipeline.triggering import Judgement, Reason, explained_triggers
from schemas.trigger import Trigger

# `content_expired`: the conditions cannot be asked.
Why: TypeAlias = Reason | Literal["content_expired"]

# The nearer to being run, the better it explains.
_NEARNESS: Final[dict[Reason, int]] = {
    "fired": 0,
    "conditions": 1,
    "loop": 2,
    "depth": 2,
    "disabled": 3,
    "unknown_trigger": 3,
    "not_routed": 4,
    "position": 5,
}


@dataclass(frozen=True, slots=True)
class ExplainedTrigger:
    """One trigger and the event that its reason is about.

    `name` is None when there is no such trigger. `changed_since` says that it was changed after
    that event.
    """

    trigger_id: str
    name: str | None
    reason: Why
    detail: str
    judged: Seen
    changed_since: bool


def triggers_explained(
    account_id: int, seen: Sequence[Seen], configs: Configs
) -> tuple[ExplainedTrigger, ...]:
    """For each trigger of the account, by id, what it makes of the events of one activity."""
    nearest: dict[str, tuple[Judgement, Seen]] = {}
    for each in sorted(seen, key=lambda one: -one.at_ms):
        for judgement in explained_triggers(each.event, configs, now_ms=each.at_ms):
            known = nearest.get(judgement.trigger_id)
            if known is None or _NEARNESS[judgement.reason] < _NEARNESS[known[0].reason]:
                nearest[judgement.trigger_id] = (judgement, each)
    return tuple(
        _explained(configs.trigger(account_id, trigger_id), *nearest[trigger_id], seen)
        for trigger_id in sorted(nearest)
    )


def _explained(
    trigger: Trigger | None, judgement: Judgement, judged: Seen, seen: Sequence[Seen]
) -> ExplainedTrigger:
    if trigger is None:
        unknown = judgement.trigger_id, None, judgement.reason, judgement.detail
        return ExplainedTrigger(*unknown, judged, changed_since=False)
    why, detail = _reason(trigger, judgement, judged, seen)
    changed_since = was_changed_after(trigger, judged.at_ms)
    return ExplainedTrigger(trigger.id, trigger.name, why, detail, judged, changed_since)


def _reason(
    trigger: Trigger, judgement: Judgement, judged: Seen, seen: Sequence[Seen]
) -> tuple[Why, str]:
    is_asked = judgement.reason in {"fired", "conditions"} and trigger.conditions is not None
    if is_asked and not judged.has_content:
        return "content_expired", EXPIRED
    if judgement.reason == "position" and trigger.positions:
        return "position", where_it_was("trigger", ", ".join(trigger.positions), seen)
    return judgement.reason, judgement.detail
