"""Webhooks, triggers and sources through the API, on a real broker."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from agents.api import records, writing
from agents.configs.topic import ConfigTopic
from agents.configs.view import read_configs
from agents.sealing.keys import new_nonce
from pipeline.changes import plan_changes
from pipeline.requests import MASK
from pipeline.sealing import has_sealed_secrets, opened, sealed_anew
from pipeline.secret_keys import written
from schemas.config import ConfigKey
from tests.support.api import an_api
from tests.support.builders import a_webhook
from tests.support.commands import NEW, OLD
from tests.support.waiting import eventually

READ_S = 20

WEBHOOK = {"name": "CRM", "position": "end", "url": "https://crm.example.com/in"}
EMAIL = {"type": "email", "to": ["it@example.com"]}
TRIGGER = {"name": "Tell", "actions": [EMAIL]}
SECRETS = {
    "headers": [{"name": "X-Key", "value": "hunter2"}],
    "basic_auth": {"username": "u", "password": "hunter3"},
    "signing": {"scheme": "ctm", "secrets": ["hunter4"]},
}


@pytest.fixture(scope="module")
def api(prepared, tmp_path_factory):
    ours = {"secret_keys": written(NEW), "data_dir": tmp_path_factory.mktemp("data")}
    with pytest.MonkeyPatch.context() as patch, an_api(prepared.model_copy(update=ours)) as made:
        patch.setattr(writing, "CONFIG_STALENESS_MS_MAX", 0)  # there are no agents to wait for
        yield made


@pytest.fixture
def account(api):
    """An account of the test's own."""
    return Owner(api, next(_NUMBERS))


_NUMBERS = count(100)


class Owner:
    """An account: a client of it, and what is on the topic."""

    def __init__(self, api, number):
        self.api, self.id = api, number
        self.client = api.account(number).below(f"accounts/{number}/")

    def __getattr__(self, method):
        return getattr(self.client, method)

    def stored(self, kind="webhook", record_id="crm"):
        return read_configs(self.api.settings).get(ConfigKey(self.id, kind, record_id))

    def other_process(self, record):
        """Another process writes, here and now."""
        with ConfigTopic(self.api.settings) as topic:
            topic.write(plan_changes([record], topic.configs, now="now").writes())


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


def test_a_change_of_another_version_is_refused(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    changes = [
        account.patch("webhooks/crm", {"name": "X"}, if_match='"2"'),
        account.put("webhooks/crm", {**WEBHOOK, "name": "X"}, if_match='"2"'),
        account.delete("webhooks/crm", if_match='"2"'),
        account.post("webhooks/crm/disable", if_match='"2"'),
        account.post("webhooks/crm/secrets/rotate", if_match='"2"'),
    ]
    assert {change.status for change in changes} == {412}
    assert account.patch("webhooks/crm", {"name": "X"}, if_match='"1"').body["version"] == 2


def test_of_many_changes_of_one_version_exactly_one_is_made(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    with ThreadPoolExecutor(8) as pool:
        answers = [
            *pool.map(
                lambda number: account.patch(
                    "webhooks/crm", {"name": f"N{number}"}, if_match='"1"'
                ),
                range(8),
            )
        ]
    assert sorted(answer.status for answer in answers) == [200, *([412] * 7)]
    (won,) = [answer for answer in answers if answer.status == 200]
    assert account.get("webhooks/crm").body == won.body


def test_changes_of_different_fields_at_once_are_all_made(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    patches = [{"name": "New"}, {"timeout_s": 3}, {"ordered": True}, {"enabled": False}]
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda patch: account.patch("webhooks/crm", patch), patches)]
    assert {answer.status for answer in answers} == {200}
    after = account.get("webhooks/crm").body
    assert after["version"] == 5
    assert all(after[name] == value for patch in patches for name, value in patch.items())


def test_a_change_that_another_process_made_meanwhile_is_kept(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    theirs = a_webhook(**WEBHOOK, account_id=account.id, description="theirs")
    asked = []

    def decide(configs):
        asked.append(configs.webhook(account.id, "crm"))
        if len(asked) == 1:  # between the decision and its write
            account.other_process(theirs)
        return plan_changes(
            [asked[-1].model_copy(update={"name": "Ours"})], configs, now="later"
        ).changes

    writer = account.api.service.services.writer
    done = asyncio.run_coroutine_threadsafe(writer.write(account.id, decide), account.api.loop)
    written_now = done.result(10)
    assert [it.description for it in asked] == ["", "theirs"]
    after = account.stored()
    assert (after.name, after.description, after.version) == ("Ours", "theirs", 3)
    assert written_now.changes[0].record == after


def test_a_record_that_another_process_deleted_meanwhile_stays_deleted(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    key = ConfigKey(account.id, "webhook", "crm")
    asked = []

    def decide(configs):
        record = records.existing(configs, key, None)
        asked.append(record)
        with ConfigTopic(account.api.settings) as topic:
            topic.write([(str(key).encode(), None)])
        return plan_changes([record.model_copy(update={"name": "X"})], configs, now="x").changes

    writer = account.api.service.services.writer
    done = asyncio.run_coroutine_threadsafe(writer.write(account.id, decide), account.api.loop)
    assert done.exception(10).status == 404
    assert len(asked) == 1
    assert account.stored() is None


def test_records_are_put_and_deleted_without_being_asked_about(account):
    writer, loop = account.api.service.services.writer, account.api.loop
    webhook = a_webhook(account_id=account.id)
    offset = asyncio.run_coroutine_threadsafe(writer.put(webhook, "now"), loop).result(10)
    assert read_configs(account.api.settings).offset >= offset
    key = ConfigKey(account.id, "webhook", "crm")
    missing = ConfigKey(account.id, "webhook", "none")
    asyncio.run_coroutine_threadsafe(writer.delete([key, missing]), loop).result(10)
    assert account.stored() is None


def test_secrets_are_sealed_masked_and_kept_by_their_mask(account):
    made = account.post("webhooks", {"id": "crm", **WEBHOOK, **SECRETS})
    assert made.status == 201
    assert made.body["headers"] == [{"name": "X-Key", "value": MASK}]
    assert made.body["basic_auth"] == {"username": "u", "password": MASK}
    assert made.body["signing"] == {"scheme": "ctm", "secrets": [MASK]}
    kept = account.stored()
    assert has_sealed_secrets(kept)

    put = account.put("webhooks/crm", {**made.body, "name": "Other"})
    assert (put.status, put.body["version"]) == (200, 2)
    account.patch("webhooks/crm", {"signing": {"secrets": ["hunter5"]}})
    after = account.stored()
    assert (after.headers, after.basic_auth) == (kept.headers, kept.basic_auth)
    plain = opened(after, (NEW,))
    assert (plain.headers[0].value, plain.basic_auth.password) == ("hunter2", "hunter3")
    assert plain.signing.secrets == ("hunter5",)


def test_a_mask_without_a_secret_behind_it_is_refused(account):
    answer = account.post("webhooks", {**WEBHOOK, "headers": [{"name": "X", "value": MASK}]})
    (field,) = answer.faults
    assert (answer.status, field) == (422, "headers[0].value")


def test_a_webhook_can_be_disabled_whatever_else_is_wrong_with_it(account):
    faulty = a_webhook(account_id=account.id, url="http://10.0.0.1/in", **SECRETS)
    account.other_process(sealed_anew(faulty, (OLD,), new_nonce))
    eventually(lambda: account.get("webhooks/crm").status == 200, READ_S)
    disabled = account.post("webhooks/crm/disable")
    assert (disabled.status, disabled.body["enabled"]) == (200, False)
    assert {fault["field"] for fault in disabled.body["warnings"]} == {"url"}
    assert account.post("webhooks/crm/enable").status == 422
    mended = account.patch("webhooks/crm", {"url": "https://crm.example.com/in"})
    assert (mended.status, mended.body["version"]) == (200, 3)
    new = account.patch("webhooks/crm", {"basic_auth": {"password": "hunter9"}})
    assert {*new.faults} == {"headers[0].value", "signing.secrets[0]"}


def test_a_rotated_secret_is_shown_once_and_signs_beside_the_old_one(account):
    first = "whsec_" + "A" * 32
    signing = {"scheme": "standard", "secrets": [first]}
    account.post("webhooks", {"id": "crm", **WEBHOOK, "signing": signing})
    rotated = account.post("webhooks/crm/secrets/rotate")
    new = rotated.body["secret"]
    assert (rotated.status, rotated.body["secrets"], rotated.body["version"]) == (200, 2, 2)
    assert opened(account.stored(), (NEW,)).signing.secrets == (new, first)
    assert new not in account.get("webhooks/crm").text

    account.patch("webhooks/crm", {"signing": {"secrets": [MASK]}})
    assert opened(account.stored(), (NEW,)).signing.secrets == (new,)
    for _ in range(4):
        last = account.post("webhooks/crm/secrets/rotate").body
    assert last["secrets"] == 4
    alone = account.post("webhooks/crm/secrets/rotate", {"keep": 0}).body
    assert opened(account.stored(), (NEW,)).signing.secrets == (alone["secret"],)


def test_a_webhook_that_signs_with_none_begins_to_and_ctm_has_one_secret(account):
    account.post("webhooks", {"id": "crm", **WEBHOOK})
    assert account.post("webhooks/crm/secrets/rotate").body["scheme"] == "standard"
    account.post("webhooks", {"id": "old", **WEBHOOK, **SECRETS})
    rotated = account.post("webhooks/old/secrets/rotate").body
    assert (rotated["scheme"], rotated["secrets"]) == ("ctm", 1)
    assert opened(account.stored(record_id="old"), (NEW,)).signing.secrets == (rotated["secret"],)


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
