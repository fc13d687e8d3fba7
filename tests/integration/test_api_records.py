"""Webhooks, triggers and sources through the API, on a real broker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from agents.api import records
from pipeline.requests import MASK
from pipeline.sealing import opened
from tests.support.commands import NEW
from tests.support.owners import WEBHOOK, Owner, an_api_without_agents

NUMBERS = count(100)
TRIGGER = {"name": "Tell", "actions": [{"type": "email", "to": ["it@example.com"]}]}


@pytest.fixture(scope="module")
def api(prepared, tmp_path_factory):
    with an_api_without_agents(prepared, tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def account(api):
    """An account of the test's own."""
    return Owner(api, next(NUMBERS))


def test_a_webhook_is_created_read_changed_and_deleted(account):
    made = account.post("webhooks", {"id": "crm", **WEBHOOK})
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert made.headers["Location"] == f"/api/v1/accounts/{account.id}/webhooks/crm"
    assert account.get("webhooks/crm").body == made.body
    assert made.body["created_at"] == made.body["updated_at"]

    patched = account.patch("webhooks/crm", {"timeout_s": 5, "retry": {"schedule": ["5s"]}})
    assert (patched.status, patched.headers["ETag"]) == (200, '"2"')
    assert patched.body["timeout_s"] == 5
    back = account.patch("webhooks/crm", {"timeout_s": None})
    assert (back.body["timeout_s"], back.body["retry"]["schedule"]) == (10, ["5s"])

    put = account.put("webhooks/crm", {**WEBHOOK, "name": "Other"})
    assert (put.body["name"], put.body["version"]) == ("Other", 4)
    assert put.body["retry"] == made.body["retry"]
    assert put.body["created_at"] == made.body["created_at"]

    gone = account.delete("webhooks/crm")
    assert (gone.status, gone.text) == (204, "")
    assert account.get("webhooks/crm").status == 404
    assert account.stored() is None


def test_a_patch_changes_parts_of_filters_and_formats_as_it_reads(account):
    mustache = {"kind": "mustache", "template": "{}", "content_type": "text/plain"}
    rule = {"field": "talk_time", "op": "gte", "value": 30}
    given = {"format": mustache, "filter": {"all": [rule]}}
    account.post("webhooks", {"id": "crm", **WEBHOOK, **given})
    patched = account.patch("webhooks/crm", {"format": {"template": "{{id}}"}})
    assert patched.body["format"] == {**mustache, "template": "{{id}}"}
    other = account.patch(
        "webhooks/crm",
        {"format": {"kind": "timeseries_7d"}, "filter": {"all": [{**rule, "value": 60}]}},
    )
    assert other.body["format"] == {"kind": "timeseries_7d", "series": "count"}
    assert other.body["filter"] == {"any": [{"all": [{**rule, "value": 60}]}]}
    assert account.patch("webhooks/crm", {"filter": None}).body["filter"] is None


def test_what_changes_nothing_is_not_written(account):
    before = account.post("webhooks", {"id": "crm", **WEBHOOK})
    again = account.patch("webhooks/crm", {"name": "CRM"})
    assert (again.status, again.body) == (200, before.body)
    assert account.post("webhooks/crm/enable").body == before.body


def test_without_an_id_one_is_drawn(account):
    made = account.post("webhooks", WEBHOOK)
    assert made.body["id"].startswith("wh_")
    assert account.get(f"webhooks/{made.body['id']}").body == made.body


def test_an_id_can_be_given_once_and_not_be_changed(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    again = account.post("webhooks", {"id": "crm", **WEBHOOK})
    assert (again.status, again.faults) == (409, {"id": "is taken"})
    other = account.put("webhooks/crm", {"id": "other", **WEBHOOK})
    assert other.faults == {"id": "the path says crm: an id never changes"}


@pytest.mark.parametrize("kind", ["webhooks", "triggers", "sources"])
def test_what_is_not_there_is_not_found(account, kind):
    body = {"webhooks": WEBHOOK, "triggers": TRIGGER, "sources": {"name": "Web"}}[kind]
    answers = [
        account.get(f"{kind}/none"),
        account.put(f"{kind}/none", body),
        account.patch(f"{kind}/none", {}),
        account.delete(f"{kind}/none"),
        account.post(f"{kind}/none/enable"),
        account.post(f"{kind}/none/disable"),
    ]
    assert {answer.status for answer in answers} == {404}


def test_all_faults_are_told_at_once_at_their_fields(account):
    wrong = {
        "name": "",
        "position": "endd",
        "url": "https://10.0.0.1/in",
        "filter": {"all": [{"field": "talk_time", "op": "gte"}]},
        "failure_trigger": {"trigger_id": "missing"},
        "signing": {"scheme": "standard", "secrets": [MASK]},
        "color": "red",
    }
    answer = account.post("webhooks", wrong)
    assert answer.status == 422
    assert {*answer.faults} == {
        *("name", "position", "url", "filter.any[0].all[0].value", "color"),
        *("failure_trigger.trigger_id", "signing.secrets[0]"),
    }
    assert account.get("webhooks").body["items"] == []


def test_what_refers_to_a_record_keeps_it(account):
    account.post("triggers", {"id": "tell", **TRIGGER})
    account.post("webhooks", {"id": "crm", **WEBHOOK, "failure_trigger": {"trigger_id": "tell"}})
    refused = account.delete("triggers/tell")
    assert refused.status == 409
    assert refused.body["detail"] == (
        "trigger tell is used by webhook crm (failure_trigger.trigger_id)"
    )
    account.patch("webhooks/crm", {"failure_trigger": None})
    assert account.delete("triggers/tell").status == 204


def test_answers_warn_of_what_is_hardly_meant(account):
    account.post("webhooks", {"id": "first", **WEBHOOK})
    made = account.post("webhooks", {"id": "crm", **WEBHOOK})
    expected = [
        {"field": "url", "message": "the same URL is used by first: give each its own"},
    ]
    assert made.body["warnings"] == expected
    assert account.get("webhooks/crm").body["warnings"] == expected


def test_an_account_has_so_many_records_of_a_kind(account, monkeypatch):
    monkeypatch.setattr(records, "RECORDS_MAX", 1)
    assert account.post("webhooks", WEBHOOK).status == 201
    refused = account.post("webhooks", WEBHOOK)
    assert (refused.status, refused.body["detail"]) == (409, "an account has 1 webhooks at most")
    assert account.post("triggers", TRIGGER).status == 201


def test_a_list_has_pages_and_filters(account):
    records_ = [
        {**WEBHOOK, "id": "a", "url": "https://a.example.com/Alpha"},
        {**WEBHOOK, "id": "b", "position": "sale", "name": "Alpha"},
        {**WEBHOOK, "id": "c", "enabled": False},
    ]
    with ThreadPoolExecutor(3) as pool:
        assert {it.status for it in pool.map(lambda r: account.post("webhooks", r), records_)} == {
            201
        }

    def ids(query):
        return [item["id"] for item in account.get(f"webhooks?{query}").body["items"]]

    first = account.get("webhooks?limit=2").body
    assert [item["id"] for item in first["items"]] == ["a", "b"]
    rest = account.get(f"webhooks?limit=2&cursor={first['next_cursor']}").body
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == (["c"], None)
    assert ids("position=Sale") == ["b"]
    assert ids("enabled=false") == ["c"]
    assert ids("text=alpha") == ["a", "b"]
    assert {*account.get("webhooks?cursor=x").faults} == {"cursor"}
    assert {*account.get("webhooks?colour=red").faults} == {"colour"}


def test_triggers_and_sources_have_the_same_operations(account):
    for kind, body in (("triggers", TRIGGER), ("sources", {"name": "Web", "mapping": []})):
        made = account.post(kind, {"id": "one", **body})
        assert (made.status, made.body["warnings"]) == (201, [])
        assert account.put(f"{kind}/one", {**body, "name": "New"}).body["name"] == "New"
        assert account.patch(f"{kind}/one", {"description": "x"}).body["version"] == 3
        assert account.post(f"{kind}/one/disable").body["enabled"] is False
        assert [it["id"] for it in account.get(f"{kind}?enabled=false").body["items"]] == ["one"]
        assert account.delete(f"{kind}/one").status == 204
    wrong = account.post("triggers", {"name": "x", "actions": [{"type": "run_webhook"}]})
    assert {*wrong.faults} == {"actions[0].webhook_id"}
    unknown = {"type": "run_webhook", "webhook_id": "none"}
    assert {*account.post("triggers", {"name": "x", "actions": [unknown]}).faults} == {
        "actions[0].webhook_id"
    }


def test_ctms_names_and_paths_are_understood(account):
    given = {
        "weburl": "https://crm.example.com/in",
        "position": "start",
        "name": "CRM",
        "with_resource_url": True,
        "username": "u",
        "password": "hunter3",
        "hooktype": "call",
    }
    made = account.post("webhooks.json", given)
    assert made.status == 201
    assert made.body["status"] == "success"
    assert [warning["field"] for warning in made.body["warnings"]] == ["hooktype"]
    answered = made.body["webhook"]
    assert answered["weburl"] == "https://crm.example.com/in"
    assert (answered["position"], answered["with_resource_url"]) == ("starts", True)
    assert (answered["disabled"], answered["username"]) == (False, "u")
    path = f"webhooks/{answered['id']}.json"

    account.patch(f"webhooks/{answered['id']}", {"retry": {"schedule": ["5s"]}})
    changed = account.put(path, {**answered, "disabled": True})
    assert (changed.status, changed.body["enabled"]) == (200, False)
    assert changed.body["retry"]["schedule"] == ["5s"]
    kept = opened(account.stored(record_id=answered["id"]), (NEW,))
    assert kept.basic_auth.password == "hunter3"
    listed = account.get("webhooks.json?page=1&per_page=1").body
    assert (listed["total_entries"], listed["total_pages"]) == (1, 1)
    assert listed["webhooks"] == [changed.body["webhook"]]
    assert account.get("webhooks.json?page=2").body["webhooks"] == []
    assert account.get(path).body["webhook"] == changed.body["webhook"]
    assert account.patch(path, {"disabled": False}).body["enabled"] is True
    assert account.delete(path).body == {"status": "deleted", "id": answered["id"]}
    assert account.get(path).status == 404
