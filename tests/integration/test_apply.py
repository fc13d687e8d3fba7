"""`hookline apply` against a real broker: what it writes, waits for, refuses and says."""

import json
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from agents.cli.apply import apply as command
from agents.configs import topic as config_topic
from agents.configs.view import ConfigReader, read_configs
from agents.kafka.clients import producer_config
from pipeline.configs import CONFIG_STALENESS_MS_MAX
from pipeline.sealing import opened
from pipeline.secret_keys import SecretKey, written
from schemas.topics import CONFIGS

KEY = SecretKey("k", b"k" * 32)
DOCUMENT = """\
accounts:
  - id: 25
    name: Denver Doors
    time_zone: America/Denver
    webhooks:
      - id: crm
        name: Calls to the CRM
        position: End
        url: https://crm.example.com/in
        filter: {all: [{field: Talk Time, op: gte, value: 30}]}
        basic_auth: {username: hookline, password: hunter2}
      - {id: old, name: Old, position: sale, url: "https://old.example.com/in"}
    triggers:
      - {id: tell, name: Tell, actions: [{type: text, to: [+15551234567]}]}
"""
WITHOUT_OLD = "".join(line for line in DOCUMENT.splitlines(keepends=True) if "id: old" not in line)
REFERS = """\
accounts:
  - id: 25
    name: Denver Doors
    webhooks:
      - id: other
        name: Other
        position: end
        url: https://other.example.com/in
        failure_trigger: {trigger_id: tell}
"""
FOUR_FAULTS = """\
accounts:
  - id: 25
    name: Denver Doors
    webhooks:
      - id: Not An Id
        name: Wrong
        position: the end
        url: ftp://crm.example.com
        failure_trigger: {trigger_id: nobody}
"""


@pytest.fixture
def settings(prepared):
    return prepared


@pytest.fixture
def account_id():
    return uuid4().int % 10**12 + 1


@pytest.fixture
def run(settings, account_id, tmp_path):
    """Apply a document, with the test's account id in it; what the command said and its code."""

    def run_apply(text, *options, **environment):
        file = tmp_path / "config.yaml"
        file.write_text(text.replace("id: 25", f"id: {account_id}"))
        return CliRunner().invoke(
            command, [str(file), *options], env=environment_of(settings) | environment
        )

    return run_apply


def environment_of(settings):
    return {
        "HOOKLINE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "HOOKLINE_TOPIC_PREFIX": settings.topic_prefix,
        "HOOKLINE_SECRET_KEYS": written(KEY),
    }


def end_offset(settings):
    reader = ConfigReader(settings)
    try:
        return reader.end_offset()
    finally:
        reader.close()


def test_what_was_applied_can_be_read_by_everyone(run, settings, account_id):
    result = run(DOCUMENT)
    assert result.exit_code == 0, result.output
    assert f"+ webhook {account_id}/crm" in result.stdout
    assert "4 created, 0 updated, 0 deleted, 0 unchanged; in effect" in result.stdout
    assert "hunter2" not in result.output
    configs = read_configs(settings)
    assert configs.account(account_id).time_zone == "America/Denver"
    assert configs.trigger(account_id, "tell").actions[0].to == ("+15551234567",)
    (held,) = configs.webhooks_at(account_id, "end")
    assert opened(held.webhook, (KEY,)).basic_auth.password == "hunter2"
    assert held.webhook.version == 1
    assert held.webhook.created_at.endswith("Z")
    assert held.filter.accepts({"talk_time": 30})


def test_applying_again_writes_nothing(run, settings):
    run(DOCUMENT)
    end = end_offset(settings)
    result = run(DOCUMENT)
    assert result.stdout == "0 created, 0 updated, 0 deleted, 4 unchanged; in effect\n"
    assert end_offset(settings) == end


def test_a_dry_run_shows_the_changes_and_writes_nothing(run, settings, account_id):
    end = end_offset(settings)
    result = run(DOCUMENT, "--dry-run")
    assert result.exit_code == 0
    assert f"+ account {account_id}" in result.stdout
    assert "(dry run: nothing was written)" in result.stdout
    assert end_offset(settings) == end


def test_a_change_is_shown_by_field_and_what_is_unlisted_stays_until_pruned(
    run, settings, account_id
):
    run(DOCUMENT)
    changed = run(WITHOUT_OLD.replace("value: 30", "value: 60"))
    assert "    filter.any[0].all[0].value: 30 -> 60\n" in changed.stdout
    assert f"webhook {account_id}/old is not in the file and stays (--prune)" in changed.stdout
    assert read_configs(settings).webhook(account_id, "old") is not None
    pruned = run(WITHOUT_OLD.replace("value: 30", "value: 60"), "--prune")
    assert f"- webhook {account_id}/old" in pruned.stdout
    configs = read_configs(settings)
    assert configs.webhook(account_id, "old") is None
    assert configs.webhook(account_id, "crm").version == 2


def test_all_faults_are_told_with_their_lines_and_nothing_is_written(run, settings, tmp_path):
    end = end_offset(settings)
    result = run(FOUR_FAULTS)
    assert result.exit_code == 1
    places = [
        line.removeprefix(str(tmp_path)).split(": ")[:2] for line in result.stderr.splitlines()
    ]
    assert places[:4] == [
        ["/config.yaml:5", "accounts[0].webhooks[0].id"],
        ["/config.yaml:7", "accounts[0].webhooks[0].position"],
        ["/config.yaml:8", "accounts[0].webhooks[0].url"],
        ["/config.yaml:9", "accounts[0].webhooks[0].failure_trigger.trigger_id"],
    ]
    assert result.stderr.splitlines()[4] == "hookline: 4 faults, nothing was written"
    assert result.stdout == ""
    assert end_offset(settings) == end


def test_a_file_that_is_no_yaml_is_refused_with_its_line(run):
    result = run("accounts:\n  - id: 1\n  - id: [")
    assert result.exit_code == 1
    assert "config.yaml:3: not YAML" in result.stderr


def test_a_name_may_refer_to_what_was_applied_before_unless_it_is_pruned_now(run):
    missing = run(REFERS)
    assert missing.exit_code == 1
    assert "there is no trigger 'tell'" in missing.stderr
    run(DOCUMENT)
    assert run(REFERS, "--prune").exit_code == 1
    assert run(REFERS).exit_code == 0


def test_the_result_is_one_json_object_when_asked_for(run, settings, account_id):
    applied = json.loads(run(DOCUMENT, "--json").stdout)
    assert (applied["applied"], applied["created"], applied["deleted"]) == (True, 4, 0)
    assert applied["config_offset"] == end_offset(settings) - 1
    assert f"{account_id}/webhook/crm" in [change["key"] for change in applied["changes"]]
    assert json.loads(run(DOCUMENT, "--json", "--dry-run").stdout)["applied"] is False
    refused = run(FOUR_FAULTS, "--json")
    assert refused.exit_code == 1
    assert [fault["line"] for fault in json.loads(refused.stdout)["faults"]] == [5, 7, 8, 9]


def test_two_webhooks_with_one_url_are_warned_about_and_applied(run):
    result = run(DOCUMENT.replace("https://old.", "https://crm."))
    assert result.exit_code == 0
    assert ":9: warning: accounts[0].webhooks[0].url: the same URL is used by old" in result.stderr


def test_what_cannot_be_known_yet_is_warned_about_at_its_line_and_applied(run):
    early = DOCUMENT.replace("position: End", "position: starts")
    result = run(early.replace("crm.example.com/in", "crm.example.com/in?s={{talk_time}}"))
    assert result.exit_code == 0
    assert ":9: warning: accounts[0].webhooks[0].url: talk_time is not known yet" in result.stderr


def test_plain_http_needs_the_setting(run):
    plain = DOCUMENT.replace("https://old.", "http://old.")
    assert run(plain).exit_code == 1
    assert run(plain, HOOKLINE_ALLOW_HTTP="true").exit_code == 0


def test_a_document_comes_from_standard_input_too(settings, account_id):
    result = CliRunner().invoke(
        command,
        ["-"],
        input=DOCUMENT.replace("id: 25", f"id: {account_id}").encode(),
        env=environment_of(settings),
    )
    assert result.exit_code == 0
    assert read_configs(settings).account(account_id) is not None


def test_a_record_that_nobody_can_read_is_replaced(run, settings, account_id):
    producer = Producer(producer_config(settings))
    producer.produce(settings.topic(CONFIGS), b"not json", f"{account_id}/webhook/crm".encode())
    assert producer.flush(10) == 0
    assert run(DOCUMENT).exit_code == 0
    assert read_configs(settings).webhook(account_id, "crm") is not None


def test_it_returns_only_when_every_matcher_had_the_time_to_see_the_change(run, monkeypatch):
    slept_s = []
    monkeypatch.setattr(config_topic.time, "sleep", slept_s.append)
    assert run(DOCUMENT).exit_code == 0
    assert slept_s == [2 * CONFIG_STALENESS_MS_MAX / 1_000]


def test_thousands_of_webhooks_go_in_at_once(run, settings, account_id):
    line = "      - {id: w%d, name: n, position: end, url: 'https://h.example.com/%d'}\n"
    many = "accounts:\n  - id: 25\n    name: Many\n    webhooks:\n"
    result = run(many + "".join(line % (n, n) for n in range(2_500)))
    assert result.exit_code == 0, result.output
    assert len(read_configs(settings).webhooks_at(account_id, "end")) == 2_500
