"""What a trigger may say, but whoever wrote it hardly means."""

import pytest

from pipeline.advice import warnings_about
from pipeline.configs import Configs
from pipeline.documents import read_document
from tests.support.builders import a_webhook
from tests.support.configs import configs_of

PLACE = "accounts[0].triggers[0]"
TRIGGER = {"id": "t", "name": "T", "actions": [{"type": "tag", "add": ["hot"]}]}
RUN_CRM = {"type": "run_webhook", "webhook_id": "crm"}
WEBHOOK = {
    "id": "crm",
    "name": "CRM",
    "position": "end",
    "url": "https://crm.example.com/in",
    "failure_trigger": {"trigger_id": "t"},
}


def warned(trigger, configs=None, **account):
    """The warnings about an account with one trigger, as text without its place."""
    fields = {"id": 25, "name": "Denver Doors", "triggers": [{**TRIGGER, **trigger}], **account}
    document = read_document({"accounts": [fields]}, allow_http=False)
    assert document.faults == []
    found = warnings_about(document, configs or Configs(), prune=False)
    return [str(each).removeprefix(f"{PLACE}.") for each in found]


def ruled(field, op="set", **trigger):
    return warned({"conditions": {"all": [{"field": field, "op": op}]}, **trigger})


def test_an_ordinary_trigger_is_not_warned_about():
    hours = {"all": [{"op": "schedule_open"}, {"field": "talk_time", "op": "gte", "value": 30}]}
    assert warned({"positions": ["end", "sale"], "conditions": hours}) == []
    assert warned({}) == []


def test_a_position_at_route_is_one_too_many():
    assert warned({"positions": ["end", "route"]}) == [
        "positions[1]: no event is at route by itself: one that names the trigger runs it anyway"
    ]


def test_a_rule_over_what_none_of_its_positions_has_is_in_vain():
    place = "conditions.any[0].all[0].field"
    why = "talk_time is not known yet at starts: it comes with end_immediate"
    assert ruled("talk_time", positions=["starts"]) == [f"{place}: {why}, so the rule never holds"]
    assert ruled("talk_time", "not_set", positions=["starts"]) == [
        f"{place}: {why}, so the rule always holds"
    ]
    assert ruled("talk_time", positions=["starts", "end"]) == []
    assert ruled("talk_time") == []


def test_only_a_failure_has_fields_of_one():
    assert ruled("failure.status") == []
    assert ruled("failure.status", positions=["route"]) == [
        "positions[0]: no event is at route by itself: one that names the trigger runs it anyway"
    ]
    (warning,) = ruled("failure.status", positions=["end"])
    assert warning.endswith("has failure.status: at a position the rule never holds")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{> footer}}", "there is no snippet 'footer': nothing will stand for it"),
        ("{{extended_lookup.city}}", "extended_lookup.city needs enhanced_caller_id, a feature"),
    ],
)
def test_what_a_message_cannot_say_is_told(template, why):
    message = {"type": "text", "to": ["+13035550100"], "template": template}
    (warning,) = warned({"actions": [message]})
    assert warning.startswith(f"actions[0].template: {why}")
    has_it = {"snippets": {"footer": "Bye"}, "features": {"enhanced_caller_id": True}}
    assert warned({"actions": [message]}, **has_it) == []


def test_a_webhook_is_not_run_again_by_its_own_failure():
    (warning,) = warned({"actions": [RUN_CRM]}, webhooks=[WEBHOOK])
    assert warning.startswith("actions[0].webhook_id: crm has this as its failure trigger")
    configs = configs_of(a_webhook(failure_trigger={"trigger_id": "t"}), a_webhook(id="x"))
    assert warned({"actions": [RUN_CRM]}, configs) == [warning]
    other = {**WEBHOOK, "failure_trigger": None, "url": "https://other.example.com/in"}
    assert warned({"actions": [RUN_CRM]}, configs, webhooks=[other]) == []


def test_another_accounts_webhooks_are_no_reason():
    mine = {"id": 25, "name": "A", "triggers": [TRIGGER]}
    theirs = {"id": 26, "name": "B", "webhooks": [WEBHOOK], "triggers": [TRIGGER]}
    document = read_document({"accounts": [mine, theirs]}, allow_http=False)
    assert warnings_about(document, Configs(), prune=False) == []
