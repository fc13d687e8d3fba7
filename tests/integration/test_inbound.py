"""Foreign webhooks in, ours out, by real processes: the whole way, and what was refused on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from agents.cli.sources import sources
from pipeline.form_bodies import FORM_TYPE
from tests.support.api import Client
from tests.support.api_pipelines import a_pipeline_with_api, admin_of
from tests.support.commands import NEW, commands_for
from tests.support.endpoints import an_endpoint
from tests.support.waiting import eventually

WAIT_S = 40
ACCOUNT = 25
TOKEN = "quote-form-of-denver-doors"
# As a form builder sends it: nested, under names of its own, with a number as people write it.
FOREIGN = {
    "event": "form_submitted",
    "submission_id": "s-481",
    "contact": {
        "full_name": "Ann Lee",
        "primary_phone": "(720) 555-0123",
        "email_address": "ann@example.com",
    },
    "utm_source": "Google Ads",
    "Account number": "A-17",
}
DOCUMENT = """
accounts:
  - id: 25
    name: Denver Doors
    sources:
      - id: quote
        name: Quotes from the web site
        token: {token}
        region: US
        deduplication: {{path: submission_id}}
        mapping:
          - {{target: caller_number, paths: [contact.primary_phone], required: true}}
    webhooks:
      - {{id: crm, name: CRM, position: end, url: "{url}"}}
      - {{id: reports, name: Reports, position: form, url: "{url}"}}
"""


class Whole(NamedTuple):
    """An installation, its account's client, what posts to addresses, and its endpoint."""

    account: Client
    web: Client
    endpoint: object
    directory: Path

    def run(self, command, *words):
        """A command of `hookline` against that installation."""
        environment = {
            "HOOKLINE_API_KEY": self.account.key,
            "HOOKLINE_PUBLIC_URL": f"http://127.0.0.1:{self.account.port}",
            "HOOKLINE_DATA_DIR": str(self.directory / "nobody"),
        }
        return CliRunner().invoke(command, words, env=environment)

    def sent(self, body, token=TOKEN, **headers):
        return self.web.post(f"in/{token}", body, **headers)

    def arrived(self, activity_id):
        """What the endpoint was sent of an activity, in the order of its arrival."""
        bodies = [json.loads(it.body) for it in self.endpoint.arrivals]
        return [it for it in bodies if it["id"] == activity_id]

    def listed(self, query=""):
        return self.account.get(f"inbound?{query}").body["items"]


@pytest.fixture(scope="module")
def whole(broker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("installation")
    agents = ("recorder", "matcher", "sender")
    with (
        a_pipeline_with_api(broker, directory, *agents) as pipeline,
        an_endpoint() as endpoint,
    ):
        admin = admin_of(pipeline)
        document = DOCUMENT.format(token=TOKEN, url=endpoint.url())
        applied = commands_for(pipeline, directory).apply(document, keys=(NEW,))
        assert applied.exit_code == 0, applied.output
        assert TOKEN not in applied.output
        account = admin.below(f"accounts/{ACCOUNT}/")
        yield Whole(account, Client(admin.port, None, "/"), endpoint, directory)


def test_a_form_under_foreign_names_comes_out_at_the_crm_under_ours(whole, tmp_path):
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(FOREIGN))
    rows = json.loads(whole.run(sources, "suggest", str(sample), "--json").stdout)["rows"]
    previewed = whole.account.post(
        "sources/quote/preview", {"payload": FOREIGN, "source": {"mapping": rows}}
    )
    assert (previewed.status, previewed.body["faults"]) == (200, []), previewed.text
    rows.append({"target": "custom_account_number", "paths": ['["Account number"]']})
    changed = whole.account.patch("sources/quote", {"mapping": rows})
    assert changed.status == 200, changed.text

    first, again = whole.sent(FOREIGN), whole.sent(FOREIGN)
    assert (first.status, again.status) == (200, 200), first.text
    assert first.body["event_ids"] == again.body["event_ids"]

    activity_id = first.body["activity_id"]
    eventually(lambda: len(whole.arrived(activity_id)) == 2, WAIT_S)
    at_form, at_end = whole.arrived(activity_id)
    assert at_form == at_end
    assert {name: at_end[name] for name in ("name", "email", "source", "direction")} == {
        "name": "Ann Lee",
        "email": "ann@example.com",
        "source": "Google Ads",
        "direction": "form",
    }
    assert (at_end["caller_number"], at_end["custom_account_number"]) == ("+17205550123", "A-17")
    eventually(lambda: len(whole.listed(f"activity_id={activity_id}")) == 2, WAIT_S)
    assert len(whole.arrived(activity_id)) == 2


def test_what_was_rejected_is_kept_and_mapped_again_once_the_mapping_is_mended(whole):
    odd = {"submission_id": "s-482", "ruf": "(720) 555-0199"}
    refused = whole.sent(odd)
    assert (refused.status, [*refused.faults]) == (422, ["caller_number"])
    eventually(lambda: whole.listed("open=true"), WAIT_S)
    (kept,) = whole.listed("open=true")
    assert (kept["reason"], [it["field"] for it in kept["faults"]]) == (
        "invalid",
        ["caller_number"],
    )
    one = whole.account.get(f"inbound/{kept['id']}").body
    assert json.loads(one["content"]["body"]) == odd
    still = whole.account.post(f"inbound/{kept['id']}/remap").body
    assert (still["outcome"], [it["field"] for it in still["faults"]]) == (
        "rejected",
        ["caller_number"],
    )

    latest = whole.account.post("sources/quote/preview")
    assert (latest.body["sample_from"], latest.body["inbound_id"]) == ("latest", kept["id"])
    mapping = [{"target": "caller_number", "paths": ["contact.primary_phone", "ruf"]}]
    assert whole.account.patch("sources/quote", {"mapping": mapping}).status == 200
    shown = whole.run(sources, "preview", "quote")
    assert (shown.exit_code, "+17205550199" in shown.stdout) == (0, True), shown.output
    again = whole.run(sources, "remap", "--source", "quote")
    assert (again.exit_code, "1 accepted, 0 rejected still" in again.stdout) == (0, True)
    (made,) = eventually(lambda: whole.listed("outcome=accepted&limit=1"), WAIT_S)
    eventually(lambda: whole.listed("open=true") == [], WAIT_S)
    made = next(it for it in whole.listed() if it["remapped_from"] == kept["id"])
    eventually(lambda: len(whole.arrived(made["activity_id"])) == 2, WAIT_S)
    assert whole.account.post(f"inbound/{made['id']}/remap").status == 409
    table = whole.run(sources, "requests", "--source", "quote")
    assert (table.exit_code, kept["id"] in table.stdout) == (0, True)


def test_a_form_under_the_names_of_another_system_ends_as_soon_as_it_came(whole):
    made = whole.account.post("formreactor/Quote", {"phone_number": "+13035550100"})
    assert (made.status, len(made.body["event_ids"])) == (200, 2), made.text
    eventually(lambda: len(whole.arrived(made.body["id"])) == 2, WAIT_S)
    path = f"activities/{made.body['id']}"
    eventually(lambda: whole.account.get(path).status == 200, WAIT_S)
    eventually(lambda: len(whole.account.get(path).body["events"]) == 2, WAIT_S)
    events = whole.account.get(path).body["events"]
    assert {it["id"] for it in events} == {*made.body["event_ids"]}
    assert {it["phase"] for it in events} == {"form", "end"}


def test_a_new_address_takes_the_place_of_the_one_before(whole):
    fields = {"id": "chat", "name": "Chats", "region": "US", "verification": {"type": "github"}}
    fields["verification"]["secrets"] = ["hunter2"]
    made = whole.account.post("sources", fields)
    assert made.status == 201, made.text
    assert made.body["address"].endswith(f"/in/{made.body['token']}")
    assert made.body["verification"]["secrets"] == ["•••"]
    unsigned = whole.sent({"caller_number": "7205550123"}, made.body["token"])
    assert (unsigned.status, unsigned.body["type"]) == (401, "/docs#unauthorized")
    opened = whole.account.patch("sources/chat", {"verification": {"type": "none"}})
    assert opened.status == 200, opened.text
    named = b"phone_number=7205550123&name=Ann"
    assert whole.sent(named, made.body["token"], Content_Type=FORM_TYPE).status == 200
    rotated = whole.account.post("sources/chat/token/rotate").body
    assert whole.sent(named, made.body["token"], Content_Type=FORM_TYPE).status == 404
    assert whole.sent(named, rotated["token"], Content_Type=FORM_TYPE).status == 200
    assert "token" not in whole.account.get("sources/chat").body
    refused = whole.account.patch("sources/chat", {"token": "x" * 30})
    assert refused.faults.keys() == {"token"}
    read = whole.account.get("sources/chat").body
    assert (read["verification"], read["version"]) == ({"type": "none"}, rotated["version"])
