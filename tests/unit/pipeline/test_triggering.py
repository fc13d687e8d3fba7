"""Triggers: which of them an event runs, what they ask for, and where a chain has its end."""

import pytest

from pipeline.chains import DEPTH_MAX, depth_of
from pipeline.trigger_actions import NOTICE_EXPIRES_AFTER_MS, Late, LeftOut
from pipeline.triggering import explained_triggers, judged_event
from schemas.codec import encode
from schemas.command import Command
from schemas.common import CHAIN_MAX
from schemas.event import Event, read_event
from schemas.notice import Notice
from schemas.phases import PHASE_IDS, ROUTE
from schemas.tiers import TIER_BY_NAME
from tests.support.builders import (
    NOW_MS,
    a_trigger,
    an_account,
    an_activity,
    an_event,
)
from tests.support.configs import configs_of

RUN_CRM = {"type": "run_webhook", "webhook_id": "crm"}
TAG = {"type": "tag", "add": ["hot"]}


def at_end(**fields):
    return a_trigger(**{"positions": ["end"], **fields})


def judged(event, *records):
    return judged_event(event, configs_of(an_account(), *records), now_ms=NOW_MS)


def one(event, *records):
    (judgement,) = judged(event, *records)
    return judgement


def asked(event, *records):
    (record,) = one(event, *records).asked
    return record


@pytest.mark.parametrize("position", PHASE_IDS)
def test_a_trigger_is_run_at_its_positions_only(position):
    trigger = a_trigger(positions=[position, "sale"])
    phases = [phase for phase in PHASE_IDS if phase != ROUTE]
    ran = [phase for phase in phases if judged(an_event(phase), trigger)]
    assert ran == [phase for phase in phases if phase in {position, "sale"}]


def test_a_route_event_runs_the_trigger_that_it_names():
    named = an_event("route", webhook_id=None, trigger_id="tell-sales")
    assert one(named, a_trigger(), at_end(id="other")).fired
    assert one(named).reason == "unknown_trigger"
    assert judged(an_event("route"), a_trigger(positions=["route"])) == ()


def test_a_trigger_that_is_disabled_or_does_not_accept_the_event_asks_for_nothing():
    assert one(an_event(), at_end(enabled=False)).reason == "disabled"
    rule = {"all": [{"field": "talk_time", "op": "gte", "value": 60}]}
    refused = one(an_event(), at_end(conditions=rule))
    assert (refused.reason, refused.asked) == ("conditions", ())
    assert refused.detail == "talk_time gte 60 does not hold: it is 42"
    assert one(an_event(activity=an_activity(talk_time=60)), at_end(conditions=rule)).fired


def test_the_time_that_conditions_ask_for_is_the_events_in_the_accounts_zone():
    hours = {"all": [{"op": "schedule_open", "opens": "17:00", "closes": "18:00"}]}
    configs = configs_of(an_account(time_zone="America/Denver"), at_end(conditions=hours))
    (judgement,) = judged_event(an_event(), configs, now_ms=0)
    assert judgement.fired


def test_an_event_that_says_nothing_usable_of_its_time_happened_when_it_came():
    rule = {"all": [{"op": "weekday", "days": ["fri"]}]}
    configs = configs_of(an_account(), at_end(conditions=rule))

    def is_run(event, came_ms):
        (judgement,) = judged_event(event, configs, now_ms=0, came_ms=came_ms)
        return judgement.fired

    assert is_run(an_event(occurred_at=None), NOW_MS)
    assert not is_run(an_event(occurred_at=None), None)
    assert is_run(an_event(), 0)


def test_what_comes_back_later_happens_then():
    rule = {"all": [{"op": "weekday", "days": ["sat"]}]}
    configs = configs_of(an_account(), a_trigger(positions=["end_delayed"], conditions=rule))
    later = an_event("end_delayed", origin="delayed")  # on Friday, twelve minutes to midnight
    (judgement,) = judged_event(later, configs, now_ms=NOW_MS + 3_600_000)
    assert judgement.fired


def test_an_account_that_is_unknown_or_not_entitled_has_no_triggers():
    without = configs_of(an_account(features={"webhooks": False}), at_end())
    for configs in (configs_of(at_end()), without):
        assert judged_event(an_event(), configs, now_ms=NOW_MS) == ()
        assert explained_triggers(an_event(), configs, now_ms=NOW_MS) == ()


def test_another_accounts_triggers_are_never_run():
    assert judged(an_event(), an_account(id=26), at_end(account_id=26)) == ()


def test_a_webhook_is_run_by_an_event_with_the_causes_snapshot():
    event = an_event(sequence=7)
    run = asked(event, at_end(actions=[RUN_CRM]))
    assert isinstance(run, Event)
    assert (run.phase, run.webhook_id, run.origin) == ("route", "crm", "trigger")
    assert (run.activity, run.sequence) == (event.activity, 7)
    assert run.chain == ("trigger/tell-sales",)
    assert read_event(encode(run)) == run


def test_a_routed_trigger_runs_webhooks_too():
    named = an_event("route", webhook_id=None, trigger_id="tell-sales")
    run = asked(named, a_trigger(actions=[RUN_CRM]))
    assert (run.webhook_id, run.trigger_id) == ("crm", None)


def test_an_email_is_a_notice_with_its_templates_as_configured():
    action = {"type": "email", "to": ["{{email}}"], "subject": "{{name}}", "template": "Hi"}
    notice = asked(an_event(), at_end(actions=[action]))
    assert isinstance(notice, Notice)
    assert notice.action.model_dump() == {**action, "to": ("{{email}}",)}
    assert (notice.trigger_id, notice.webhook_id, notice.failure) == ("tell-sales", None, None)
    assert (notice.event, notice.attempt) == (an_event(), 1)
    assert notice.first_queued_at_ms == NOW_MS
    assert notice.expires_at_ms == NOW_MS + NOTICE_EXPIRES_AFTER_MS
    assert notice.key == b"25:trigger/tell-sales"


def test_a_tag_a_score_and_a_field_are_commands():
    actions = [
        TAG,
        {"type": "score", "score": 4},
        {"type": "custom_field", "name": "agent", "value": "{{direction}} {{account.name}}"},
    ]
    judgement = one(an_event(), at_end(actions=actions))
    assert all(isinstance(each, Command) for each in judgement.asked)
    assert len({each.command_id for each in judgement.asked}) == 3
    tag, score, field = judgement.asked
    assert (tag.activity_id, tag.event_id) == ("4379952365", an_event().event_id)
    assert (tag.action.add, score.action.score) == (("hot",), 4)
    assert field.action.value == "inbound Denver Doors"
    assert tag.chain == ("trigger/tell-sales",)


def test_what_would_change_nothing_is_left_out():
    judgement = one(an_event(activity=an_activity(tag_list=["hot"])), at_end(actions=[TAG]))
    assert judgement.fired
    assert judgement.asked == ()
    assert judgement.left_out == (LeftOut(0, "tag", "unchanged", "the activity is so already"),)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{{> loop}}", "partials nest deeper than 8"),
        ("{{notes}}", "the value has 2001 characters, more than 2000"),
    ],
)
def test_a_value_that_cannot_be_rendered_is_left_out_with_the_reason(value, why):
    action = {"type": "custom_field", "name": "note", "value": value}
    account = an_account(snippets={"loop": "{{> loop}}"})
    event = an_event(activity=an_activity(notes="n" * 2_001))
    configs = configs_of(account, at_end(actions=[TAG, action]))
    (judgement,) = judged_event(event, configs, now_ms=NOW_MS)
    assert [each.action.type for each in judgement.asked] == ["tag"]
    (left_out,) = judgement.left_out
    assert (left_out.action, left_out.reason) == (1, "render_error")
    assert why in left_out.detail


def test_with_a_delay_what_is_asked_for_waits_and_nothing_else_differs():
    actions = [RUN_CRM, TAG, {"type": "text", "to": ["+13035550100"]}]
    now = one(an_event(), at_end(actions=actions)).asked
    later = one(an_event(), at_end(actions=actions, delay="10m")).asked
    due_at_ms = NOW_MS + 600_000
    assert [each.record for each in later[:2]] == list(now[:2])
    assert all(each == Late(each.record, TIER_BY_NAME["10m"], due_at_ms) for each in later)
    notice = later[2].record
    assert notice.notice_id == now[2].notice_id
    assert notice.first_queued_at_ms == due_at_ms
    assert notice.expires_at_ms == due_at_ms + NOTICE_EXPIRES_AFTER_MS


def test_a_resend_asks_for_the_same_and_another_cause_for_something_else():
    trigger = at_end(actions=[RUN_CRM, TAG, {"type": "email", "to": ["a@example.com"]}])

    def ids(event):
        run, command, notice = one(event, trigger).asked
        return run.event_id, command.command_id, notice.notice_id

    assert ids(an_event()) == ids(an_event())
    assert set(ids(an_event())).isdisjoint(ids(an_event(sequence=2)))


def test_at_its_depth_a_chain_has_an_end():
    chain = tuple(f"trigger/t{number}" for number in range(DEPTH_MAX))
    assert one(an_event(chain=chain[1:]), at_end()).fired
    ended = one(an_event(chain=chain), at_end())
    assert ended.reason == "depth"
    assert ended.detail.startswith("trigger/t0 > trigger/t1 > trigger/t2 led here")
    assert depth_of(chain) == DEPTH_MAX


def test_a_chain_that_has_no_room_for_another_link_has_an_end_too():
    full = [f"webhook/w{number}" for number in range(CHAIN_MAX)]
    assert one(an_event(chain=full), at_end()).reason == "depth"
    assert one(an_event(chain=full[1:]), at_end()).fired


def test_every_trigger_of_the_account_is_explained():
    triggers = [
        at_end(id="a"),
        a_trigger(id="b"),
        a_trigger(id="c", positions=["sale", "form"]),
        at_end(id="d", enabled=False),
    ]
    configs = configs_of(an_account(), *triggers)
    found = explained_triggers(an_event(), configs, now_ms=NOW_MS)
    assert [(each.trigger_id, each.reason) for each in found] == [
        ("a", "fired"),
        ("b", "position"),
        ("c", "position"),
        ("d", "disabled"),
    ]
    assert found[1].detail == "the trigger has no position: it runs only where something names it"
    assert found[2].detail == "the trigger is positioned at sale, form, not end"
    route = an_event("route", webhook_id=None, trigger_id="gone")
    found = explained_triggers(route, configs, now_ms=NOW_MS)
    assert [each.reason for each in found] == [*["not_routed"] * 4, "unknown_trigger"]
    assert found[0].detail == "the event runs trigger gone only"
