"""What is written when a sender is done with a job: what follows first, the attempt last.

The attempt's record is the commit point: once it is on the topic the job is over, and whoever reads
the attempts back will not do it again. So the retry and the failure records go before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from pipeline.chains import run_by
from pipeline.deferrals import Deferral, tier_of
from pipeline.outcomes import Answered, Exchange, NotSent, Outcome
from pipeline.retries import Ended, Step, due_at_ms
from schemas.attempt import Attempt, Next, Position, Timings
from schemas.failure import Failure
from schemas.job import Job
from schemas.tiers import Tier
from schemas.webhook import Webhook

# What is recorded of a job that ends, or is put off, without a request.
_NO_EXCHANGE: Final = Exchange(None, NotSent("", ""), Timings())

Stage: TypeAlias = Literal["first", "again", "final"]

_LATE: Final = "recorded late: its partition had gone to another sender by then"


@dataclass(frozen=True, slots=True)
class Parked:
    """A job to put into a tier."""

    job: Job
    tier: Tier


@dataclass(frozen=True, slots=True)
class Settlement:
    """The records that end a job here."""

    parked: Parked | None
    failures: tuple[Failure, ...]
    attempt: Attempt

    @property
    def stages(self) -> tuple[tuple[Failure | Parked | Attempt, ...], ...]:
        """What is written together, stage after stage: each is acknowledged before the next begins.

        Failures first: a retry that is found after a crash shows that they need no repetition. The
        attempt last, and always: it is what the crash is measured by.
        """
        parked = () if self.parked is None else (self.parked,)
        return self.failures, parked, (self.attempt,)


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in a sender's hands: where it was read, and the webhook as it is now (if it is).

    A test was read nowhere.
    """

    job: Job
    source: Position | None
    webhook: Webhook | None = None


def after_attempt(
    taken: Taken, exchange: Exchange, outcome: Outcome, step: Step, *, now_ms: int
) -> Settlement:
    """The records after an HTTP try of `taken`, whose job has its body frozen by now."""
    job = taken.job
    is_failure = outcome.kind != "delivered"
    is_first = is_failure and job.first_failed_at_ms is None
    stages = _stages(taken, is_first=is_first, is_final=isinstance(step, Ended))
    if isinstance(step, Ended) and step.why:
        outcome = replace(outcome, detail="; ".join(filter(None, (outcome.detail, step.why))))
    return Settlement(
        _parked_retry(job, step, now_ms if is_first else job.first_failed_at_ms),
        _failures(
            job,
            outcome,
            stages if is_failure else (),
            attempts=job.attempt,
            now_ms=now_ms,
        ),
        _attempt(taken, outcome, _next(step), now_ms, exchange),
    )


def after_late_attempt(
    taken: Taken, exchange: Exchange, outcome: Outcome, *, now_ms: int
) -> Settlement:
    """The record of a try that ended when its partition was lost. What follows is not ours to say.

    Only that it was delivered ends the delivery, whoever has it: that is a fact, not a decision.
    """
    detail = "; ".join(filter(None, (outcome.detail, _LATE)))
    follows = Next(step="end" if outcome.kind == "delivered" else "late")
    late = _attempt(taken, replace(outcome, detail=detail), follows, now_ms, exchange)
    return Settlement(None, (), late)


def after_test(taken: Taken, exchange: Exchange, outcome: Outcome, *, now_ms: int) -> Attempt:
    """The record of a request that somebody asked for as a test: nothing follows from it."""
    record = _attempt(taken, outcome, Next(step="end"), now_ms, exchange)
    return record.model_copy(update={"is_test": True})


def without_attempt(taken: Taken, outcome: Outcome, *, now_ms: int) -> Settlement:
    """The records of a delivery that ends without another try: skipped, expired, blocked."""
    job = taken.job
    stages = _stages(taken, is_first=job.first_failed_at_ms is None, is_final=True)
    failures = _failures(
        job,
        outcome,
        stages if outcome.kind != "skipped" else (),
        attempts=job.attempt - 1,
        now_ms=now_ms,
    )
    return Settlement(None, failures, _attempt(taken, outcome, Next(step="end"), now_ms))


def deferred(taken: Taken, why: Deferral, *, now_ms: int, draw: float) -> Settlement:
    """The records of a job that is put off to a tier; that is no attempt, and no failure."""
    job = taken.job
    tier = tier_of(job.deferrals, why.wait_ms, job.expires_at_ms - now_ms)
    due = due_at_ms(tier, now_ms=now_ms, draw=draw)
    later = job.model_copy(
        update={
            "deferrals": job.deferrals + 1,
            "deferred_for": why.reason,
            "due_at_ms": due,
            "lane": "retry",
        }
    )
    follows = Next(step="defer", tier=tier.name, due_at_ms=due)
    outcome = Outcome("deferred", why.reason, why.detail)
    return Settlement(Parked(later, tier), (), _attempt(taken, outcome, follows, now_ms))


def _parked_retry(job: Job, step: Step, first_failed_at_ms: int | None) -> Parked | None:
    if isinstance(step, Ended):
        return None
    retry = job.model_copy(
        update={
            "attempt": job.attempt + 1,
            "deferrals": 0,
            "deferred_for": None,
            "lane": "retry",
            "due_at_ms": step.due_at_ms,
            "first_failed_at_ms": first_failed_at_ms,
        }
    )
    return Parked(retry, step.tier)


def _stages(taken: Taken, *, is_first: bool, is_final: bool) -> tuple[Stage, ...]:
    """As what a failure is told: those between only where the webhook asks for every one."""
    told: tuple[tuple[Stage, bool], ...] = (("first", is_first), ("final", is_final))
    stages = tuple(stage for stage, happened in told if happened)
    asked = None if taken.webhook is None else taken.webhook.failure_trigger
    is_every = asked is not None and asked.on == "every"
    return stages or (("again",) if is_every else ())


def _failures(
    job: Job, outcome: Outcome, stages: tuple[Stage, ...], *, attempts: int, now_ms: int
) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            stage=stage,
            at_ms=now_ms,
            attempts=attempts,
            reason=outcome.reason,
            detail=outcome.detail,
            status=outcome.status,
            job=job,
        )
        for stage in stages
    )


def _attempt(
    taken: Taken,
    outcome: Outcome,
    follows: Next,
    now_ms: int,
    exchange: Exchange = _NO_EXCHANGE,
) -> Attempt:
    job, result = taken.job, exchange.result
    return Attempt(
        delivery_id=job.delivery_id,
        account_id=job.account_id,
        webhook_id=job.webhook_id,
        webhook_version=None if taken.webhook is None else taken.webhook.version,
        event_id=job.event.event_id,
        activity_id=job.event.activity_id,
        phase=job.event.phase,
        attempt=job.attempt,
        rerun=job.rerun,
        deferrals=job.deferrals,
        merged=job.merged,
        depth=job.depth,
        lane=job.lane,
        at_ms=now_ms,
        first_queued_at_ms=job.first_queued_at_ms,
        source=taken.source,
        trigger_id=run_by(job.chain) if job.event.origin == "trigger" else None,
        replay_id=job.replay_id,
        outcome=outcome.kind,
        reason=outcome.reason,
        detail=outcome.detail,
        request=exchange.request,
        response=result.response if isinstance(result, Answered) else None,
        timings=exchange.timings,
        next=follows,
    )


def _next(step: Step) -> Next:
    if isinstance(step, Ended):
        return Next(step="end")
    return Next(step="retry", tier=step.tier.name, due_at_ms=step.due_at_ms)
