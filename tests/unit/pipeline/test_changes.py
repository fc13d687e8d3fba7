"""The plan of an apply: what is created, updated, deleted and left, and how it is shown."""

import pytest

from pipeline.changes import SHOWN_CHARACTERS_MAX, plan_changes
from pipeline.configs import Configs
from schemas.codec import decode
from schemas.config import ConfigKey
from schemas.webhook import Webhook
from tests.support.builders import (
    a_key,
    a_replay,
    a_rerun,
    a_source,
    a_trigger,
    a_webhook,
    an_account,
)
from tests.support.configs import keep

NOW = "2026-05-01T23:48:05.000Z"
LATER = "2026-05-02T23:48:05.000Z"
SECRET = "whsec_" + "c2VjcmV0" * 4


def plan(wanted, configs=None, *, now=NOW, prune=False):
    return plan_changes(wanted, configs or Configs(), now=now, prune=prune)


def carry_out(planned, configs):
    for key, value in planned.writes():
        assert configs.apply(key, value, configs.offset + 1) == ()
    return configs


def after(*records):
    return carry_out(plan(records), Configs())


def test_what_is_not_there_yet_is_created_as_version_1():
    planned = plan([an_account(), a_webhook()])
    assert [change.action for change in planned.changes] == ["create", "create"]
    (_, (key, value)) = planned.writes()
    assert key == b"25/webhook/crm"
    webhook = decode(Webhook, value)
    assert (webhook.version, webhook.created_at, webhook.updated_at) == (1, NOW, NOW)


def test_what_is_as_it_should_be_is_left_alone():
    records = [an_account(), a_webhook(), a_trigger(), a_source()]
    planned = plan(records, after(*records), now=LATER)
    assert planned.count("unchanged") == 4
    assert list(planned.writes()) == []
    assert list(planned.lines()) == []


def test_a_change_makes_the_next_version_and_keeps_the_day_of_creation():
    configs = after(a_webhook())
    planned = plan([a_webhook(enabled=False)], configs, now=LATER)
    (change,) = planned.changes
    assert change.action == "update"
    webhook = change.record
    assert (webhook.version, webhook.created_at, webhook.updated_at) == (2, NOW, LATER)
    assert list(planned.lines()) == ["~ webhook 25/crm", "    enabled: true -> false"]


def test_a_field_left_out_takes_its_default_again():
    configs = after(a_webhook(timeout_s=5, description="old"))
    planned = plan([a_webhook()], configs)
    assert sorted(str(field) for field in planned.changes[0].fields) == [
        'description: "old" -> ""',
        "timeout_s: 5 -> 10",
    ]


def test_each_field_that_differs_has_a_line_of_its_own():
    before = a_webhook(filter={"all": [{"field": "talk_time", "op": "gte", "value": 30}]})
    wanted = a_webhook(
        filter={"all": [{"field": "talk_time", "op": "gt", "value": 30}]},
        retry={"schedule": ["5s"]},
        failure_trigger={"trigger_id": "t"},
    )
    lines = list(plan([wanted], after(before)).lines())
    assert '    filter.any[0].all[0].op: "gte" -> "gt"' in lines
    assert '    retry.schedule[1]: "30s" -> (none)' in lines
    assert '    failure_trigger.trigger_id: "t"' in lines
    assert not any("value" in line for line in lines)


def test_a_new_record_shows_only_what_is_not_as_by_default():
    lines = list(plan([an_account(), a_webhook()]).lines())
    assert lines == [
        "+ account 25",
        '    name: "Denver Doors"',
        "+ webhook 25/crm",
        '    name: "Calls to the CRM"',
        '    position: "end"',
        '    url: "https://crm.example.com/in"',
    ]


def test_secrets_are_never_shown_neither_old_nor_new():
    before = a_webhook(
        basic_auth={"username": "u", "password": "hunter1"},
        headers=[{"name": "X-Key", "value": "hunter2"}],
    )
    wanted = a_webhook(
        basic_auth={"username": "u", "password": "hunter3"},
        signing={"scheme": "standard", "secrets": [SECRET]},
    )
    text = "\n".join((*plan([before]).lines(), *plan([wanted], after(before)).lines()))
    assert "hunter" not in text
    assert SECRET not in text
    assert "basic_auth.password: (secret)\n" in text
    assert "basic_auth.password: (secret) -> (another secret)" in text
    assert "headers[0].value: (secret) -> (none)" in text
    assert "signing.secrets[0]: (secret)" in text


def test_a_secret_that_was_kept_in_plain_is_shown_to_be_encrypted_now():
    def with_password(password):
        return a_webhook(basic_auth={"username": "u", "password": password})

    sealed, again = with_password("sealed:k:QUJD"), with_password("sealed:k:RUZH")
    for before, wanted, shown in (
        (with_password("plain"), sealed, "(secret) -> (encrypted now)"),
        (with_password(""), sealed, "(secret) -> (another secret)"),
        (sealed, again, "(secret) -> (another secret)"),
        (sealed, with_password("plain"), "(secret) -> (another secret)"),
    ):
        (change,) = plan([wanted], after(before)).changes
        assert [str(field) for field in change.fields] == [f"basic_auth.password: {shown}"]


def test_long_values_are_cut():
    (_, line) = list(plan([a_webhook(description="x" * 2000)]).lines())[0:2]
    (shown,) = [
        f
        for f in plan([a_webhook(description="x" * 2000)]).changes[0].fields
        if f.field == "description"
    ]
    assert line.startswith("    name")
    assert len(shown.after) == SHOWN_CHARACTERS_MAX + 1


def test_what_the_document_does_not_mention_stays_unless_pruned():
    configs = after(an_account(), a_webhook(), a_webhook(id="old"), a_trigger(), a_source())
    planned = plan([an_account(), a_webhook()], configs)
    assert planned.count("delete") == 0
    assert planned.unlisted == (
        ConfigKey(25, "source", "web-form"),
        ConfigKey(25, "trigger", "tell-sales"),
        ConfigKey(25, "webhook", "old"),
    )
    pruned = plan([an_account(), a_webhook()], configs, prune=True)
    assert pruned.unlisted == ()
    assert [str(c.key) for c in pruned.changes if c.action == "delete"] == [
        "25/source/web-form",
        "25/trigger/tell-sales",
        "25/webhook/old",
    ]
    assert (b"25/webhook/old", None) in list(pruned.writes())
    assert "- webhook 25/old" in pruned.lines()
    carry_out(pruned, configs)
    assert configs.webhook(25, "old") is None
    assert configs.webhook(25, "crm") is not None


def test_pruning_spares_other_accounts_access_keys_reruns_and_replays():
    other = [an_account(id=26), a_webhook(account_id=26)]
    configs = carry_out(plan([an_account(), *other]), Configs())
    keep(configs, a_key(), a_rerun(), a_replay())
    planned = plan([an_account()], configs, prune=True)
    assert planned.count("delete") == 0


@pytest.mark.parametrize("description", ["", "new"])
def test_a_source_keeps_its_token_which_no_document_holds(description):
    with_token = a_source(token_hash="ab" * 32)
    planned = plan([a_source(description=description)], after(with_token))
    (change,) = planned.changes
    assert change.action == ("update" if description else "unchanged")
    assert all(field.field != "token_hash" for field in change.fields)
    if change.record:
        assert change.record.token_hash == with_token.token_hash


def test_a_token_given_in_the_document_replaces_the_old_one_unseen():
    (change,) = plan(
        [a_source(token_hash="cd" * 32)], after(a_source(token_hash="ab" * 32))
    ).changes
    assert [str(field) for field in change.fields] == ["token_hash: (secret) -> (another secret)"]
