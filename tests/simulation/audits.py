"""Audits of a world while it turns and when it rests: none may call lost what is on its way.

What an audit reads is here as it is at one instant: jobs with what is committed of them, tiers,
attempts. In a world at rest every end that is taken away must be missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipeline.audit_records import AttemptBrief, FailureBrief, JobBrief
from pipeline.auditing import At, Balance, Ledger, Seen
from schemas.attempt import Attempt
from schemas.job import Job
from schemas.topics import ATTEMPTS
from tests.simulation.world import World

ON_RECORD = Seen(At(ATTEMPTS, 0, 0))


def audited(
    world: World, *, without_end_of: Collection[str] = (), is_over: bool = False
) -> Balance:
    """What an audit says now; when it `is_over`, everything is committed."""
    ledger = Ledger()
    for (topic, partition), jobs in world.jobs.items():
        committed = world.committed.get((topic, partition))
        taken = 0 if committed is None else committed.offset
        for offset, job in enumerate(jobs):
            waits = offset >= taken and not is_over
            ledger.job(_job(job), Seen(At(topic, partition, offset), waits=waits))
    for tier, job in world.parked:
        ledger.job(_job(job), Seen(At(tier.topic, 0, 0), waits=True))
    for attempt in _records(world.attempts.values()):
        if not (attempt.next.step == "end" and attempt.delivery_id in without_end_of):
            ledger.attempt(_attempt(attempt), ON_RECORD)
    for failure in world.failures:
        ledger.failure(FailureBrief(stage=failure.stage, job=_job(failure.job)), ON_RECORD)
    return ledger.balance()


def look_in(world: World, within_ms: int) -> None:
    """Audit a world a few times while it turns."""
    for part in (1, 2, 4, 8):
        world.at(part * within_ms // 4, lambda: check_meanwhile(world))


def check_meanwhile(world: World) -> None:
    found = audited(world)
    assert found.lost == [], "called lost on its way"
    assert found.deliveries == len(world.expected)


def check_at_rest(world: World) -> None:
    """Everything has ended by the audit, too, and not without the record that says so."""
    found = audited(world, is_over=True)
    assert found.lost == [], "called lost at its end"
    assert found.ended.total() == found.deliveries == len(world.expected)
    some = sorted(world.expected)[::10]
    found = audited(world, without_end_of=some, is_over=True)
    assert sorted(it.id for it in found.lost) == some, "not missed"


def _records(logs: Iterable[list[Attempt]]) -> Iterable[Attempt]:
    return (attempt for log in logs for attempt in log)


def _job(job: Job) -> JobBrief:
    return JobBrief(
        delivery_id=job.delivery_id,
        rerun=job.rerun,
        attempt=job.attempt,
        deferrals=job.deferrals,
        first_queued_at_ms=job.first_queued_at_ms,
    )


def _attempt(attempt: Attempt) -> AttemptBrief:
    return AttemptBrief(
        delivery_id=attempt.delivery_id,
        rerun=attempt.rerun,
        attempt=attempt.attempt,
        deferrals=attempt.deferrals,
        outcome=attempt.outcome,
        next={"step": attempt.next.step},
    )
