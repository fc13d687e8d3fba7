"""What is wrong with a trigger is told with its place, and what it sees of nothing is empty."""

from pipeline.documents import read_document
from pipeline.trigger_context import template_context
from tests.support.builders import a_trigger, a_webhook, an_account, an_event

BROKEN = "{{#open}}"


def faults(**trigger):
    fields = {"id": "t", "name": "T", "actions": [{"type": "tag", "add": ["hot"]}], **trigger}
    account = {"id": 25, "name": "Denver Doors", "triggers": [fields]}
    document = read_document({"accounts": [account]}, allow_http=False)
    return [fault.field.removeprefix("accounts[0].triggers[0].") for fault in document.faults]


def test_a_trigger_in_order_has_none():
    assert faults() == []
    assert faults(conditions={"all": [{"op": "weekday", "days": ["mon"]}]}) == []


def test_each_condition_and_each_template_is_looked_at():
    email = {"type": "email", "to": ["a@example.com"], "subject": BROKEN, "template": BROKEN}
    actions = [
        email,
        {"type": "text", "to": ["{{#x}}"]},
        {"type": "text", "to": ["+13035550100"], "template": BROKEN},
        {"type": "custom_field", "name": "stage", "value": BROKEN},
        {"type": "run_webhook", "webhook_id": "crm"},
    ]
    conditions = {"all": [{"field": "a..b", "op": "set"}]}
    assert faults(actions=actions[:1], conditions=conditions) == [
        "conditions.any[0].all[0].field",
        "actions[0].subject",
        "actions[0].template",
    ]
    assert faults(actions=[actions[1]]) == ["actions[0].to[0]"]
    assert faults(actions=actions[2:]) == ["actions[0].template", "actions[1].value"]


def test_a_webhook_that_is_run_must_exist():
    actions = [{"type": "run_webhook", "webhook_id": "Not a slug"}]
    assert faults(actions=actions) == ["actions[0].webhook_id"]


def test_a_template_sees_the_activity_and_what_it_is_about():
    context = template_context(an_account(), a_trigger(), an_event(), a_webhook(), None)
    assert context["caller_number"] == "+17205550123"
    assert context["account"] == {"id": 25, "name": "Denver Doors", "time_zone": "UTC"}
    assert context["trigger"] == {"id": "tell-sales", "name": "Tell sales"}
    assert context["webhook"] == {"id": "crm", "name": "Calls to the CRM", "position": "end"}
    assert context["failure"] is None


def test_what_is_about_no_event_has_no_fields_of_one():
    context = template_context(an_account(), a_trigger(), None, None, None)
    assert set(context) == {"account", "trigger", "webhook", "failure"}
    assert context["webhook"] is None
