"""What stands for a real event when a webhook is tried out."""

import pytest

from pipeline.outcomes import Answered, Exchange, Outcome
from pipeline.settlement import Taken, after_test
from pipeline.trials import SAMPLE_ACTIVITY, trial_configs, trial_event, trial_job
from schemas.attempt import Response, Timings
from tests.support.builders import NOW_MS, a_webhook, an_account, an_activity, an_event
from tests.support.faults import faults_of


@pytest.mark.parametrize(
    "given",
    [
        an_activity(),
        {"activity": an_activity(), "account_id": 7, "phase": "starts"},
        {"call": an_activity()},
    ],
)
def test_a_trial_is_at_the_webhooks_position_in_its_account_however_the_activity_is_given(given):
    event = trial_event(a_webhook(position="sale"), given, "test_1")
    assert (event.account_id, event.phase, event.event_id) == (25, "sale", "test_1")
    assert event.activity == an_activity()
    assert event.webhook_id is None


def test_a_trial_of_a_webhook_at_route_names_it():
    event = trial_event(a_webhook(position="route"), an_activity())
    assert (event.phase, event.webhook_id) == ("route", "crm")
    assert event.event_id.startswith("ev_")


def test_what_is_no_activity_is_refused_with_its_faults():
    assert list(faults_of(trial_event, a_webhook(), {"no": "id"})) == ["activity.id"]


def test_the_sample_will_do_for_any_webhook():
    job = trial_job(a_webhook(), trial_event(a_webhook(), SAMPLE_ACTIVITY), now_ms=NOW_MS)
    assert (job.attempt, job.lane, job.first_queued_at_ms) == (1, "new", NOW_MS)
    assert job.delivery_id.startswith("dl_")


def test_a_configuration_for_trials_holds_the_account_and_the_webhook_alone():
    configs = trial_configs(an_account(), a_webhook(enabled=False))
    assert (configs.account(25), configs.webhook(25, "crm")) == (
        an_account(),
        a_webhook(enabled=False),
    )
    assert len(configs) == 2


def test_the_record_of_a_test_is_marked_and_nothing_follows_from_it():
    job = trial_job(a_webhook(), an_event(), now_ms=NOW_MS)
    exchange = Exchange(None, Answered(Response(status=500)), Timings())
    outcome = Outcome("failed", "http_500", status=500)
    record = after_test(Taken(job, None, a_webhook()), exchange, outcome, now_ms=NOW_MS)
    assert (record.is_test, record.source, record.next.step) == (True, None, "end")
    assert (record.outcome, record.response) == ("failed", Response(status=500))
