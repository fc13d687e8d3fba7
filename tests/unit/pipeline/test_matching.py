"""Matching: which webhooks an event is owed to, and why the others are not called."""

import pytest

from pipeline.matching import Delay, deliveries_for, explain
from schemas.ids import delivery_id, derived_event_id
from schemas.job import Job
from schemas.phases import PHASE_IDS, ROUTE
from tests.support.builders import NOW_MS, a_webhook, an_account, an_activity, an_event
from tests.support.configs import configs_of

LONG_CALLS = {"all": [{"field": "talk_time", "op": "gte", "value": 60}]}


def deliveries(event, configs):
    return deliveries_for(event, configs, now_ms=NOW_MS, end_delayed_tier="1h")


def called(event, configs):
    return [each.webhook_id for each in deliveries(event, configs) if isinstance(each, Job)]


def reasons(event, configs):
    return {verdict.webhook_id: verdict.reason for verdict in explain(event, configs)}


def test_a_job_holds_all_that_its_delivery_needs():
    configs = configs_of(an_account(), a_webhook(expire_after_s=60))
    event = an_event()
    (job,) = deliveries(event, configs)
    assert job == Job(
        delivery_id=delivery_id(event.event_id, "crm", 25),
        account_id=25,
        webhook_id="crm",
        config_offset=1,
        event=event,
        attempt=1,
        lane="new",
        first_queued_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 60_000,
    )
    assert explain(event, configs)[0].fired


@pytest.mark.parametrize("position", PHASE_IDS)
def test_a_webhook_is_called_at_its_position_only(position):
    configs = configs_of(an_account(), a_webhook(position=position))
    phases = [phase for phase in PHASE_IDS if phase != ROUTE]
    fired = [phase for phase in phases if called(an_event(phase), configs)]
    assert fired == [phase for phase in phases if phase == position]


@pytest.mark.parametrize("position", ["end", "route"])
def test_a_route_event_calls_the_webhook_it_names_at_any_position(position):
    configs = configs_of(
        an_account(), a_webhook(position=position), a_webhook(id="other", position="route")
    )
    assert called(an_event("route"), configs) == ["crm"]
    assert reasons(an_event("route"), configs) == {"crm": "fired", "other": "not_routed"}


def test_a_route_event_for_a_webhook_that_does_not_exist_says_so():
    configs = configs_of(an_account(), a_webhook())
    event = an_event("route", webhook_id="gone")
    assert deliveries(event, configs) == ()
    assert reasons(event, configs) == {"gone": "unknown_webhook", "crm": "not_routed"}


@pytest.mark.parametrize("phase", ["end", "route"])
def test_a_disabled_webhook_is_not_called(phase):
    configs = configs_of(an_account(), a_webhook(enabled=False))
    assert deliveries(an_event(phase), configs) == ()
    assert reasons(an_event(phase), configs) == {"crm": "disabled"}


@pytest.mark.parametrize("phase", ["end", "route"])
def test_an_activity_that_the_filter_rejects_is_not_sent(phase):
    configs = configs_of(an_account(), a_webhook(filter=LONG_CALLS))
    event = an_event(phase)
    assert deliveries(event, configs) == ()
    (verdict,) = explain(event, configs)
    assert verdict.reason == "filter"
    assert verdict.detail == "talk_time gte 60 does not hold: it is 42"
    assert called(an_event(phase, activity=an_activity(talk_time=60)), configs) == ["crm"]


def test_an_account_that_is_unknown_or_not_entitled_gets_nothing():
    unknown = configs_of(a_webhook(), a_webhook(id="later", position="end_delayed"))
    assert deliveries(an_event(), unknown) == ()
    (verdict,) = explain(an_event(), unknown)
    assert (verdict.webhook_id, verdict.reason) == (None, "unknown_account")
    assert verdict.detail == "there is no account 25"
    without = configs_of(an_account(features={"webhooks": False}), a_webhook())
    assert deliveries(an_event(), without) == ()
    (verdict,) = explain(an_event(), without)
    assert verdict.reason == "not_entitled"
    assert "does not include webhooks" in verdict.detail


def test_another_accounts_webhooks_are_never_called():
    configs = configs_of(an_account(), an_account(id=26), a_webhook(account_id=26))
    assert deliveries(an_event(), configs) == ()
    assert deliveries(an_event("route"), configs) == ()
    assert explain(an_event(), configs) == ()


def test_each_reason_has_its_words():
    configs = configs_of(an_account(), a_webhook(enabled=False), a_webhook(id="x", position="sale"))
    assert [verdict.detail for verdict in explain(an_event(), configs)] == [
        "the webhook is disabled",
        "the webhook is positioned at sale, not end",
    ]
    named = explain(an_event("route"), configs)[1]
    assert named.detail == "the event runs webhook crm only"


@pytest.mark.parametrize("enabled", [True, False])
def test_an_end_comes_back_as_end_delayed_when_a_webhook_waits_for_that(enabled):
    later = a_webhook(id="later", position="end_delayed", enabled=enabled, filter=LONG_CALLS)
    configs = configs_of(an_account(), a_webhook(), later)
    event = an_event()
    job, delay = deliveries(event, configs)
    assert job.webhook_id == "crm"
    assert delay == Delay(delay.event, "1h", NOW_MS + 3_600_000)
    assert delay.event.phase == "end_delayed"
    assert delay.event.origin == "delayed"
    assert delay.event.activity == event.activity
    assert delay.event.event_id == derived_event_id(25, event.activity_id, "end_delayed", "delayed")


def test_repeats_of_an_end_are_delayed_as_one_event():
    configs = configs_of(an_account(), a_webhook(position="end_delayed"))
    (first,) = deliveries(an_event(sequence=1), configs)
    (second,) = deliveries(an_event(sequence=2, activity=an_activity(talk_time=1)), configs)
    (other,) = deliveries(an_event(activity=an_activity(id=2)), configs)
    assert first.event.event_id == second.event.event_id != other.event.event_id


def test_only_an_end_is_delayed_and_only_for_a_webhook_at_end_delayed():
    with_one = configs_of(an_account(), a_webhook(position="end_delayed"))
    for phase in PHASE_IDS:
        delays = [d for d in deliveries(an_event(phase), with_one) if isinstance(d, Delay)]
        assert bool(delays) == (phase == "end")
    assert deliveries(an_event(), configs_of(an_account())) == ()


def test_the_delayed_event_calls_the_webhooks_at_end_delayed_and_ends_there():
    configs = configs_of(an_account(), a_webhook(position="end_delayed"), a_webhook(id="now"))
    _, delay = deliveries(an_event(), configs)
    assert called(delay.event, configs) == ["crm"]
    assert len(deliveries(delay.event, configs)) == 1


def test_a_delay_takes_the_tier_it_is_given():
    configs = configs_of(an_account(), a_webhook(position="end_delayed"))
    (delay,) = deliveries_for(an_event(), configs, now_ms=NOW_MS, end_delayed_tier="5s")
    assert (delay.tier, delay.due_at_ms) == ("5s", NOW_MS + 5_000)
