"""What the API tells from the history: the same on SQLite and PostgreSQL, and only to its owner."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from agents.history.engine import Database
from agents.history.schema import bring_up_to_date
from tests.support.api import Client, an_api
from tests.support.builders import NOW_MS, an_activity, an_attempt, an_event
from tests.support.databases import a_new_database
from tests.support.histories import record

MINE, THEIRS = 25, 26
ENDED = an_event(sequence=2, activity=an_activity(unix_time=1_777_679_285))
TEXT = an_event("inbound_text", activity=an_activity(id="a/b c", source="Bing", direction="msg"))
CALL = ENDED.activity_id
SENT = {
    "method": "POST",
    "url": "https://crm.example.com/in?call=7",
    "headers": [["Content-Type", "application/json"], ["X-Key", "•••"]],
    "body": '{"id": 7}',
    "body_bytes": 9,
}
BUSY = {"status": 503, "headers": [["Retry-After", "5"]], "body": "busy", "body_bytes": 4}
FAILED = an_attempt(
    event_id=ENDED.event_id,
    outcome="failed",
    reason="http_503",
    request=SENT,
    response=BUSY,
    timings={"queue_ms": 1.5, "total_ms": 20},
    next={"step": "retry", "tier": "5s", "due_at_ms": NOW_MS + 5_000},
)
DELIVERED = an_attempt(event_id=ENDED.event_id, attempt=2, at_ms=NOW_MS + 5_100, request=SENT)
THEIR_EVENT = an_event(account_id=THEIRS, activity=an_activity(id=99))
THEIR_ATTEMPT = an_attempt(
    account_id=THEIRS, event_id=THEIR_EVENT.event_id, activity_id="99", delivery_id="dl_theirs"
)


class Told(NamedTuple):
    """An account of an API with a history, and its database."""

    mine: Client
    database: Database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(request, prepared, tmp_path_factory):
    changes = {"data_dir": tmp_path_factory.mktemp("history")}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        changes["database_url"] = a_new_database(server)
    changes["api_rate_max"] = 10_000
    settings = prepared.model_copy(update=changes)
    database = Database(settings)
    bring_up_to_date(database)
    record(database, ENDED, TEXT, THEIR_EVENT)
    record(database, FAILED, DELIVERED, THEIR_ATTEMPT)
    with an_api(settings) as api:
        for account_id in (MINE, THEIRS):
            api.admin.delete(f"accounts/{account_id}/webhooks/crm")
            api.admin.delete(f"accounts/{account_id}/webhooks/sales")
            api.admin.delete(f"accounts/{account_id}")
        mine = api.account(MINE)
        api.account(THEIRS)
        yield Told(mine.below(f"accounts/{MINE}/"), database)
    database.close()


def test_a_resource_link_serves_what_webhooks_carry(told):
    found = told.mine.get(f"calls/{CALL}.json")

    assert (found.status, found.body) == (200, ENDED.activity)
    assert told.mine.get(f"calls/{CALL}").text == found.text
    assert told.mine.get("calls/a%2Fb%20c.json").body == TEXT.activity


def test_an_activity_is_told_with_its_events(told):
    found = told.mine.get(f"activities/{CALL}").body

    assert found["activity"] == ENDED.activity
    assert (found["phase"], found["began_at"]) == ("end", "2026-05-01T23:48:05.000Z")
    assert [each["id"] for each in found["events"]] == [ENDED.event_id]


def test_activities_are_listed_page_by_page(told):
    first = told.mine.get("activities?limit=1").body
    rest = told.mine.get(f"activities?limit=1&cursor={first['next_cursor']}").body

    assert [each["id"] for each in (*first["items"], *rest["items"])] == ["a/b c", CALL]
    assert rest["next_cursor"] is None
    assert [it["id"] for it in told.mine.get("activities?source=Bing").body["items"]] == ["a/b c"]


@pytest.mark.parametrize(
    "query",
    ["webhook_id=crm&status=503", "status=5xx", "url=CALL%3D7&outcome=failed", "reason=http_503"],
)
def test_the_log_is_searched(told, query):
    (found,) = told.mine.get(f"attempts?{query}").body["items"]

    assert found["request"]["headers"][1] == {"name": "X-Key", "value": "•••"}
    assert (found["response"]["status"], found["response"]["body"]) == (503, "busy")
    assert found["timings"]["total_ms"] == 20
    assert found["next"] == {"step": "retry", "tier": "5s", "due_at": "2026-05-01T23:48:10.000Z"}
    assert told.mine.get(f"attempts/{found['id']}").body == found


def test_a_delivery_is_told_with_its_log(told):
    found = told.mine.get(f"deliveries/{FAILED.delivery_id}").body

    assert (found["status"], found["attempts"]) == ("delivered", 2)
    assert [each["attempt"] for each in found["log"]] == [2, 1]
    listed = told.mine.get(f"deliveries?activity_id={CALL}&status=delivered").body["items"]
    assert [each["id"] for each in listed] == [FAILED.delivery_id]


def test_what_fired_and_what_did_not_is_explained(told):
    long_calls = {"all": [{"field": "Talk Time", "op": "gte", "value": 100}]}
    webhook = {"name": "CRM", "position": "end", "url": "https://crm.example.com/in"}
    assert told.mine.post("webhooks", {**webhook, "id": "crm"}).status == 201
    others = {**webhook, "id": "sales", "url": "https://x.example.com/", "filter": long_calls}
    assert told.mine.post("webhooks", others).status == 201

    for asked in (f"activity_id={CALL}", f"event_id={ENDED.event_id}"):
        crm, sales = told.mine.get(f"explain?{asked}").body["items"]
        assert (crm["fired"], crm["judged_by"]) == (True, "record")
        assert [each["id"] for each in crm["deliveries"]] == [FAILED.delivery_id]
        assert told.mine.get(f"deliveries/{crm['deliveries'][0]['id']}").status == 200
        assert (sales["reason"], sales["changed_since"]) == ("filter", True)
        assert sales["detail"] == "Talk Time gte 100 does not hold: it is 42"
        assert sales["judged_event"]["id"] == ENDED.event_id
    only = told.mine.get(f"explain?activity_id={CALL}&webhook_id=sales").body
    assert [each["webhook_id"] for each in only["items"]] == ["sales"]


@pytest.mark.parametrize(
    "path",
    [
        *("calls/99.json", "activities/99", "attempts/at_0_2", "attempts/at_0_99999999999999999"),
        *("attempts/at_0_99999999999999999999", "attempts/last", "deliveries/dl_theirs"),
        *("deliveries/%00", "activities/%00", "activities/%F0%9F%98%80", "calls/%00.json"),
        *("explain?activity_id=99", f"explain?event_id={THEIR_EVENT.event_id}"),
    ],
)
def test_what_is_not_there_and_what_is_somebody_elses_look_alike(told, path):
    assert told.mine.get(path).status == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("attempts?status=9x", "status"),
        ("attempts?cursor=bm90aGluZw", "cursor"),
        ("deliveries?cursor=%00", "cursor"),
        ("activities?from=yesterday", "from"),
        ("activities?source=%00", "source"),
        ("deliveries?status=lost", "status"),
        ("explain", "activity_id"),
        ("explain?activity_id=1&event_id=2", "activity_id"),
        ("attempts?webhook=crm", "webhook"),
    ],
)
def test_a_search_with_a_fault_names_the_field(told, path, field):
    found = told.mine.get(path)

    assert (found.status, [*found.faults]) == (400, [field])


def test_a_cursor_of_one_list_is_none_of_another(told):
    cursor = told.mine.get("activities?limit=1").body["next_cursor"]

    assert told.mine.get(f"deliveries?cursor={cursor}").status == 400


def test_times_may_have_any_offset_even_with_its_plus_unescaped(told):
    later = "2026-05-02T01:48:05.001+02:00"  # a millisecond after the first event

    for text in (later, later.replace("+", "%2B")):
        found = told.mine.get(f"activities?from={text}").body["items"]
        assert [each["id"] for each in found] == ["a/b c"]


def test_lists_tell_nothing_of_other_accounts(told):
    texts = [told.mine.get(it).text for it in ("activities", "attempts", "deliveries")]

    assert "dl_theirs" not in json.dumps(texts)
    assert [len(json.loads(text)["items"]) for text in texts] == [2, 2, 1]


def test_a_history_that_is_away_is_named_and_the_rest_goes_on(prepared, tmp_path):
    away = prepared.model_copy(update={"data_dir": tmp_path})
    with ExitStack() as stack:
        api = stack.enter_context(an_api(away))
        found = api.admin.get("accounts/1/activities")
        made = api.account(27).below("accounts/27/")

        refused = made.get("activities")

    assert found.status == 404
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert refused.body["detail"].startswith("history: ")
    assert str(tmp_path) not in refused.text
