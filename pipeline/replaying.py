"""Which deliveries a replay begins, given what is on record of them, and why it leaves the others.

A failure is begun again as its job's next run; an event is matched again with the configuration of
today. What is begun twice, because a process was killed between the write and the record of it, is
the same job both times: its delivery, run and attempt follow from the failure, or from the event
and the history. So a sender that has the first drops the second.

What counts is how a delivery stands now: what has been delivered since, or waits for an attempt, is
left alone. What this very replay has begun counts as begun.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pipeline.configs import Configs
from pipeline.matching import Delay, deliveries_for
from pipeline.reruns import rerun_job
from schemas.event import Event
from schemas.failure import Failure
from schemas.job import Body, Job
from schemas.replay import Replay, ReplaySample, Selection
from schemas.webhook import Webhook

Skip: TypeAlias = Literal[
    "not_entitled",
    "webhook_deleted",
    "webhook_disabled",
    "delivered",
    "waiting",
    "attempted",
    "coalesced",
    "activity_gone",
    "repeat",
]

# Ends of deliveries that nobody wanted at the time: nothing was asked of their endpoints.
MISSED: Final = frozenset(
    {"not_entitled", "webhook_deleted", "webhook_disabled", "replay_cancelled"}
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of a delivery: how it stands, and by whom its last run was begun."""

    status: str
    reason: str
    attempts: int
    reruns: int
    first_queued_at_ms: int
    is_waiting: bool
    replay_id: str | None


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity as it is now."""

    content: Mapping[str, Any]
    sequence: int | None


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What the history was asked for: deliveries and, where they are wanted, activities, by id."""

    deliveries: Mapping[str, Known] = field(default_factory=dict)
    activities: Mapping[str, Activity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Today:
    """What a replay is carried out with at a moment."""

    configs: Configs
    now_ms: int
    end_delayed_tier: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A delivery of the selection, with the job that begins it or the reason why there is none.

    With neither, this replay has begun it before.
    """

    sample: ReplaySample
    job: Job | None = None
    skipped: Skip | None = None


@dataclass(frozen=True, slots=True)
class _SoFar:
    """How often a delivery was begun again, with how many attempts in all."""

    reruns: int
    attempts: int
    first_queued_at_ms: int


def wants(selection: Selection, failure: Failure) -> bool:
    """Whether a failure is among those that were asked for; only final ones can be."""
    job = failure.job
    return (
        failure.stage == "final"
        and selection.from_ms <= failure.at_ms < selection.to_ms
        and selection.webhook_id in {None, job.webhook_id}
        and _is_any_of(selection.phases, job.event.phase)
        and _is_any_of(selection.reasons, failure.reason)
        and _is_any_of(selection.statuses, failure.status)
    )


def after_failure(replay: Replay, failure: Failure, record: OnRecord, today: Today) -> Chosen:
    """What becomes of a failure that was asked for."""
    job, known = failure.job, record.deliveries.get(failure.job.delivery_id)
    sample = _sample(job, failure.at_ms, reason=failure.reason, status=failure.status)
    if known is not None and known.reruns > job.rerun and known.replay_id == replay.id:
        return Chosen(sample)
    webhook = _webhook_of(job, today.configs)
    if not isinstance(webhook, Webhook):
        return _left(sample, webhook)
    skipped = _overtaken(job, known)
    if skipped is not None:
        return _left(sample, skipped)
    event = _as_asked(replay, job.event, record)
    if event is None:
        return _left(sample, "activity_gone")
    so_far = _SoFar(job.rerun, failure.attempts, job.first_queued_at_ms)
    if known is not None and known.reruns > job.rerun:
        so_far = _SoFar(known.reruns, known.attempts, job.first_queued_at_ms)
    body = job.body if replay.mode == "original" else None
    return Chosen(sample, _again(replay, webhook, job, so_far, event, body, today))


def after_event(
    replay: Replay, event: Event, at_ms: int, record: OnRecord, today: Today
) -> tuple[Job, ...]:
    """The first attempts, among those asked for, that an event of `at_ms` would ask for today.

    An `end` asks for those of `end_delayed` too, once their time has come: without a webhook that
    wanted it then, there was no such event. Messages and commands of triggers are not made again.
    """
    asked = _asked(_as_asked(replay, event, record) or event, at_ms, today)
    wanted = replay.selection
    return tuple(
        job
        for job in asked
        if wanted.webhook_id in {None, job.webhook_id}
        and _is_any_of(wanted.phases, job.event.phase)
    )


def after_match(replay: Replay, job: Job, at_ms: int, record: OnRecord, today: Today) -> Chosen:
    """What becomes of a delivery whose first attempt an event of `at_ms` would ask for today."""
    known = record.deliveries.get(job.delivery_id)
    sample = _sample(job, at_ms)
    if known is not None and known.replay_id == replay.id:
        return Chosen(sample)
    webhook = _webhook_of(job, today.configs)
    if not isinstance(webhook, Webhook):
        return _left(sample, webhook)
    skipped = _not_missed(replay, known)
    if skipped is not None:
        return _left(sample, skipped)
    if _as_asked(replay, job.event, record) is None:
        return _left(sample, "activity_gone")
    if known is None:
        first = {"lane": "replay", "due_at_ms": today.now_ms, "replay_id": replay.id}
        return Chosen(sample, job.model_copy(update=first))
    so_far = _SoFar(known.reruns, known.attempts, known.first_queued_at_ms)
    return Chosen(sample, _again(replay, webhook, job, so_far, job.event, None, today))


def _asked(event: Event, at_ms: int, today: Today) -> list[Job]:
    decided = deliveries_for(
        event, today.configs, now_ms=today.now_ms, end_delayed_tier=today.end_delayed_tier
    )
    jobs = [each for each in decided if isinstance(each, Job)]
    for each in decided:
        if isinstance(each, Delay) and each.due_at_ms - today.now_ms <= today.now_ms - at_ms:
            jobs += _asked(each.event, at_ms, today)
    return jobs


def _as_asked(replay: Replay, event: Event, record: OnRecord) -> Event | None:
    """The event as it was, or with its activity as it is now; None when that is not kept."""
    if replay.mode == "original":
        return event
    now = record.activities.get(event.activity_id)
    if now is None:
        return None
    update = {"activity": dict(now.content), "sequence": now.sequence}
    return event.model_copy(update=update)


def _webhook_of(job: Job, configs: Configs) -> Webhook | Skip:
    """The job's webhook, or why it may not be called."""
    account = configs.account(job.account_id)
    if account is None or not account.features.webhooks:
        return "not_entitled"
    webhook = configs.webhook(job.account_id, job.webhook_id)
    if webhook is None:
        return "webhook_deleted"
    return webhook if webhook.enabled else "webhook_disabled"


def _overtaken(job: Job, known: Known | None) -> Skip | None:
    """What has happened since a failure; a history that is behind it says nothing."""
    if known is None or known.reruns < job.rerun:
        return None
    if known.status == "delivered":
        return "delivered"
    return "waiting" if known.is_waiting else None


def _not_missed(replay: Replay, known: Known | None) -> Skip | None:
    if known is None:
        return None
    if known.status == "delivered":
        return "delivered"
    if known.is_waiting:
        return "waiting"
    if known.reason == "coalesced":
        return "coalesced"
    was_missed = known.status == "skipped" and known.reason in MISSED
    return "attempted" if replay.selection.only_missed and not was_missed else None


def _again(  # noqa: PLR0913, PLR0917 - what is known of the delivery, and what it is to be
    replay: Replay,
    webhook: Webhook,
    job: Job,
    so_far: _SoFar,
    event: Event,
    body: Body | None,
    today: Today,
) -> Job:
    again = rerun_job(
        webhook,
        event,
        delivery_id=job.delivery_id,
        number=so_far.reruns + 1,
        attempts=so_far.attempts,
        first_queued_at_ms=so_far.first_queued_at_ms,
        config_offset=today.configs.offset,
        body=body,
        now_ms=today.now_ms,
    )
    same = {"chain": job.chain, "depth": job.depth, "replay_id": replay.id}
    return again.model_copy(update=same)


def _left(sample: ReplaySample, skipped: Skip) -> Chosen:
    return Chosen(sample.model_copy(update={"skipped": skipped}), skipped=skipped)


def _sample(
    job: Job, at_ms: int, *, reason: str | None = None, status: int | None = None
) -> ReplaySample:
    return ReplaySample(
        delivery_id=job.delivery_id,
        webhook_id=job.webhook_id,
        activity_id=job.event.activity_id,
        phase=job.event.phase,
        at_ms=at_ms,
        reason=reason,
        status=status,
    )


def _is_any_of(wanted: Collection[object], value: object) -> bool:
    return not wanted or value in wanted
