"""What became of a trigger, for logs and metrics; the same in the matcher and in the notifier.

A rule that does not hold is nothing to tell of: it is counted, and `explain` says why. What an
action could not ask for is told, since nobody asks `explain` about that.
"""

from __future__ import annotations

from typing import Final

import structlog

from agents import metrics
from pipeline.trigger_actions import Asked, Late
from pipeline.triggering import Judgement
from schemas.event import Event

# Ordinary, and as frequent as events; of the others there are few, and somebody may wonder.
_UNTOLD: Final = frozenset({"fired", "conditions", "disabled"})

_log = structlog.get_logger()


def note_judged(judgement: Judgement, account_id: int, cause: str) -> None:
    """Count a judgement, and tell of what was left out; `cause` is the event's or delivery's id."""
    metrics.TRIGGERS.labels(judgement.reason).inc()
    about = {"account": account_id, "trigger": judgement.trigger_id, "cause": cause}
    if judgement.reason not in _UNTOLD:
        _log.info("trigger.not_run", **about, reason=judgement.reason, detail=judgement.detail)
    for asked in judgement.asked:
        metrics.TRIGGER_ACTIONS.labels(_type_of(asked), "asked").inc()
    for left_out in judgement.left_out:
        metrics.TRIGGER_ACTIONS.labels(left_out.type, left_out.reason).inc()
        if left_out.reason != "unchanged":
            _log.warning(
                "trigger.action_left_out",
                **about,
                action=left_out.action,
                type=left_out.type,
                reason=left_out.reason,
                detail=left_out.detail,
            )


def _type_of(asked: Asked) -> str:
    record = asked.record if isinstance(asked, Late) else asked
    return "run_webhook" if isinstance(record, Event) else record.action.type
