"""`hookline accounts`, `webhooks`, `triggers`, `deliveries` and `keys` against a running API."""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

import pytest
import structlog
from click.testing import CliRunner

from agents.cli.accounts import accounts
from agents.cli.deliveries import deliveries
from agents.cli.keys import keys
from agents.cli.triggers import triggers
from agents.cli.webhooks import webhooks
from agents.errors import OperationError
from agents.history.engine import Database
from agents.history.schema import bring_up_to_date
from agents.up import state
from tests.support.api import Api, an_api
from tests.support.builders import a_trigger, a_webhook, an_attempt, an_event
from tests.support.histories import record

ACCOUNT = 25
SENT = {"method": "POST", "url": "https://x.example.com/", "headers": [], "body": "{}"}
EVENT = an_event()
FAILED = an_attempt(
    event_id=EVENT.event_id,
    outcome="failed",
    reason="http_503",
    request={**SENT, "body_bytes": 2},
    response={"status": 503},
)


class Line(NamedTuple):
    """A command line that is pointed at an API with a key."""

    api: Api
    key: str

    def run(self, command, *words, key=None, url=None):
        environment = {
            "HOOKLINE_API_KEY": self.key if key is None else key,
            "HOOKLINE_PUBLIC_URL": url or f"http://127.0.0.1:{self.api.port}",
            "HOOKLINE_DATA_DIR": str(self.api.settings.data_dir),
        }
        return CliRunner().invoke(command, words, env=environment)

    def printed(self, command, *words, **how):
        result = self.run(command, *words, **how)
        assert result.exit_code == 0, result.exception or result.output
        return result.stdout

    def told(self, command, *words):
        return json.loads(self.printed(command, *words, "--json"))

    def refused(self, command, *words, **how):
        result = self.run(command, *words, **how)
        assert isinstance(result.exception, OperationError), result.output
        return str(result.exception)


@pytest.fixture(scope="module")
def logged_apart():
    """The API runs in this process: its log must not stand in what a command prints."""
    before = structlog.get_config()["logger_factory"]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.configure(logger_factory=before)


@pytest.fixture(scope="module")
def line(logged_apart, prepared, tmp_path_factory):  # noqa: ARG001 - before the API begins
    settings = prepared.model_copy(update={"data_dir": tmp_path_factory.mktemp("commands")})
    database = Database(settings)
    bring_up_to_date(database)
    record(database, EVENT)
    record(database, FAILED)
    database.close()
    with an_api(settings) as api:
        mine = api.account(ACCOUNT, name="Denver Doors").below(f"accounts/{ACCOUNT}/")
        wanted = a_webhook().model_dump(include={"id", "name", "position", "url"})
        assert mine.post("webhooks", wanted).status == 201
        wanted = a_trigger(positions=["end"]).model_dump(mode="json", exclude={"account_id"})
        assert mine.post("triggers", wanted).status == 201
        yield Line(api, api.admin.key)


def test_the_only_account_need_not_be_named(line):
    assert "Denver Doors" in line.printed(accounts, "list")
    assert line.told(accounts, "show", "25")["time_zone"] == "UTC"
    assert "Calls to the CRM" in line.printed(webhooks, "list")


def test_one_of_several_accounts_has_to_be_chosen(line):
    assert line.api.admin.post("accounts", {"id": 31, "name": "Other"}).status == 201

    try:
        said = line.refused(webhooks, "list")
        assert said == "choose one with --account: 25 (Denver Doors), 31 (Other)"
        assert line.printed(webhooks, "list", "--account", "31") == ""
    finally:
        assert line.api.admin.delete("accounts/31").status == 204


def test_a_key_of_an_account_says_which_account_it_is(line):
    own = line.printed(keys, "create", "reports", "--scope", "read").strip()

    assert "Calls to the CRM" in line.printed(webhooks, "list", key=own)
    assert "needs an admin key" in line.refused(accounts, "list", key=own)
    assert "scope write" in line.refused(webhooks, "disable", "crm", key=own)


def test_a_revoked_key_opens_nothing(line):
    own = line.printed(keys, "create", "old").strip()
    (made,) = [each for each in line.told(keys, "list") if each["name"] == "old"]

    assert line.printed(keys, "revoke", made["id"]) == f"key {made['id']} is revoked\n"
    said = line.refused(webhooks, "list", key=own)
    assert said.endswith("; give another with --key or HOOKLINE_API_KEY")


def test_an_admin_key_is_made_without_a_key(line):
    environment = {
        "HOOKLINE_BOOTSTRAP_SERVERS": line.api.settings.bootstrap_servers,
        "HOOKLINE_TOPIC_PREFIX": line.api.settings.topic_prefix,
    }
    made = CliRunner().invoke(keys, ["create", "ops", "--admin"], env=environment)

    assert "Denver Doors" in line.printed(accounts, "list", key=made.stdout.strip())
    mixed = CliRunner().invoke(keys, ["create", "ops", "--admin", "--account", "25"])
    assert (mixed.exit_code, "leave --account" in mixed.output) == (2, True)


def test_a_webhook_is_switched_off_and_on(line):
    assert line.printed(webhooks, "disable", "crm") == "webhook crm is disabled\n"
    assert line.told(webhooks, "show", "crm")["enabled"] is False
    assert line.printed(webhooks, "enable", "crm") == "webhook crm is enabled\n"
    assert "enabled" in line.printed(webhooks, "show", "crm")


def test_a_trigger_is_run_explained_and_switched_off_and_on(line):
    assert "Tell sales" in line.printed(triggers, "list")
    assert line.told(triggers, "show", "tell-sales")["positions"] == ["end"]
    (asked,) = line.told(triggers, "run", "tell-sales")["actions"]
    assert (asked["type"], asked["result"], asked["id"][:3]) == ("email", "asked", "nt_")
    assert "asked" in line.printed(triggers, "run", "tell-sales", "--activity", EVENT.activity_id)
    assert line.printed(triggers, "disable", "tell-sales") == "trigger tell-sales is disabled\n"
    assert "(disabled)" in line.refused(triggers, "run", "tell-sales")
    (why,) = line.told(triggers, "explain", "--activity", EVENT.activity_id)
    assert (why["reason"], why["changed_since"]) == ("disabled", True)
    assert line.printed(triggers, "enable", "tell-sales") == "trigger tell-sales is enabled\n"


def test_deliveries_are_searched_shown_and_explained(line):
    listed = line.printed(deliveries, "list", "--status", "failed", "--webhook", "crm")
    assert FAILED.delivery_id in listed
    assert line.printed(deliveries, "list", "--status", "delivered") == ""
    shown = line.printed(deliveries, "show", FAILED.delivery_id)
    assert "http_503" in shown.splitlines()[-1]
    (logged,) = line.told(deliveries, "log", "--status", "5xx", "--from", "2026-01-01T00:00:00Z")
    assert logged["request"]["url"] == "https://x.example.com/"
    (why,) = line.told(deliveries, "explain", "--activity", EVENT.activity_id)
    assert why["deliveries"][0]["id"] == FAILED.delivery_id


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        (deliveries, ("show", "dl_none"), "there is no delivery dl_none"),
        (deliveries, ("rerun", "dl_none"), "there is no delivery dl_none"),
        (webhooks, ("test", "none"), "there is no webhook none"),
        (deliveries, ("log", "--status", "9x"), "the query has faults; status: "),
    ],
)
def test_what_the_api_refuses_is_said_in_one_line(line, command, words, said):
    assert line.refused(command, *words).startswith(said)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "no API answers at http://127.0.0.1:1: "),
        ("ftp://example.com", "'ftp://example.com' is no address of an API"),
        ("http://[::1", "'http://[::1' is no address of an API"),
    ],
)
def test_an_address_where_no_api_is_gets_named(line, url, said):
    assert line.refused(accounts, "list", "--url", url).startswith(said)


def test_the_up_on_the_data_directory_is_found_and_its_key_goes_nowhere_else(line, tmp_path):
    settings = line.api.settings.model_copy(update={"data_dir": tmp_path})
    state.announce(settings, line.api.port, key_ids=None)
    found = {"HOOKLINE_DATA_DIR": str(tmp_path)}

    without = CliRunner().invoke(accounts, ["list"], env=found)
    (tmp_path / "admin.key").write_text(f"{line.key}\n")
    with_key = CliRunner().invoke(accounts, ["list"], env=found)
    elsewhere = CliRunner().invoke(accounts, ["list", "--url", "http://127.0.0.1:1"], env=found)

    assert "give a key with --key or HOOKLINE_API_KEY" in str(without.exception)
    assert "Denver Doors" in with_key.stdout
    assert "give a key with --key or HOOKLINE_API_KEY" in str(elsewhere.exception)
