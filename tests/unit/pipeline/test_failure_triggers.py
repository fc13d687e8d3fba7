"""Failure triggers: at which failures they run, what they see of them, and that they never loop."""

import pytest

from pipeline.triggering import judged_failure
from tests.support.builders import NOW_MS, a_failure, a_job, a_trigger, a_webhook, an_account
from tests.support.configs import configs_of

RUN_CRM = {"type": "run_webhook", "webhook_id": "crm"}
TAG = {"type": "tag", "add": ["hot"]}


def failing(on="first", **fields):
    """A webhook whose failures run the trigger of `a_trigger()`."""
    return a_webhook(failure_trigger={"trigger_id": "tell-sales", "on": on}, **fields)


def told(failure, *records):
    return judged_failure(failure, configs_of(an_account(), *records), now_ms=NOW_MS)


def test_a_failure_runs_the_webhooks_trigger():
    failure = a_failure()
    judgement = told(failure, failing(), a_trigger())
    (notice,) = judgement.asked
    assert (notice.webhook_id, notice.key) == ("crm", b"25:crm")
    assert notice.chain == ("webhook/crm", "trigger/tell-sales")
    assert notice.failure.delivery_id == failure.job.delivery_id
    assert (notice.failure.status, notice.failure.reason) == (503, "5xx")
    assert notice.event == failure.job.event


def test_conditions_and_values_see_the_failure():
    rule = {"all": [{"field": "failure.status", "op": "gte", "value": 500}]}
    action = {
        "type": "custom_field",
        "name": "crm",
        "value": "{{webhook.name}}: {{failure.reason}}",
    }
    trigger = a_trigger(conditions=rule, actions=[action])
    (command,) = told(a_failure(), failing(), trigger).asked
    assert command.action.value == "Calls to the CRM: 5xx"
    refused = told(a_failure(status=404), failing(), trigger)
    assert refused.detail == "failure.status gte 500 does not hold: it is 404"


def test_the_time_of_a_failure_is_that_of_its_attempt():
    friday = {"all": [{"op": "weekday", "days": ["fri"]}]}
    trigger = a_trigger(conditions=friday)
    day_ms = 24 * 60 * 60 * 1_000
    assert told(a_failure(at_ms=NOW_MS), failing(), trigger).fired
    assert not told(a_failure(at_ms=NOW_MS + day_ms), failing(), trigger).fired


@pytest.mark.parametrize(
    ("on", "ran"),
    [("first", ["first"]), ("final", ["final"]), ("every", ["first", "again", "final"])],
)
def test_a_failure_trigger_is_run_at_the_stages_it_is_for(on, ran):
    later = a_job(first_failed_at_ms=NOW_MS, attempt=2)
    failures = [a_failure(), *(a_failure(stage=it, job=later) for it in ("again", "final"))]
    told_at = [it.stage for it in failures if told(it, failing(on), a_trigger()) is not None]
    assert told_at == ran


@pytest.mark.parametrize("on", ["first", "final", "every"])
def test_an_attempt_that_is_the_first_and_the_last_to_fail_runs_it_once(on):
    both = [a_failure(stage=stage) for stage in ("first", "final")]
    assert sum(told(it, failing(on), a_trigger()) is not None for it in both) == 1


def test_every_stage_of_a_delivery_and_every_run_is_a_cause_of_its_own():
    later = a_job(first_failed_at_ms=NOW_MS, attempt=2)
    again = a_job(rerun=1)
    failures = [a_failure(), a_failure(stage="final", attempts=2, job=later), a_failure(job=again)]
    asked_for = [told(it, failing("every"), a_trigger()).asked[0] for it in failures]
    assert len({it.notice_id for it in asked_for}) == 3


def test_a_failure_without_a_trigger_to_run_is_nobodys():
    assert told(a_failure(), a_webhook()) is None
    assert told(a_failure(), a_trigger()) is None
    assert judged_failure(a_failure(), configs_of(failing(), a_trigger()), now_ms=NOW_MS) is None
    assert told(a_failure(), failing()).reason == "unknown_trigger"
    assert told(a_failure(), failing(), a_trigger(enabled=False)).reason == "disabled"


def test_the_failure_of_a_webhook_that_its_own_trigger_ran_triggers_it_no_more():
    trigger = a_trigger(actions=[RUN_CRM])
    first = told(a_failure(job=a_job(webhook_id="other")), failing(id="other"), trigger)
    (run,) = first.asked
    assert run.chain == ("webhook/other", "trigger/tell-sales")
    job = a_job(event=run, chain=run.chain, depth=1)
    judgement = told(a_failure(job=job), failing(), trigger)
    assert (judgement.reason, judgement.asked) == ("loop", ())


def test_a_webhook_that_led_here_is_not_run_again():
    judgement = told(a_failure(), failing(), a_trigger(actions=[RUN_CRM, TAG]))
    assert [each.action.type for each in judgement.asked] == ["tag"]
    (left_out,) = judgement.left_out
    assert (left_out.action, left_out.type, left_out.reason) == (0, "run_webhook", "loop")
