"""One record of an account, by the rules of a whole document."""

import pytest

from pipeline.one_record import faults_of, read_one, record_in, users_of, warnings_of
from schemas.codec import Fault
from schemas.config import ConfigKey
from tests.support.builders import a_source, a_trigger, a_webhook, an_account
from tests.support.configs import configs_of

WEBHOOK = {"id": "crm", "name": "CRM", "position": "end", "url": "https://crm.example.com/in"}


def read(kind="webhook", account=None, **fields):
    return read_one(kind, {**WEBHOOK, **fields}, account or an_account(), allow_http=False)


def test_a_record_without_faults_is_that_of_the_account():
    document = read()
    assert faults_of(document, configs_of()) == []
    assert record_in(document) == a_webhook(name="CRM")


def test_faults_are_at_the_fields_of_the_record_itself():
    wrong = {
        "name": "",
        "url": "https://10.0.0.1/in",
        "filter": {"any": [{"all": [{"field": "[", "op": "set"}]}]},
        "failure_trigger": {"trigger_id": "missing"},
    }
    found = {fault.field for fault in faults_of(read(**wrong), configs_of())}
    assert found == {"name", "url", "filter.any[0].all[0].field", "failure_trigger.trigger_id"}


def test_a_fault_of_the_whole_record_has_no_field():
    document = read_one("webhook", {"id": 3.5}, an_account(), allow_http=False)
    assert "name" in {fault.field for fault in faults_of(document, configs_of())}
    other = read_one("webhook", {**WEBHOOK, "account_id": 26}, an_account(), allow_http=False)
    assert faults_of(other, configs_of()) == [
        Fault("account_id", "stands in account 25: leave it out")
    ]


def test_a_record_that_is_no_object_is_a_fault_of_the_whole():
    document = read_one("webhook", None, an_account(), allow_http=False)
    assert faults_of(document, configs_of()) == [Fault("", "must be an object")]


def test_what_is_configured_already_can_be_named():
    configs = configs_of(a_trigger())
    assert faults_of(read(failure_trigger={"trigger_id": "tell-sales"}), configs) == []


def test_a_record_is_warned_about_in_the_light_of_the_others_and_of_the_account():
    configs = configs_of(a_webhook(id="first"), a_webhook())
    account = an_account(features={"enhanced_caller_id": True})
    url = "https://crm.example.com/in"
    assert warnings_of(read(url=url), configs) == [
        Fault("url", "the same URL is used by first: give each its own")
    ]
    enhanced = f"{url}?n={{{{extended_lookup.name_type}}}}"
    assert warnings_of(read(url=enhanced, account=account), configs) == []
    (warning,) = warnings_of(read(url=enhanced), configs)
    assert warning.field == "url"


def test_other_accounts_urls_are_nobodys_business():
    configs = configs_of(a_webhook(account_id=26))
    assert warnings_of(read(), configs) == []


@pytest.mark.parametrize(
    ("key", "users"),
    [
        (ConfigKey(25, "trigger", "tell-sales"), ["webhook crm (failure_trigger.trigger_id)"]),
        (ConfigKey(25, "webhook", "crm"), ["trigger again (actions[1].webhook_id)"]),
        (ConfigKey(25, "webhook", "other"), []),
        (ConfigKey(25, "source", "web-form"), []),
        (ConfigKey(26, "webhook", "crm"), []),
    ],
)
def test_who_names_a_record_is_told_with_the_place(key, users):
    email = {"type": "email", "to": ["a@example.com"]}
    configs = configs_of(
        a_webhook(failure_trigger={"trigger_id": "tell-sales"}),
        a_trigger(),
        a_trigger(id="again", actions=[email, {"type": "run_webhook", "webhook_id": "crm"}]),
        a_source(),
    )
    assert users_of(key, configs) == users
