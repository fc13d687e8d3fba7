"""Explaining: a delivery on record is a fact; without one, today's configuration is asked."""

import pytest

from pipeline.explaining import Owed, Seen, explained, newest_of_each
from tests.support.builders import ACCOUNT_ID, NOW_MS, a_webhook, an_account, an_event
from tests.support.configs import configs_of

LONG_CALLS = {"all": [{"field": "Talk Time", "op": "gte", "value": 100}]}


def configured(*webhooks, **account):
    return configs_of(an_account(**account), *webhooks)


def seen(phase="end", at_ms=NOW_MS, *, has_content=True, **fields):
    return Seen(an_event(phase, **fields), at_ms, has_content)


def of(configs, *events, owed=()):
    return {each.webhook_id: each for each in explained(ACCOUNT_ID, events, owed, configs)}


def a_delivery(webhook_id="crm", **fields):
    return Owed(f"dl_{webhook_id}", webhook_id, "ev_1", "end", "delivered", **fields)


def test_a_delivery_on_record_is_what_became_of_it():
    found = of(configured(a_webhook(enabled=False)), seen(), owed=[a_delivery()])

    assert found["crm"].deliveries == (a_delivery(),)
    assert (found["crm"].reason, found["crm"].judged) == ("fired", None)


def test_a_webhook_that_is_gone_is_told_for_its_deliveries():
    found = of(configured(), seen(), owed=[a_delivery("old")])

    assert (found["old"].name, len(found["old"].deliveries)) == (None, 1)


def test_a_filter_is_told_with_its_condition_and_the_value():
    found = of(configured(a_webhook(filter=LONG_CALLS)), seen())

    assert found["crm"].reason == "filter"
    assert found["crm"].detail == "Talk Time gte 100 does not hold: it is 42"
    assert found["crm"].judged == seen()


def test_of_several_events_the_nearest_to_firing_explains():
    started, ended = seen("starts", NOW_MS), seen("end", NOW_MS + 1)

    found = of(configured(a_webhook(filter=LONG_CALLS)), started, ended)

    assert (found["crm"].reason, found["crm"].judged) == ("filter", ended)


def test_a_position_that_never_came_is_told_with_those_that_did():
    events = (seen("sale", NOW_MS + 2), seen("starts", NOW_MS), seen("starts", NOW_MS + 1))

    found = of(configured(a_webhook()), *events)

    said = "the webhook is positioned at end; on record are starts, sale only"
    assert (found["crm"].reason, found["crm"].detail) == ("position", said)


def test_a_routed_webhook_says_that_nothing_ran_it():
    found = of(configured(a_webhook(position="route")), seen())

    assert found["crm"].reason == "position"
    assert "nothing ran it" in found["crm"].detail


def test_a_route_to_a_webhook_that_is_gone_is_told():
    found = of(configured(a_webhook(id="mail")), seen("route"))

    assert (found["crm"].reason, found["crm"].name) == ("unknown_webhook", None)
    assert found["mail"].reason == "not_routed"


def test_what_would_fire_today_and_is_not_on_record_is_told_as_such():
    found = of(configured(a_webhook()), seen())

    assert found["crm"].reason == "no_delivery"
    assert found["crm"].detail.startswith("with today's configuration it would fire")


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        ({"filter": LONG_CALLS}, "content_expired"),
        ({}, "no_delivery"),
        ({"enabled": False}, "disabled"),
    ],
)
def test_without_its_content_an_event_cannot_be_filtered_again(webhook, reason):
    found = of(configured(a_webhook(**webhook)), seen(has_content=False, activity={"id": 1}))

    assert found["crm"].reason == reason


@pytest.mark.parametrize(
    ("times", "changed"),
    [
        ({"updated_at": "2026-05-02T00:00:00.000Z"}, True),
        ({"created_at": "2026-05-02T00:00:00.000Z"}, True),
        ({"updated_at": "2026-05-01T00:00:00.000Z"}, False),
        ({"updated_at": "some day"}, False),
        ({}, False),
    ],
)
def test_a_change_after_the_event_is_told(times, changed):
    found = of(configured(a_webhook(enabled=False, **times)), seen())

    assert found["crm"].changed_since is changed


def test_an_account_without_webhooks_in_its_plan_says_so_for_each():
    configs = configured(a_webhook(), a_webhook(id="mail"), features={"webhooks": False})

    found = of(configs, seen())

    assert {each.reason for each in found.values()} == {"not_entitled"}
    assert [*found] == ["crm", "mail"]


def test_of_many_events_at_a_phase_the_newest_is_enough():
    older, newer = seen("update", NOW_MS), seen("update", NOW_MS + 1)
    ran, ran_other = seen("route", NOW_MS + 2), seen("route", NOW_MS + 3, webhook_id="mail")

    assert newest_of_each([newer, ran, older, ran_other]) == (newer, ran, ran_other)
