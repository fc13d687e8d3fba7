"""The records that end a job here: what follows, the failures, and the attempt."""

import pytest

from pipeline.deferrals import Deferral
from pipeline.outcomes import Answered, Exchange, NotAnswered, NotSent, Outcome, outcome_of
from pipeline.retries import Again, Ended, next_step
from pipeline.settlement import Taken, after_attempt, deferred, without_attempt
from schemas.attempt import Next, Position, Response, SentRequest, Timings
from schemas.job import Body
from schemas.tiers import TIER_BY_NAME
from tests.support.builders import NOW_MS, a_job, a_webhook

SOURCE = Position(topic="jobs", partition=3, offset=17)
FROZEN = Body(text="{}", content_type="application/json")
SENT = SentRequest(method="POST", url="https://a.example/", headers=(), body="{}", body_bytes=2)
TIMINGS = Timings(queue_ms=3.0, total_ms=12.5)


def taken_of(**job) -> Taken:
    return Taken(a_job(body=FROZEN, **job), SOURCE, a_webhook(version=7))


def settled(taken, result, *, retry=None):
    outcome = outcome_of(result, now_ms=NOW_MS)
    retry = retry or taken.webhook.retry
    step = next_step(taken.job, outcome, retry, now_ms=NOW_MS, draw=0.5)
    exchange = Exchange(SENT, result, TIMINGS)
    return after_attempt(taken, exchange, outcome, step, now_ms=NOW_MS)


def answered(status: int) -> Answered:
    return Answered(Response(status=status))


def test_a_delivered_job_leaves_nothing_but_its_attempt():
    settlement = settled(taken_of(), answered(204))
    assert (settlement.parked, settlement.failures) == (None, ())
    attempt = settlement.attempt
    assert (attempt.outcome, attempt.reason, attempt.next) == (
        *("delivered", "delivered"),
        Next(step="end"),
    )
    assert (attempt.request, attempt.response, attempt.timings) == (
        *(SENT, Response(status=204)),
        TIMINGS,
    )
    assert (attempt.source, attempt.webhook_version, attempt.at_ms) == (SOURCE, 7, NOW_MS)


def test_a_first_failure_is_parked_told_and_recorded():
    taken = taken_of(deferrals=4)
    settlement = settled(taken, answered(503))
    parked = settlement.parked
    assert (parked.tier.name, parked.job.due_at_ms) == ("5s", NOW_MS + 5_000)
    assert (parked.job.attempt, parked.job.lane) == (2, "retry")
    assert (parked.job.first_failed_at_ms, parked.job.body) == (NOW_MS, FROZEN)
    (failure,) = settlement.failures
    assert (failure.stage, failure.attempts, failure.status) == ("first", 1, 503)
    assert failure.job == taken.job
    assert settlement.attempt.next == Next(step="retry", tier="5s", due_at_ms=NOW_MS + 5_000)


def test_a_new_attempt_begins_with_the_shortest_deferral():
    assert settled(taken_of(deferrals=4), answered(500)).parked.job.deferrals == 0


def test_a_later_failure_is_no_first_one():
    settlement = settled(taken_of(attempt=2, first_failed_at_ms=5), answered(500))
    assert settlement.failures == ()
    assert settlement.parked.job.first_failed_at_ms == 5


def test_the_last_failure_is_final_and_says_why_there_is_no_other_attempt():
    settlement = settled(taken_of(attempt=10, first_failed_at_ms=5), answered(500))
    (failure,) = settlement.failures
    assert settlement.parked is None
    assert (failure.stage, failure.attempts, failure.reason) == ("final", 10, "http_500")
    assert failure.detail == "the endpoint answered 500; that was the last of 10 attempts"
    assert settlement.attempt.detail == failure.detail
    assert settlement.attempt.next == Next(step="end")


def test_a_failure_without_a_detail_still_says_why_it_was_the_last():
    settlement = settled(taken_of(attempt=10), NotAnswered("reset", ""))
    assert settlement.attempt.detail == "that was the last of 10 attempts"


@pytest.mark.parametrize("result", [answered(410), NotSent("egress_private", "10.0.0.1")])
def test_a_first_failure_that_is_final_too_is_told_as_both(result):
    settlement = settled(taken_of(), result)
    assert [failure.stage for failure in settlement.failures] == ["first", "final"]
    assert settlement.parked is None
    assert settlement.attempt.request == SENT


def test_no_answer_leaves_no_response():
    assert settled(taken_of(), NotAnswered("timeout", "late")).attempt.response is None


def test_an_expired_delivery_fails_finally_with_the_attempts_it_had():
    expired = Outcome("expired", "expired", "too late")
    settlement = without_attempt(taken_of(), expired, now_ms=NOW_MS)
    assert [(it.stage, it.attempts) for it in settlement.failures] == [("first", 0), ("final", 0)]
    later = taken_of(attempt=4, first_failed_at_ms=5)
    (failure,) = without_attempt(later, expired, now_ms=NOW_MS).failures
    assert (failure.stage, failure.attempts) == ("final", 3)


def test_a_skipped_delivery_is_recorded_and_no_failure():
    taken = Taken(a_job(), SOURCE, None)
    skipped = Outcome("skipped", "webhook_deleted", "gone")
    settlement = without_attempt(taken, skipped, now_ms=NOW_MS)
    assert (settlement.parked, settlement.failures) == (None, ())
    attempt = settlement.attempt
    assert (attempt.outcome, attempt.webhook_version) == ("skipped", None)
    assert (attempt.request, attempt.response, attempt.next) == (None, None, Next(step="end"))


def test_a_deferral_counts_waits_longer_and_is_neither_attempt_nor_failure():
    settlement = deferred(
        taken_of(deferrals=1), Deferral("endpoint_busy", "busy"), now_ms=NOW_MS, draw=0.5
    )
    parked = settlement.parked
    assert (parked.tier.name, parked.job.due_at_ms) == ("30s", NOW_MS + 30_000)
    assert (parked.job.deferrals, parked.job.attempt, parked.job.lane) == (2, 1, "retry")
    assert settlement.failures == ()
    assert (settlement.attempt.outcome, settlement.attempt.deferrals) == ("deferred", 1)
    assert settlement.attempt.next == Next(step="defer", tier="30s", due_at_ms=NOW_MS + 30_000)


@pytest.mark.parametrize("step", [Ended(), Again(TIER_BY_NAME["5s"], NOW_MS)])
def test_a_settlement_follows_its_step(step):
    outcome = Outcome("failed", "reset")
    exchange = Exchange(SENT, NotAnswered("reset", ""), TIMINGS)
    settlement = after_attempt(taken_of(), exchange, outcome, step, now_ms=NOW_MS)
    assert (settlement.parked is None) == (step == Ended())
