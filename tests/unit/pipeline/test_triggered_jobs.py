"""Jobs in the light of triggers and replays: their chains, their failures, and what ends them."""

import pytest

from pipeline.chains import run_by
from pipeline.matching import Delay, deliveries_for, explain
from pipeline.outcomes import Answered, Exchange, outcome_of
from pipeline.refusals import refusal
from pipeline.retries import next_step
from pipeline.settlement import Taken, after_attempt
from schemas.attempt import Position, Response, Timings
from tests.support.builders import (
    NOW_MS,
    a_job,
    a_replay,
    a_trigger,
    a_webhook,
    an_account,
    an_activity,
    an_event,
)
from tests.support.configs import configs_of

SOURCE = Position(topic="jobs", partition=3, offset=17)
EVERY = {"trigger_id": "tell-sales", "on": "every"}
CHAIN = ("webhook/other", "trigger/tell-sales")


def deliveries(event, *records):
    configs = configs_of(an_account(), *records)
    return deliveries_for(event, configs, now_ms=NOW_MS, end_delayed_tier="1h")


def settled(job, status, webhook):
    outcome = outcome_of(Answered(Response(status=status)), now_ms=NOW_MS)
    exchange = Exchange(None, Answered(Response(status=status)), Timings())
    step = next_step(job, outcome, webhook.retry, now_ms=NOW_MS, draw=0.5)
    return after_attempt(Taken(job, SOURCE, webhook), exchange, outcome, step, now_ms=NOW_MS)


def test_a_job_takes_over_what_led_to_its_event():
    (job,) = deliveries(an_event(chain=CHAIN), a_webhook())
    assert (job.chain, job.depth) == (CHAIN, 1)
    (run,) = deliveries(an_event("route", origin="trigger", chain=CHAIN), a_webhook())
    assert settled(run, 200, a_webhook()).attempt.trigger_id == "tell-sales"
    assert settled(job, 200, a_webhook()).attempt.trigger_id is None


def test_a_chain_ends_with_a_trigger_or_with_none():
    assert run_by(CHAIN) == "tell-sales"
    assert run_by(CHAIN[:1]) is None
    assert run_by(()) is None


def test_an_event_that_names_a_trigger_is_owed_to_no_webhook():
    event = an_event("route", webhook_id=None, trigger_id="tell-sales")
    assert deliveries(event, a_webhook(), a_webhook(id="x", position="route")) == ()
    (verdict,) = explain(event, configs_of(an_account(), a_webhook()))
    assert verdict.reason == "not_routed"
    assert verdict.detail == "the event runs trigger tell-sales only"


def test_an_end_comes_back_for_a_trigger_at_end_delayed_too():
    (delay,) = deliveries(an_event(), a_trigger(positions=["end_delayed"]))
    assert isinstance(delay, Delay)


def test_a_webhook_that_was_disabled_automatically_has_what_it_misses_recorded():
    rule = {"all": [{"field": "talk_time", "op": "gte", "value": 60}]}
    failed = a_webhook(enabled=False, disabled_reason="it failed for 3 days", filter=rule)
    event = an_event(activity=an_activity(talk_time=60))
    owed = deliveries(event, failed)
    assert [job.webhook_id for job in owed] == ["crm"]
    assert deliveries(an_event(), failed) == ()
    assert deliveries(event, a_webhook(enabled=False, filter=rule)) == ()
    configs = configs_of(an_account(), failed)
    end = refusal(owed[0], configs, now_ms=NOW_MS)
    assert (end.kind, end.reason) == ("skipped", "webhook_disabled")
    assert end.detail == "the webhook was disabled automatically: it failed for 3 days"
    (verdict,) = explain(event, configs)
    assert (verdict.reason, verdict.detail) == ("disabled", end.detail)


def test_a_webhook_that_is_enabled_again_is_not_disabled_for_a_reason():
    assert a_webhook(disabled_reason="it failed").disabled_reason is None
    assert a_webhook(enabled=True, disabled_reason="it failed").disabled_reason is None
    assert a_webhook(enabled=False, disabled_reason="it failed").disabled_reason == "it failed"


@pytest.mark.parametrize("state", ["running", "cancelled", "done"])
def test_a_job_of_a_replay_that_was_cancelled_ends_without_a_try(state):
    replay = a_replay(state=state)
    configs = configs_of(an_account(), a_webhook(), replay)
    end = refusal(a_job(replay_id=replay.id), configs, now_ms=NOW_MS)
    assert (end is not None) == (state == "cancelled")
    if end is not None:
        assert (end.kind, end.reason) == ("skipped", "replay_cancelled")
    assert refusal(a_job(replay_id="gone"), configs, now_ms=NOW_MS) is None
    assert refusal(a_job(), configs, now_ms=NOW_MS) is None


def test_an_attempt_names_the_replay_that_began_its_run():
    assert settled(a_job(replay_id="rp_1"), 200, a_webhook()).attempt.replay_id == "rp_1"


def test_a_failure_between_is_told_where_the_webhook_asks_for_every_one():
    between = a_job(attempt=2, first_failed_at_ms=5)
    (again,) = settled(between, 500, a_webhook(failure_trigger=EVERY)).failures
    assert (again.stage, again.attempts) == ("again", 2)
    assert settled(between, 500, a_webhook()).failures == ()
    first = a_webhook(failure_trigger={**EVERY, "on": "first"})
    assert settled(between, 500, first).failures == ()
    assert settled(between, 204, a_webhook(failure_trigger=EVERY)).failures == ()


@pytest.mark.parametrize(
    ("job", "stages"), [({}, ["first"]), ({"attempt": 10}, ["first", "final"])]
)
def test_the_first_and_the_last_failure_are_told_as_such_alone(job, stages):
    found = settled(a_job(**job), 500, a_webhook(failure_trigger=EVERY)).failures
    assert [failure.stage for failure in found] == stages
