"""Why each trigger was or was not run for an activity: what is on record first, then a judgement.

A delivery that a trigger asked for, of a webhook or of a message, shows that it was run. Without
one it is judged with the configuration as it is now, and of several events the one that came
nearest to running it explains it. Commands are not on record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pipeline.configs import Configs
from pipeline.explaining import EXPIRED, Owed, Seen, was_changed_after, where_it_was
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
    "position": 4,
    "not_routed": 5,
}


@dataclass(frozen=True, slots=True)
class ExplainedTrigger:
    """One trigger: what it asked for, or else the event that its reason is about.

    `name` is None when there is no such trigger. `changed_since` says that it was changed after
    that event.
    """

    trigger_id: str
    name: str | None
    deliveries: tuple[Owed, ...] = ()
    reason: Why = "fired"
    detail: str = ""
    judged: Seen | None = None
    changed_since: bool = False


def triggers_explained(
    account_id: int, seen: Sequence[Seen], owed: Iterable[Owed], configs: Configs
) -> tuple[ExplainedTrigger, ...]:
    """For each trigger of the account, by id, what became of the events of one activity.

    Triggers that are gone are there as far as deliveries or a `route` event name them.
    """
    by_trigger: defaultdict[str, list[Owed]] = defaultdict(list)
    for delivery in owed:
        if delivery.trigger_id is not None:
            by_trigger[delivery.trigger_id].append(delivery)
    nearest = _nearest(seen, configs)
    found: list[ExplainedTrigger] = []
    for trigger_id in sorted({*by_trigger, *nearest}):
        trigger = configs.trigger(account_id, trigger_id)
        if trigger_id in by_trigger:
            name = None if trigger is None else trigger.name
            found.append(ExplainedTrigger(trigger_id, name, tuple(by_trigger[trigger_id])))
        else:
            found.append(_judged(trigger, *nearest[trigger_id], seen))
    return tuple(found)


def _nearest(seen: Sequence[Seen], configs: Configs) -> dict[str, tuple[Judgement, Seen]]:
    nearest: dict[str, tuple[Judgement, Seen]] = {}
    for each in sorted(seen, key=lambda one: -one.at_ms):
        for judgement in explained_triggers(each.event, configs, now_ms=each.at_ms):
            known = nearest.get(judgement.trigger_id)
            if known is None or _NEARNESS[judgement.reason] < _NEARNESS[known[0].reason]:
                nearest[judgement.trigger_id] = (judgement, each)
    return nearest


def _judged(
    trigger: Trigger | None, judgement: Judgement, judged: Seen, seen: Sequence[Seen]
) -> ExplainedTrigger:
    if trigger is None:
        said = (judgement.reason, judgement.detail)
        return ExplainedTrigger(judgement.trigger_id, None, (), *said, judged)
    why, detail = _reason(trigger, judgement, judged, seen)
    changed_since = was_changed_after(trigger, judged.at_ms)
    return ExplainedTrigger(trigger.id, trigger.name, (), why, detail, judged, changed_since)


def _reason(
    trigger: Trigger, judgement: Judgement, judged: Seen, seen: Sequence[Seen]
) -> tuple[Why, str]:
    is_asked = judgement.reason in {"fired", "conditions"} and trigger.conditions is not None
    if is_asked and not judged.has_content:
        return "content_expired", EXPIRED
    if judgement.reason == "position" and trigger.positions:
        return "position", where_it_was("trigger", ", ".join(trigger.positions), seen)
    return judgement.reason, judgement.detail
