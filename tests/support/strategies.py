"""Hypothesis strategies for every record that the decoder takes.

Records are drawn as documents and decoded, so whatever is drawn has passed the real rules.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.account import Account
from schemas.attempt import Attempt
from schemas.codec import Record, validate
from schemas.command import Command
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.failure import Failure
from schemas.filter import Filter
from schemas.inbound import Inbound
from schemas.job import Job
from schemas.key import Key
from schemas.notice import Notice
from schemas.notifier_state import NotifierState
from schemas.replay import Replay
from schemas.rerun import Rerun
from schemas.source import Source
from schemas.trigger import Trigger
from schemas.webhook import Webhook
from tests.support.config_strategies import (
    account_documents,
    asking_documents,
    filter_documents,
    key_documents,
    message_documents,
    replay_documents,
    rerun_documents,
    source_documents,
    trigger_documents,
    webhook_documents,
)
from tests.support.notifier_strategies import (
    notifier_state_documents,
    stages,
    told_documents,
)
from tests.support.values import (
    Drawn,
    account_ids,
    activity_ids,
    counts,
    fields,
    hashes,
    integers,
    json_values,
    lanes,
    pairs,
    phases,
    slugs,
    texts,
    times_ms,
)

chains = st.lists(
    st.builds("{}/{}".format, st.sampled_from(["trigger", "webhook"]), slugs), max_size=8
)

activities: Drawn = st.builds(
    lambda rest, activity_id: {**rest, "id": activity_id},
    st.dictionaries(texts, json_values, max_size=6),
    activity_ids,
)


def _event_of(drawn: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event, naming what it runs just when its phase is `route`."""
    runs = drawn.pop("runs")
    return {**drawn, runs: "crm"} if drawn["phase"] == "route" else drawn


event_documents: Drawn = fields(
    {
        "event_id": st.text(min_size=1, max_size=40),
        "account_id": account_ids,
        "phase": phases,
        "activity": activities,
        "runs": st.sampled_from(["webhook_id", "trigger_id"]),
    },
    {
        "occurred_at": st.none() | texts,
        "sequence": st.none() | integers,
        "origin": st.sampled_from(["upstream", "delayed", "run", "trigger"]),
        "chain": chains,
    },
).map(_event_of)

job_documents: Drawn = fields(
    {
        "delivery_id": texts,
        "account_id": account_ids,
        "webhook_id": slugs,
        "config_offset": counts,
        "event": event_documents,
        "first_queued_at_ms": times_ms,
        "expires_at_ms": times_ms,
    },
    {
        "attempt": st.integers(min_value=1, max_value=50),
        "rerun": counts,
        "attempts_before": counts,
        "lane": lanes,
        "first_failed_at_ms": st.none() | times_ms,
        "due_at_ms": st.none() | times_ms,
        "deferrals": counts,
        "depth": counts,
        "chain": chains,
        "replay_id": st.none() | slugs,
        "body": st.none() | fields({"text": texts, "content_type": texts}),
    },
)

_milliseconds = st.none() | st.floats(min_value=0, max_value=1e6)

attempt_documents: Drawn = fields(
    {
        "delivery_id": texts,
        "account_id": account_ids,
        "webhook_id": slugs,
        "event_id": texts,
        "activity_id": texts,
        "phase": phases,
        "attempt": st.integers(min_value=1, max_value=50),
        "lane": lanes,
        "at_ms": times_ms,
        "first_queued_at_ms": times_ms,
        "source": st.none() | fields({"topic": texts, "partition": counts, "offset": counts}),
        "outcome": st.sampled_from(["delivered", "failed", "skipped", "expired", "deferred"]),
        "reason": texts,
        "next": fields(
            {"step": st.sampled_from(["retry", "defer", "end"])},
            {"tier": st.none() | texts, "due_at_ms": st.none() | times_ms},
        ),
    },
    {
        "detail": texts,
        "rerun": counts,
        "is_test": st.booleans(),
        "channel": st.sampled_from(["webhook", "email", "text"]),
        "trigger_id": st.none() | slugs,
        "replay_id": st.none() | slugs,
        "request": st.none()
        | fields(
            {
                "method": st.just("POST"),
                "url": texts,
                "headers": pairs,
                "body": texts,
                "body_bytes": counts,
            },
            {"body_sha256": st.none() | hashes},
        ),
        "response": st.none()
        | fields({"status": counts}, {"headers": pairs, "remote": st.none() | texts}),
        "timings": fields({}, {"queue_ms": _milliseconds, "total_ms": _milliseconds}),
    },
)

failure_documents: Drawn = fields(
    {
        "stage": stages,
        "at_ms": times_ms,
        "attempts": counts,
        "reason": texts,
        "job": job_documents,
    },
    {"detail": texts, "status": st.none() | counts},
)

notice_documents: Drawn = fields(
    {
        "notice_id": texts,
        "account_id": account_ids,
        "trigger_id": slugs,
        "action": message_documents,
        "first_queued_at_ms": times_ms,
        "expires_at_ms": times_ms,
    },
    {
        "webhook_id": st.none() | slugs,
        "kind": st.sampled_from(["message", "summary", "announcement"]),
        "count": counts,
        "since_ms": st.none() | times_ms,
        "event": st.none() | event_documents,
        "failure": st.none() | told_documents,
        "attempt": st.integers(min_value=1, max_value=50),
        "due_at_ms": st.none() | times_ms,
        "chain": chains,
    },
)

command_documents: Drawn = fields(
    {
        "command_id": texts,
        "account_id": account_ids,
        "activity_id": texts,
        "trigger_id": slugs,
        "event_id": texts,
        "at_ms": times_ms,
        "action": asking_documents,
    },
    {"chain": chains},
)

inbound_documents: Drawn = fields(
    {
        "inbound_id": texts,
        "account_id": account_ids,
        "source_id": slugs,
        "at_ms": times_ms,
        "method": st.sampled_from(["GET", "POST"]),
        "outcome": st.sampled_from(["accepted", "rejected"]),
    },
    {
        "query": texts,
        "content_type": texts,
        "headers": pairs,
        "body": texts,
        "body_bytes": counts,
        "cut": st.booleans(),
        "remote": st.none() | texts,
        "reason": texts,
        "faults": st.lists(fields({"field": texts, "message": texts}), max_size=3),
        "activity_id": st.none() | texts,
        "event_ids": st.lists(texts, max_size=2),
        "remapped_from": st.none() | texts,
    },
)

dead_letter_documents: Drawn = fields(
    {
        "topic": texts,
        "partition": counts,
        "offset": counts,
        "timestamp_ms": st.none() | times_ms,
        "at_ms": times_ms,
        "faults": st.lists(fields({"field": texts, "message": texts}), min_size=1, max_size=3),
        "key": st.none() | texts,
        "value": st.none() | texts,
    },
    {"headers": pairs},
)

DOCUMENTS: dict[type[Record], Drawn] = {
    Event: event_documents,
    Filter: filter_documents,
    Account: account_documents,
    Webhook: webhook_documents,
    Trigger: trigger_documents,
    Source: source_documents,
    Key: key_documents,
    Rerun: rerun_documents,
    Job: job_documents,
    Attempt: attempt_documents,
    Failure: failure_documents,
    Notice: notice_documents,
    NotifierState: notifier_state_documents,
    Command: command_documents,
    Inbound: inbound_documents,
    Replay: replay_documents,
    DeadLetter: dead_letter_documents,
}


def records(model: type[Record]) -> st.SearchStrategy[Any]:
    """Any record of one kind."""
    return DOCUMENTS[model].map(lambda document: validate(model, document))
