"""Writes of one record by several at once, and secrets in what is written."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from agents.api import records
from agents.configs.topic import ConfigTopic
from agents.configs.view import read_configs
from agents.sealing.keys import new_nonce
from pipeline.changes import plan_changes
from pipeline.requests import MASK
from pipeline.sealing import has_sealed_secrets, opened, sealed_anew
from schemas.config import ConfigKey
from tests.support.builders import a_webhook
from tests.support.commands import NEW, OLD
from tests.support.owners import SECRETS, WEBHOOK, Owner, an_api_without_agents
from tests.support.waiting import eventually

NUMBERS = count(100)
READ_S = 20


@pytest.fixture(scope="module")
def api(prepared, tmp_path_factory):
    with an_api_without_agents(prepared, tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def account(api):
    """An account of the test's own."""
    return Owner(api, next(NUMBERS))


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
