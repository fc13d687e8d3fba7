"""Attempts that the read-back could not see, found in time by following them, on a real broker."""

from __future__ import annotations

import time

from agents.sender.readback import MARGIN
from schemas.attempt import Attempt, Next, Position
from schemas.codec import encode
from schemas.job import Job
from schemas.topics import ATTEMPTS, JOBS
from tests.support.builders import a_webhook, an_account
from tests.support.parked import metric
from tests.support.pipelines import current_job
from tests.support.waiting import eventually

QUIET_S = 40
COPIES = MARGIN + 500


def an_attempt_of(job: Job) -> bytes:
    """The record of a delivery that somebody else made."""
    return encode(
        Attempt(
            delivery_id=job.delivery_id,
            account_id=job.account_id,
            webhook_id=job.webhook_id,
            event_id=job.event.event_id,
            activity_id=job.event.activity_id,
            phase=job.event.phase,
            attempt=job.attempt,
            lane=job.lane,
            at_ms=time.time_ns() // 1_000_000,
            first_queued_at_ms=job.first_queued_at_ms,
            source=Position(topic=JOBS, partition=0, offset=0),
            outcome="delivered",
            reason="delivered",
            next=Next(step="end"),
        )
    )


def test_a_copy_of_a_job_recorded_long_before_the_floor_is_dropped(pipeline, endpoint):
    """A matcher that was killed writes its last jobs again, ten seconds and many attempts later."""
    offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    early = current_job("early", config_offset=offset)
    others = [current_job(f"other-{number}", config_offset=offset) for number in range(COPIES)]
    for job in (early, *others):
        pipeline.producer.produce(pipeline.topic(ATTEMPTS), key=job.key, value=an_attempt_of(job))
    assert pipeline.producer.flush(30) == 0
    first = pipeline.start("sender")
    first.wait_ready()
    pipeline.produce_job(current_job("before", config_offset=offset))
    eventually(lambda: len(endpoint.arrivals) == 1, QUIET_S)
    assert first.stop() == 0  # with a floor at the end of the attempts

    second = pipeline.start("sender")
    eventually(lambda: (metric(second, "hookline_followed_attempts_total") or 0) > COPIES, QUIET_S)
    pipeline.produce_job(early)
    pipeline.produce_job(current_job("after", config_offset=offset))
    eventually(lambda: metric(second, "hookline_suppressed_jobs_total") == 1, QUIET_S)
    eventually(lambda: len(endpoint.arrivals) == 2, QUIET_S)
    assert early.delivery_id not in endpoint.counts()


def test_a_result_recorded_by_the_last_owner_after_the_read_back_is_noticed(pipeline, endpoint):
    """The last owner was cut off, its endpoint answered, and its record came late."""
    offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url(), concurrency_max=1))
    endpoint.delay_s = 3.0
    sender = pipeline.start("sender")
    sender.wait_ready()
    first, second = (current_job(name, config_offset=offset) for name in ("first", "second"))
    pipeline.produce_job(first)
    pipeline.produce_job(second)
    eventually(lambda: len(endpoint.arrivals) == 1, QUIET_S)
    pipeline.producer.produce(pipeline.topic(ATTEMPTS), key=second.key, value=an_attempt_of(second))
    assert pipeline.producer.flush(30) == 0
    eventually(lambda: metric(sender, "hookline_suppressed_jobs_total") == 1, QUIET_S)
    assert set(endpoint.counts()) == {first.delivery_id}
