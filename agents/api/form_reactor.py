"""FormReactor: a form that somebody filled in, under CallTrackingMetrics' paths and field names.

Such a path names no account, since a key of CTM belongs to one; ours may be named beside it. The
answer comes when Kafka has the form's event.
"""

from __future__ import annotations

import secrets
from typing import Final

from agents.api.models.form_reactor import FormAnswer, FormBody
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import FORBIDDEN, FieldFault, Problem, invalid
from agents.clock import timestamp
from agents.kafka.outgoing import new_event, trace_of
from pipeline.form_events import with_end
from pipeline.form_reactor import FormEvent, Submission, form_event
from schemas.codec import Malformed

_PATH: Final = "/formreactor/{id}"
_DESCRIPTION: Final = (
    "Takes CallTrackingMetrics' fields, as JSON or as a web form; `{id}` is the form's name. What "
    "it becomes is an activity with its events at `form` and `end`, which are in Kafka when the "
    "answer comes. With `unique_form_id` they are the same events however often it is sent."
)


async def _take_in(call: Call) -> Reply:
    made = _form_event(call, _account_id(call))
    event, trace = made.event, trace_of({})
    events = with_end(event)
    await call.services.publisher.publish([new_event(each, trace) for each in events])
    warnings = [FieldFault(field=it.field, message=it.message) for it in made.warnings]
    answer = FormAnswer(
        status="success",
        id=event.activity_id,
        event_id=event.event_id,
        event_ids=[each.event_id for each in events],
        activity=event.activity,
        warnings=warnings,
    )
    return Reply(answer)


def _account_id(call: Call) -> int:
    """The account in the path, else the key's."""
    account_id = call.key.account_id if call.account is None else call.account_id
    if account_id is None:
        detail = "an admin key belongs to no account: name one, /accounts/{account}/formreactor/…"
        raise Problem(FORBIDDEN, detail)
    return account_id


def _form_event(call: Call, account_id: int) -> FormEvent:
    submission = Submission(
        account_id=account_id,
        form_id=call.path["id"],
        fields=call.body.root,
        at_ms=call.now_ms,
        occurred_at=timestamp(call.now_ms),
        drawn=secrets.token_hex(12),
    )
    try:
        return form_event(submission)
    except Malformed as malformed:
        raise invalid(malformed.faults) from None


def _operation(begin: str, summary: str, more: str) -> Operation:
    return Operation(
        "POST",
        f"{begin}{_PATH}",
        _take_in,
        summary=summary,
        tag="CTM",
        scope="ingest",
        body=FormBody,
        answer=FormAnswer,
        problems=(413, 422, 503),
        description=f"{_DESCRIPTION} {more}".strip(),
        has_json_path=True,
        takes_forms=True,
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    _operation(
        "/api/v1", "Take in a form (CTM)", "The account is the key's, so an admin key will not do."
    ),
    _operation("/api/v1/accounts/{account}", "Take in a form of an account (CTM)", ""),
)
