"""The last trace of what is lost, looked up for people: whose it is, and where to look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agents.audit.reading import Span, read
from pipeline.auditing import At, Lost
from pipeline.configs import Configs
from pipeline.settings import Settings
from schemas.attempt import Attempt
from schemas.codec import Malformed, decode
from schemas.event import Event, read_event
from schemas.failure import Failure
from schemas.ids import delivery_id
from schemas.job import Job
from schemas.topics import ACTIVITIES, ATTEMPTS, FAILURE_TRIGGERS

# Enough to see what they have in common; each costs a look at the broker.
TRACES_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Whose:
    """What a record says of whom it is about."""

    account_id: int | None = None
    webhook_id: str | None = None
    activity_id: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Something lost, with the last record of it as far as that can be read."""

    lost: Lost
    whose: Whose


def traces(settings: Settings, lost: Iterable[Lost], configs: Configs) -> tuple[Trace, ...]:
    """A trace of each; raises `OperationError` when the broker goes away meanwhile."""
    return tuple(Trace(it, _whose(settings, it, configs)) for it in lost)


def _whose(settings: Settings, lost: Lost, configs: Configs) -> Whose:
    value = _value_at(settings, lost.at)
    try:
        if lost.at.topic == ACTIVITIES:
            return _of_event(read_event(value), lost.id, configs)
        if lost.at.topic == ATTEMPTS:
            return _of_attempt(decode(Attempt, value))
        if lost.at.topic == FAILURE_TRIGGERS:
            return _of_job(decode(Failure, value).job)
        return _of_job(decode(Job, value))
    except Malformed:  # the scheduler's tiers hold other records too
        return Whose()


def _value_at(settings: Settings, at: At) -> bytes:
    place = (settings.topic(at.topic), at.partition)
    records = read(settings, {place: Span(at.offset, at.offset + 1)})
    return b"".join(it.value or b"" for it in records)


def _of_job(job: Job) -> Whose:
    return Whose(job.account_id, job.webhook_id, job.event.activity_id, job.event.event_id)


def _of_attempt(attempt: Attempt) -> Whose:
    return Whose(attempt.account_id, attempt.webhook_id, attempt.activity_id, attempt.event_id)


def _of_event(event: Event, lost_id: str, configs: Configs) -> Whose:
    """An event does not say which webhook it is owed to, but the delivery's id is made of both."""
    ids = (it.webhook.id for it in configs.webhooks_of(event.account_id))
    own = (it for it in ids if delivery_id(event.event_id, it, event.account_id) == lost_id)
    return Whose(event.account_id, next(own, None), event.activity_id, event.event_id)
