"""The configuration document: everything wrong with it, at once, and each fault at its place."""

import pytest

from pipeline.configs import Configs
from pipeline.documents import read_document, unresolved
from schemas.config import ConfigKey
from tests.support.builders import a_trigger, a_webhook, an_account
from tests.support.configs import configs_of

WEBHOOK = {"id": "crm", "name": "CRM", "position": "end", "url": "https://crm.example.com/in"}
TRIGGER = {"id": "tell", "name": "Tell", "actions": [{"type": "email", "to": ["a@example.com"]}]}
SOURCE = {"id": "web", "name": "Web", "mapping": [{"target": "caller_number", "paths": ["phone"]}]}


def read(*, allow_http=False, **account):
    return read_document(a_document(**account), allow_http=allow_http)


def a_document(**account):
    return {"accounts": [{"id": 25, "name": "Denver Doors", **account}]}


def faults(document):
    return {fault.field: fault.message for fault in document.faults}


def test_a_document_becomes_records_of_its_accounts():
    document = read(webhooks=[WEBHOOK], triggers=[TRIGGER], sources=[SOURCE])
    assert document.faults == []
    assert [(placed.path, placed.record.kind) for placed in document.records] == [
        ("accounts[0]", "account"),
        ("accounts[0].webhooks[0]", "webhook"),
        ("accounts[0].triggers[0]", "trigger"),
        ("accounts[0].sources[0]", "source"),
    ]
    assert document.records[1].record.account_id == 25
    assert document.keys[ConfigKey(25, "webhook", "crm")] == "accounts[0].webhooks[0]"


def test_lists_may_be_empty_or_left_out():
    assert read(webhooks=[], triggers=None).faults == []
    assert read(webhooks=[{**WEBHOOK, "account_id": 25}]).faults == []


@pytest.mark.parametrize("value", [None, 3, "x", []])
def test_a_document_is_an_object(value):
    assert faults(read_document(value, allow_http=False)) == {
        "": "must be an object with a list of accounts"
    }


@pytest.mark.parametrize("accounts", [None, [], {}, 3])
def test_a_document_has_at_least_one_account(accounts):
    document = read_document({"accounts": accounts, "other": 1}, allow_http=False)
    assert faults(document) == {
        "other": "unknown field; the document has accounts only",
        "accounts": "must be a list of at least one account",
    }


def test_what_should_be_a_list_or_an_object_and_is_not_is_named():
    assert faults(read(webhooks={"id": 1}, triggers=[3])) == {
        "accounts[0].webhooks": "must be a list",
        "accounts[0].triggers[0]": "must be an object",
    }


def test_all_faults_of_all_records_are_found_at_once():
    document = read(
        time_zone="Mars/Olympus",
        webhooks=[
            {"id": "Bad Id", "name": "", "position": "endd", "url": "ftp://x"},
            {
                **WEBHOOK,
                "url": "http://crm.example.com/in",
                "timeout_s": 99,
                "colour": "red",
                "filter": {"all": [{"field": "a..b", "op": "set"}]},
                "failure_trigger": {"trigger_id": "nobody"},
            },
        ],
        triggers=[
            {**TRIGGER, "conditions": {"all": [{"field": "a b", "op": "set"}]}},
            {"id": "broken"},
        ],
        sources=[{**SOURCE, "mapping": [{"target": "a b", "paths": ["ok", "a..b"]}]}],
    )
    assert list(faults(document)) == [
        "accounts[0].time_zone",
        "accounts[0].webhooks[0].id",
        "accounts[0].webhooks[0].name",
        "accounts[0].webhooks[0].position",
        "accounts[0].webhooks[0].url",
        "accounts[0].webhooks[1].timeout_s",
        "accounts[0].webhooks[1].colour",
        "accounts[0].triggers[1].name",
        "accounts[0].triggers[1].actions",
        "accounts[0].webhooks[1].filter.any[0].all[0].field",
        "accounts[0].webhooks[1].url",
        "accounts[0].triggers[0].conditions.any[0].all[0].field",
        "accounts[0].sources[0].mapping[0].target",
        "accounts[0].sources[0].mapping[0].paths[1]",
    ]
    (fault,) = unresolved(document, Configs(), prune=False)
    assert fault.field == "accounts[0].webhooks[1].failure_trigger.trigger_id"


@pytest.mark.parametrize("account_id", [None, "25", True, 0, -1, 2.5])
def test_an_account_without_a_good_id_still_has_its_records_checked(account_id):
    document = read(id=account_id, webhooks=[{**WEBHOOK, "url": "nowhere"}, WEBHOOK])
    assert {"accounts[0].id", "accounts[0].webhooks[0].url"} <= set(faults(document))
    assert document.keys == {}


def test_plain_http_is_refused_unless_allowed():
    plain = {**WEBHOOK, "url": "http://crm.example.com/in"}
    assert "HOOKLINE_ALLOW_HTTP" in faults(read(webhooks=[plain]))["accounts[0].webhooks[0].url"]
    assert read(webhooks=[plain], allow_http=True).faults == []


@pytest.mark.parametrize("name", ["version", "created_at", "updated_at", "kind"])
def test_what_hookline_keeps_itself_cannot_be_given(name):
    assert faults(read(webhooks=[{**WEBHOOK, name: 1}])) == {
        f"accounts[0].webhooks[0].{name}": "is kept by Hookline itself: leave it out"
    }


def test_a_record_cannot_stand_in_one_account_and_belong_to_another():
    document = read(webhooks=[{**WEBHOOK, "account_id": 26}])
    assert faults(document) == {
        "accounts[0].webhooks[0].account_id": "stands in account 25: leave it out"
    }


def test_an_id_is_given_once():
    document = read(webhooks=[WEBHOOK, {**WEBHOOK, "id": 42}, {**WEBHOOK, "id": "42"}])
    assert faults(document) == {
        "accounts[0].webhooks[2].id": "webhook '42' is defined at accounts[0].webhooks[1] already"
    }
    twice = {"accounts": [{"id": 25, "name": "a"}, {"id": 25, "name": "b"}]}
    assert faults(read_document(twice, allow_http=False)) == {
        "accounts[1].id": "account '25' is defined at accounts[0] already"
    }
    # The same id in another account, or of another kind, is another record.
    other = {"id": 26, "name": "b", "webhooks": [WEBHOOK], "triggers": [{**TRIGGER, "id": "crm"}]}
    both = {"accounts": [*a_document(webhooks=[WEBHOOK])["accounts"], other]}
    assert read_document(both, allow_http=False).faults == []


def test_names_are_looked_for_in_the_document_and_in_what_is_configured():
    document = read(
        webhooks=[{**WEBHOOK, "failure_trigger": {"trigger_id": "tell"}}],
        triggers=[
            {
                **TRIGGER,
                "id": "runs",
                "actions": [
                    {"type": "run_webhook", "webhook_id": "crm"},
                    {"type": "run_webhook", "webhook_id": "gone"},
                    {"type": "tag", "add": ["hot"]},
                ],
            }
        ],
    )
    assert document.faults == []
    missing = unresolved(document, Configs(), prune=False)
    assert [(fault.field, fault.message) for fault in missing] == [
        (
            "accounts[0].webhooks[0].failure_trigger.trigger_id",
            "there is no trigger 'tell' in account 25",
        ),
        (
            "accounts[0].triggers[0].actions[1].webhook_id",
            "there is no webhook 'gone' in account 25",
        ),
    ]
    there = configs_of(an_account(), a_trigger(id="tell"), a_webhook(id="gone"))
    assert unresolved(document, there, prune=False) == []
    assert len(unresolved(document, there, prune=True)) == 2
    elsewhere = configs_of(a_trigger(id="tell", account_id=26), a_webhook(id="gone", account_id=26))
    assert len(unresolved(document, elsewhere, prune=False)) == 2


def test_a_name_that_is_defined_with_a_fault_is_not_reported_as_missing_too():
    document = read(
        webhooks=[{**WEBHOOK, "failure_trigger": {"trigger_id": "tell"}}],
        triggers=[{"id": "tell"}],
    )
    assert unresolved(document, Configs(), prune=False) == []


@pytest.mark.parametrize("body_type", ["log_data", "pixel"])
def test_a_token_in_a_url_is_the_path_of_a_field(body_type):
    webhook = {**WEBHOOK, "body_type": body_type}
    good = {**webhook, "url": "https://crm.example.com/{{id}}?a={{ agent.name }}"}
    assert read(webhooks=[good]).faults == []
    bad = {**webhook, "url": "https://crm.example.com/in?a={{agent..name}}"}
    message = faults(read(webhooks=[bad]))["accounts[0].webhooks[0].url"]
    assert message.startswith("{{agent..name}} is no token: not a path")


def test_every_flaw_of_a_template_or_a_snippet_is_a_fault_with_its_place():
    template = {"kind": "mustache", "template": "{\n {{#a}} {{}}"}
    document = read(
        snippets={"ok": "{{a}}", "bad": "{{/a}}"}, webhooks=[WEBHOOK | {"format": template}]
    )
    assert [fault.field for fault in document.faults] == [
        "accounts[0].snippets.bad",
        "accounts[0].webhooks[0].format.template",
        "accounts[0].webhooks[0].format.template",
    ]
    assert [fault.message.split(":")[0] for fault in document.faults] == [
        "line 1, column 1",
        "line 2, column 9",
        "line 2, column 2",
    ]


def test_a_source_s_mapping_and_the_place_of_its_sender_s_id_are_checked():
    mapping = [{"target": "caler_number", "paths": ["phone"]}, {"target": "name", "paths": []}]
    source = {**SOURCE, "mapping": mapping, "deduplication": {"path": "a..b"}}
    place = "accounts[0].sources[0]"
    assert faults(read(sources=[source])) == {
        f"{place}.mapping[0].target": (
            "is no field of an activity; one of your own has a name like custom_…"
        ),
        f"{place}.mapping[1].paths": ("needs a path, a default, or a template as first transform"),
        f"{place}.deduplication.path": "not a path: 'a..b' is not understood from character 1",
    }
    for good in ({"header": "X-Id"}, {"path": "lead.id"}):
        assert read(sources=[{**SOURCE, "deduplication": good}]).faults == []
