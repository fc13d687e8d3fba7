"""Why each trigger is run for an activity, or is not, by the event that came nearest to it."""

from pipeline.explaining import EXPIRED, Owed, Seen
from pipeline.explaining_triggers import triggers_explained
from tests.support.builders import ACCOUNT_ID, NOW_MS, a_trigger, an_account, an_event
from tests.support.configs import configs_of

LONG_CALLS = {"all": [{"field": "Talk Time", "op": "gte", "value": 100}]}


def seen(phase="end", at_ms=NOW_MS, *, has_content=True, **fields):
    return Seen(an_event(phase, **fields), at_ms, has_content)


def of(events, *triggers, owed=()):
    configs = configs_of(an_account(), *triggers)
    found = triggers_explained(ACCOUNT_ID, events, owed, configs)
    return {each.trigger_id: each for each in found}


def a_delivery(trigger_id, delivery_id="dl_1"):
    return Owed(delivery_id, "crm", "ev_1", "route", "delivered", trigger_id)


def test_what_it_asked_for_shows_that_it_was_run_whatever_holds_today():
    owed = [a_delivery("tell-sales"), a_delivery("gone", "nt_1"), a_delivery(None, "dl_2")]
    found = of([seen()], a_trigger(enabled=False), owed=owed)
    assert found["tell-sales"].deliveries == (owed[0],)
    assert (found["tell-sales"].reason, found["tell-sales"].judged) == ("fired", None)
    assert (found["gone"].name, found["gone"].deliveries) == (None, (owed[1],))
    assert len(found) == 2


def test_where_it_is_positioned_says_more_than_what_else_was_run():
    found = of([seen(), seen("route")], a_trigger(positions=["sale"]))["tell-sales"]
    assert found.reason == "position"


def test_the_event_that_came_nearest_explains_it():
    events = [seen("starts", at_ms=NOW_MS - 1), seen(), seen("sale", at_ms=NOW_MS + 1)]
    found = of(events, a_trigger(positions=["end"], conditions=LONG_CALLS))["tell-sales"]
    assert (found.name, found.reason) == ("Tell sales", "conditions")
    assert found.detail == "Talk Time gte 100 does not hold: it is 42"
    assert found.judged == events[1]
    assert not found.changed_since


def test_what_would_be_run_says_so_and_whether_it_was_changed_since():
    later = a_trigger(positions=["end"], updated_at="2026-05-02T00:00:00Z")
    found = of([seen()], later)["tell-sales"]
    assert (found.reason, found.changed_since) == ("fired", True)


def test_a_trigger_elsewhere_says_where_the_activity_was():
    found = of([seen(), seen("form")], a_trigger(positions=["sale", "cost"]), a_trigger(id="x"))
    assert found["tell-sales"].reason == "position"
    wanted = "the trigger is positioned at sale, cost; on record are end, form only"
    assert found["tell-sales"].detail == wanted
    assert found["x"].detail.startswith("the trigger has no position")


def test_conditions_cannot_be_asked_once_the_content_has_expired():
    expired = seen(has_content=False)
    asking = a_trigger(positions=["end"], conditions=LONG_CALLS)
    found = of([expired], asking, a_trigger(id="x", positions=["end"]))
    assert (found["tell-sales"].reason, found["tell-sales"].detail) == ("content_expired", EXPIRED)
    assert found["x"].reason == "fired"


def test_a_trigger_that_is_gone_is_told_where_an_event_names_it():
    event = seen("route", webhook_id=None, trigger_id="gone")
    found = of([event], a_trigger())
    assert (found["gone"].name, found["gone"].reason) == (None, "unknown_trigger")
    assert found["tell-sales"].reason == "not_routed"
