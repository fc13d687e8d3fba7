"""What a trigger's conditions and templates see: the activity's fields, and what they are run for.

Conditions ask the activity as filters do, and `failure` where a delivery's failure runs the
trigger. Templates see the activity as a webhook's do, with `account`, `trigger`, `webhook` (the one
that fails) and `failure` beside; what there is none of is empty.
"""

from __future__ import annotations

from typing import Any

from pipeline.bodies import activity_context
from schemas.account import Account
from schemas.event import Event
from schemas.failure import Failure
from schemas.notice import FailureTold
from schemas.trigger import Trigger
from schemas.webhook import Webhook


def failure_told(failure: Failure) -> FailureTold:
    """A failure as a notice tells it: without the job."""
    fields = failure.model_dump(exclude={"job"})
    return FailureTold(delivery_id=failure.job.delivery_id, **fields)


def condition_fields(event: Event, failure: FailureTold | None) -> dict[str, Any]:
    """The fields that rules are over; `failure` is ours where there is one."""
    if failure is None:
        return event.activity
    return {**event.activity, "failure": failure.model_dump()}


def template_context(
    account: Account,
    trigger: Trigger,
    event: Event | None,
    webhook: Webhook | None,
    failure: FailureTold | None,
) -> dict[str, Any]:
    """The values of a trigger's templates; an announcement is about no event."""
    fields = {} if event is None else activity_context(event.activity, account)
    return {
        **fields,
        "account": account.model_dump(include={"id", "name", "time_zone"}),
        "trigger": trigger.model_dump(include={"id", "name"}),
        "webhook": webhook and webhook.model_dump(include={"id", "name", "position"}),
        "failure": failure and failure.model_dump(),
    }
