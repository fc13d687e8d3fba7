"""`hookline render`: the request it prints, and what it says when there is none."""

import json
import sys
from base64 import b64encode

import pytest

from agents.cli import main
from agents.sealing.keys import new_key, new_nonce
from pipeline.sealing import sealed_anew
from tests.support.builders import a_webhook, an_activity

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
CONFIG = {
    "accounts": [
        {
            "id": 25,
            "name": "Denver Doors",
            "snippets": {"who": '"who": "{{caller_number}}", "said": "{{said}}"'},
            "webhooks": [
                {
                    "id": "crm",
                    "name": "CRM",
                    "position": "end",
                    "url": "https://crm.example.com/{{source}}/in?caller={{caller_number}}",
                    "format": {"kind": "mustache", "template": '{ {{>who}}, "n": {{note}} }'},
                    "headers": [{"name": "X-Api-Key", "value": "sesame"}],
                    "basic_auth": {"username": "hook", "password": "sesame"},
                    "signing": {"scheme": "standard", "secrets": [SECRET]},
                },
                {
                    "id": "pixel",
                    "name": "Pixel",
                    "position": "route",
                    "method": "GET",
                    "body_type": "pixel",
                    "url": "https://px.example.com/:callid",
                },
                {
                    "id": "week",
                    "name": "Week",
                    "position": "end",
                    "url": "https://week.example.com/",
                    "format": {"kind": "timeseries_7d"},
                },
            ],
        },
        {
            "id": 26,
            "name": "Boulder Doors",
            "webhooks": [
                {
                    "id": "pixel",
                    "name": "Pixel",
                    "position": "end",
                    "url": "https://b.example.com/",
                },
                {
                    "id": "long",
                    "name": "Long",
                    "position": "end",
                    "url": "https://b.example.com/{{note}}",
                },
            ],
        },
    ]
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The whole command line: exit code, standard output and standard error."""

    def run_hookline(webhook, *options, config=CONFIG, activity=None):
        given = an_activity(note=7) if activity is None else activity
        (tmp_path / "config.yaml").write_text(
            config if isinstance(config, str) else json.dumps(config)
        )
        (tmp_path / "activity.json").write_text(
            given if isinstance(given, str) else json.dumps(given)
        )
        arguments = ["render", "config.yaml", "--webhook", webhook, *options]
        if "--activity" not in options:
            arguments += ["--activity", "activity.json"]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["hookline", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return run_hookline


def test_it_prints_the_request_with_its_secrets_masked(run):
    code, out, err = run("crm")
    head, _, body = out.partition("\n\n")
    line, *headers = head.split("\n")
    assert (code, err) == (0, "")
    assert line == "POST https://crm.example.com/Google%20Ads/in?caller=%2B17205550123"
    assert "Content-Type: application/json" in headers
    assert {"X-Api-Key: •••", "Authorization: •••"} < {*headers}
    assert any(header.startswith("webhook-signature: v1,") for header in headers)
    assert json.loads(body) == {"who": "+17205550123", "said": "", "n": 7}
    assert "sesame" not in out


def test_it_prints_json_with_the_whole_body(run):
    said = "é" * 100_000
    _, out, _ = run("crm", "--json", activity=an_activity(note=[7], said=said))
    request = json.loads(out)
    assert request["method"] == "POST"
    assert ["X-Api-Key", "•••"] in request["headers"]
    assert json.loads(request["body"]) == {"who": "+17205550123", "said": said, "n": [7]}
    assert request["body_bytes"] == len(request["body"].encode())


@pytest.mark.parametrize("shape", ["activity", "call"])
def test_it_takes_an_event_as_publish_does(run, shape):
    event = {shape: {**an_activity(note=7), "account_id": 99, "phase": "starts"}, "phase": "starts"}
    assert json.loads(run("crm", "--json", activity=event)[1])["body_bytes"] > 0


def test_a_pixel_has_no_body_and_an_account_may_have_to_be_named(run):
    code, _, err = run("pixel")
    assert (code, err) == (
        1,
        "hookline: the accounts 25, 26 each have a webhook 'pixel': choose with --account\n",
    )
    code, out, _ = run("pixel", "--account", "25")
    assert out.startswith("GET https://px.example.com/4379952365\n")
    assert out.endswith("\n\n")


def test_sealed_secrets_are_opened_with_the_keys_there_are(run, monkeypatch):
    key = new_key()
    sealed = sealed_anew(a_webhook(signing={"secrets": [SECRET]}), (key,), new_nonce)
    webhook = sealed.model_dump(include={"id", "name", "position", "url", "signing"})
    config = {"accounts": [{"id": 25, "name": "Denver Doors", "webhooks": [webhook]}]}
    code, _, err = run("crm", config=json.dumps(config))
    assert code == 1
    assert f"signing.secrets[0]: it is sealed with the key {key.id}" in err
    monkeypatch.setenv("HOOKLINE_SECRET_KEYS", f"{key.id}:{b64encode(key.key).decode()}")
    assert "webhook-signature: v1," in run("crm", config=json.dumps(config))[1]


@pytest.mark.parametrize(
    ("webhook", "given", "said"),
    [
        ("nobody", {}, "there is no webhook 'nobody'; there are: crm, pixel, week, long"),
        ("week", {}, "webhook week: a time-based format is made of the account's history"),
        (
            "crm",
            {"activity": an_activity(note="a,b")},
            "format.template: line 1, column 18: a text",
        ),
        ("crm", {"activity": an_activity()}, "format.template: line 1, column 44: the result is"),
        ("long", {"activity": an_activity(note="x" * 9_000)}, "webhook long: url: the URL has"),
        ("crm", {"activity": "{"}, "activity.json: not JSON: EOF while parsing an object"),
        ("crm", {"activity": "[]"}, "activity.json: an activity must be an object"),
        ("crm", {"activity": "{}"}, "activity.json: activity.id: must be an integer"),
        ("crm", {"activity": " " * (2**20 + 1)}, "activity.json: more than the 1048576 bytes"),
        ("crm", {"config": "accounts: []"}, "config.yaml:1: accounts: must be a list"),
        ("crm", {"config": "a: b: c"}, "config.yaml:1: not YAML"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_a_line(run, webhook, given, said):
    code, out, err = run(webhook, **given)
    assert (code, out) == (1, "")
    assert said in err


def test_an_account_without_the_webhook_says_so(run):
    assert "there is no webhook 'crm' in account 26" in run("crm", "--account", "26")[2]


def test_standard_input_is_one_of_the_two_files_at_most(monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["hookline", "render", "-", "--webhook", "crm", "--activity", "-"]
    )
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "standard input" in capsys.readouterr().err
