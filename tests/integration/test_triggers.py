"""Triggers by real processes: what they ask for arrives, is on record, and can be rerun."""

from __future__ import annotations

import json

import pytest

from schemas.topics import ACTIVITY_COMMANDS, FAILURE_TRIGGERS
from tests.support.api_pipelines import a_pipeline_with_api, admin_of
from tests.support.builders import an_activity
from tests.support.endpoints import an_endpoint
from tests.support.waiting import eventually

QUIET_S = 40
SALES = {
    "id": "sales",
    "name": "Long calls to sales",
    "positions": ["end"],
    "delay": "5s",
    "conditions": {"all": [{"field": "Talk Time", "op": "gte", "value": 60}]},
    "actions": [
        {"type": "run_webhook", "webhook_id": "crm"},
        {"type": "tag", "add": ["new-lead", "hot"]},
        {"type": "custom_field", "name": "stage", "value": "called by {{direction}}"},
    ],
}


@pytest.fixture(scope="module")
def pipeline(broker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("installation")
    agents = ("recorder", "matcher", "sender", "scheduler")
    with a_pipeline_with_api(broker, directory, *agents) as made:
        yield made


@pytest.fixture(scope="module")
def account(pipeline):
    admin = admin_of(pipeline)
    assert admin.post("accounts", {"id": 25, "name": "Denver Doors"}).status == 201
    return admin.below("accounts/25/")


@pytest.fixture(scope="module", autouse=True)
def _failing(account):
    """A delivery whose two retries go on while the other tests wait for theirs."""
    with an_endpoint(answer=lambda _arrival, _count: 500) as broken:
        written(account, "triggers", id="alarm", name="A", actions=SALES["actions"][1:])
        fields = {
            "url": broken.url(),
            "failure_trigger": {"trigger_id": "alarm", "on": "every"},
            "retry": {"schedule": ["5s"], "max_attempts": 3},
        }
        written(account, "webhooks", id="broken", name="B", position="sale", **fields)
        sale = {"phase": "sale", "activity": an_activity(id=4)}
        assert account.post("activities", sale).status == 202
        yield


def written(account, kind, **fields):
    made = account.post(kind, fields)
    assert made.status == 201, made.text
    return made.body


def ingested(account, **activity):
    event = {"phase": "end", "activity": an_activity(**activity)}
    assert account.post("activities", event).status == 202
    path = f"activities/{activity['id']}"
    eventually(lambda: account.get(path).status == 200, QUIET_S)


def delivered(account, activity_id):
    """The activity's one delivery, once it is on record as delivered."""
    path = f"deliveries?activity_id={activity_id}&status=delivered"
    return eventually(lambda: account.get(path).body["items"], QUIET_S)[0]


def records_of(pipeline, topic, count):
    reader = pipeline.reader(topic)
    eventually(lambda: reader.poll() is not None and len(reader.messages) >= count, QUIET_S)
    reader.close()
    return [json.loads(it.value()) for it in reader.messages]


def test_what_a_trigger_asks_for_comes_after_its_delay_and_can_be_rerun(
    pipeline, account, endpoint
):
    written(account, "webhooks", id="crm", name="CRM", position="route", url=endpoint.url())
    assert written(account, "triggers", **SALES)["warnings"] == []
    ingested(account, id=1, talk_time=10)
    ingested(account, id=2, talk_time=70)
    found = delivered(account, 2)
    assert (found["phase"], found["trigger_id"]) == ("route", "sales")
    assert [json.loads(it.body)["id"] for it in endpoint.arrivals] == [2]

    commands = records_of(pipeline, ACTIVITY_COMMANDS, 2)
    assert {it["activity_id"] for it in commands} == {"2"}
    assert [it["action"].get("add") or it["action"]["value"] for it in commands] == [
        *(["hot"], "called by inbound"),
    ]
    assert account.post(f"deliveries/{found['id']}/rerun", {"mode": "original"}).status == 202
    eventually(lambda: len(endpoint.arrivals) == 2, QUIET_S)

    told = account.get("explain?activity_id=1").body["triggers"]
    assert [(it["trigger_id"], it["reason"]) for it in told] == [
        *(("alarm", "position"), ("sales", "conditions")),
    ]
    (_, ran) = account.get("explain?activity_id=2").body["triggers"]
    assert (ran["judged_by"], ran["deliveries"][0]["id"]) == ("record", found["id"])
    refused = account.post("triggers/sales/run", {"activity_id": 1})
    assert (refused.status, "Talk Time gte 60" in refused.body["detail"]) == (409, True)


def test_a_trigger_is_run_over_the_api_whatever_its_positions(account, endpoint):
    written(account, "webhooks", id="run-me", name="R", position="route", url=endpoint.url())
    run = [{"type": "run_webhook", "webhook_id": "run-me"}]
    written(account, "triggers", id="by-hand", name="By hand", actions=run)
    ingested(account, id=3)
    answer = account.post("triggers/by-hand/run", {"activity_id": 3})
    assert answer.status == 202, answer.text
    (action,) = answer.body["actions"]
    path = f"deliveries/{action['id']}"
    eventually(lambda: account.get(path).body.get("status") == "delivered", QUIET_S)
    assert len(endpoint.arrivals) == 1


def test_every_failure_is_told_where_the_webhook_asks_for_it(pipeline):
    told = records_of(pipeline, FAILURE_TRIGGERS, 3)
    assert [(it["stage"], it["attempts"]) for it in told] == [
        *(("first", 1), ("again", 2), ("final", 3)),
    ]
