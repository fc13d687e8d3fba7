"""Webhooks tested, previewed and run, deliveries rerun and events taken in, by real processes."""

from __future__ import annotations

import base64
import json

import pytest

from pipeline.form_bodies import FORM_TYPE
from pipeline.requests import BODY_BYTES_KEPT, MASK
from tests.support.api import Client
from tests.support.api_pipelines import START_S, a_pipeline_with_api, admin_of
from tests.support.builders import a_webhook, an_activity
from tests.support.endpoints import an_endpoint
from tests.support.waiting import eventually

QUIET_S = 40
ENDED = {"phase": "end", "occurred_at": "2026-05-01T23:48:05Z"}


@pytest.fixture(scope="module")
def pipeline(broker, tmp_path_factory):
    """An installation with all agents that a delivery needs, and the API, all processes."""
    directory = tmp_path_factory.mktemp("installation")
    agents = ("recorder", "matcher", "sender", "scheduler")
    with a_pipeline_with_api(broker, directory, *agents) as made:
        yield made


@pytest.fixture(scope="module")
def admin(pipeline):
    return admin_of(pipeline)


_ACCOUNTS = iter(range(25, 1_000))


@pytest.fixture
def account(admin):
    """A client of an account of the test's own."""
    account_id = next(_ACCOUNTS)
    assert admin.post("accounts", {"id": account_id, "name": "Denver Doors"}).status == 201
    return admin.below(f"accounts/{account_id}/")


def a_webhook_to(account, endpoint, **fields):
    webhook = {"id": "crm", "name": "CRM", "position": "end", "url": endpoint.url(), **fields}
    made = account.post("webhooks", webhook)
    assert made.status == 201, made.text


def an_event_of(**activity):
    return {**ENDED, "activity": an_activity(**activity)}


def ingested(account, **activity):
    """An event that is in Kafka and in the history."""
    answer = account.post("activities", an_event_of(**activity))
    assert answer.status == 202, answer.text
    (item,) = answer.body["items"]
    path = f"activities/{item['activity_id']}"
    eventually(lambda: account.get(path).status == 200, QUIET_S)
    return item


def the_delivery(account, **wanted):
    """The account's one delivery, when it stands like this."""

    def found():
        items = account.get("deliveries?is_test=false").body["items"]
        alike = [it for it in items if all(it[name] == wanted[name] for name in wanted)]
        return alike and alike[0]

    return eventually(found, QUIET_S)


def rerun(account, delivery, mode="original"):
    return account.post(f"deliveries/{delivery['id']}/rerun", {"mode": mode})


def test_what_is_ingested_is_delivered_and_a_resend_is_not(account, endpoint):
    a_webhook_to(account, endpoint)
    batch = [an_event_of(id=1), {"phase": "lunch"}, an_event_of(id=2), 7]
    first, again = account.post("activities", batch), account.post("activities", batch)
    assert (first.status, again.status) == (202, 202)
    assert (first.body["accepted"], first.body["refused"]) == (2, 2)
    assert [it["status"] for it in first.body["items"]] == [
        *("accepted", "refused", "accepted", "refused"),
    ]
    assert {it["field"] for it in first.body["items"][1]["errors"]} == {"phase", "activity"}
    assert first.body["items"] == again.body["items"]
    eventually(lambda: len(endpoint.arrivals) >= 2, QUIET_S)
    deliveries = eventually(lambda: account.get("deliveries").body["items"][1:], QUIET_S)
    assert len(deliveries) == 1
    assert max(endpoint.counts().values()) == 1


def test_a_batch_without_any_event_is_a_problem_with_every_fault(account):
    refused = account.post("activities", [{"phase": "end"}, an_event_of() | {"account_id": 9}])
    assert (refused.status, list(refused.faults)) == (422, ["[0].activity", "[1].account_id"])
    assert account.post("activities", []).status == 422
    assert account.post("activities", [an_event_of()] * 1_001).status == 422
    assert account.post("activities", {"phase": "end"}).faults.keys() == {"activity"}


def test_a_form_is_delivered_once_however_it_is_sent(admin, account, endpoint):
    a_webhook_to(account, endpoint, position="form")
    key = account.post("keys", {"name": "Web site", "scopes": ["ingest"]}).body["key"]
    site = Client(admin.port, key)
    halves = base64.b64encode(key.replace(".", ":", 1).encode()).decode()
    urlencoded = b"phone_number=720-555-0123&country_code=1&caller_name=Ann+Lee&unique_form_id=7"
    custom = b"&custom_fields%5Baccount%5D=A-17"
    basic = {"Authorization": f"Basic {halves}", "Content_Type": FORM_TYPE}
    first = site.post("formreactor/Quote.json", urlencoded + custom, **basic)
    assert (first.status, first.body["status"]) == (200, "success"), first.text
    nested = {"phone_number": "+17205550123", "caller_name": "Ann Lee"}
    as_json = {"form_reactor": nested, "field": {"account": "A-17"}, "unique_form_id": 7}
    account_id = account.get("webhooks/crm").body["account_id"]
    again = site.post(f"accounts/{account_id}/formreactor/Quote", as_json)
    assert (again.status, again.body["id"]) == (200, first.body["id"]), again.text
    last = site.post("formreactor/Contact", {"caller_number": "+13035550100", "source": "Ads"})
    eventually(lambda: len(account.get("deliveries?status=delivered").body["items"]) == 2, QUIET_S)
    sent = {it["id"]: it for it in (json.loads(arrival.body) for arrival in endpoint.arrivals)}
    assert sent == {it.body["id"]: it.body["activity"] for it in (first, last)}
    quote = sent[first.body["id"]]
    assert (quote["direction"], quote["source"], quote["name"]) == ("form", "Quote", "Ann Lee")
    assert (quote["caller_number"], quote["custom_account"]) == ("+17205550123", "A-17")
    assert max(endpoint.counts().values()) == 1


def test_a_test_sends_the_latest_activity_at_once_and_is_told_and_logged_as_a_test(
    account, endpoint
):
    nobody = {"all": [{"field": "talk_time", "op": "gt", "value": 1_000}]}
    signing = {"scheme": "ctm", "secrets": ["hunter4"]}
    a_webhook_to(account, endpoint, enabled=False, filter=nobody, signing=signing)
    sample = account.post("webhooks/crm/test")
    assert (sample.status, sample.body["activity_from"]) == (200, "sample"), sample.text
    ingested(account, id=77)
    answer = account.post("webhooks/crm/test")
    body = answer.body
    assert (body["activity_from"], body["activity_id"], body["status"]) == ("latest", "77", 200)
    assert (body["outcome"], body["rule"], body["is_recorded"]) == ("delivered", None, True)
    assert body["timings"]["total_ms"] > 0
    assert {"name": "X-CTM-Signature", "value": MASK} in body["request"]["headers"]
    arrival = endpoint.arrivals[-1]
    assert json.loads(arrival.body)["id"] == json.loads(body["request"]["body"])["id"] == 77
    assert arrival.headers["X-CTM-Signature"]
    logged = lambda: account.get(f"attempts?delivery_id={body['delivery_id']}").body["items"]  # noqa: E731
    (attempt,) = eventually(logged, QUIET_S)
    assert (attempt["is_test"], attempt["next"]["step"]) == (True, "end")
    assert len(endpoint.arrivals) == 2
    refused = rerun(account, {"id": body["delivery_id"]})
    assert (refused.status, "was a test" in refused.body["detail"]) == (409, True)


def test_a_test_that_is_blocked_names_the_rule_and_one_that_fails_is_not_tried_again(
    pipeline, account
):
    with an_endpoint(answer=lambda _arrival, _count: 503) as endpoint:
        a_webhook_to(account, endpoint)
        failed = account.post("webhooks/crm/test", {"activity": an_activity(id=5)}).body
        assert (failed["outcome"], failed["reason"], failed["rule"]) == ("failed", "http_503", None)
        assert failed["activity_from"] == "given"
        account_id = account.get("webhooks/crm").body["account_id"]
        pipeline.apply(a_webhook(id="inside", account_id=account_id, url="http://10.0.0.1/in"))
        eventually(lambda: account.get("webhooks/inside").status == 200, QUIET_S)
        blocked = account.post("webhooks/inside/test").body
        assert (blocked["outcome"], blocked["rule"]) == ("blocked", "egress_private")
        assert "10.0.0.1" in blocked["detail"]
        assert blocked["response"] is None
        unknown = account.post("webhooks/crm/test", {"activity_id": "no-such"})
        assert unknown.faults == {"activity_id": "there is no such activity on record"}
        both = account.post("webhooks/crm/test", {"activity_id": 1, "activity": {"id": 1}})
        assert both.faults == {"activity": "name one or give one, not both"}
        assert account.post("webhooks/none/test").status == 404
        log = eventually(lambda: account.get("attempts").body["items"][1:], QUIET_S)
        assert [it["next"]["step"] for it in log] == ["end"]
        assert len(endpoint.arrivals) == 1


def test_a_preview_shows_what_a_test_would_send_and_sends_nothing(account, endpoint):
    template = {"kind": "mustache", "template": '{"who": "{{caller_number}}"}'}
    a_webhook_to(account, endpoint, headers=[{"name": "X-Key", "value": "hunter2"}])
    given = {"activity": an_activity(id=5)}
    kept = account.post("webhooks/crm/preview", given)
    assert kept.status == 200, kept.text
    assert json.loads(kept.body["request"]["body"]) == an_activity(id=5)
    assert {"name": "X-Key", "value": MASK} in kept.body["request"]["headers"]
    fields = account.get("webhooks/crm").body | {"format": template}
    changed = account.post("webhooks/crm/preview", given | {"webhook": fields})
    assert changed.status == 200, changed.text
    assert changed.body["request"]["body"] == '{"who": "+17205550123"}'
    assert {"name": "X-Key", "value": MASK} in changed.body["request"]["headers"]
    new = {"name": "New", "position": "sale", "url": endpoint.url("/{{id}}")}
    unsaved = account.post("webhooks/new/preview", given | {"webhook": new})
    assert unsaved.body["request"]["url"] == endpoint.url("/5")
    faulty = account.post("webhooks/new/preview", given | {"webhook": new | {"position": "lunch"}})
    assert (faulty.status, "position" in str(faulty.faults)) == (422, True)
    assert account.post("webhooks/new/preview", given).status == 404
    assert account.get("webhooks/new").status == 404
    assert endpoint.arrivals == []


def test_a_run_delivers_what_is_on_record_whatever_the_position(account, endpoint):
    a_webhook_to(account, endpoint, position="sale")
    none = account.post("webhooks/crm/run")
    assert none.faults == {"activity_id": "the account has no activity on record"}
    ingested(account, id=8, talk_time=3)
    run = account.post("webhooks/crm/run", {"activity_id": 8})
    assert run.status == 202, run.text
    delivery = the_delivery(account, id=run.body["delivery_id"], status="delivered")
    assert delivery["phase"] == "route"
    assert json.loads(endpoint.arrivals[0].body) == an_activity(id=8, talk_time=3)
    account.post("webhooks/crm/disable")
    refused = account.post("webhooks/crm/run")
    assert (refused.status, "disabled" in refused.body["detail"]) == (409, True)


def test_a_rerun_sends_the_same_body_again_or_todays_under_the_same_id(account):
    with an_endpoint(answer=lambda _, _count: 410) as endpoint:
        a_webhook_to(account, endpoint)
        long = "x" * BODY_BYTES_KEPT
        ingested(account, id=9, notes=long)
        failed = the_delivery(account, status="failed")
        endpoint.answer = lambda _arrival, _count: 200
        account.patch("webhooks/crm", {"url": endpoint.url("/today")})
        first = rerun(account, failed)
        assert first.status == 202, first.text
        assert first.body | {"delivery_id": ""} == {
            "delivery_id": "",
            "mode": "original",
            "rerun": 1,
            "attempt": 2,
            "is_superseding": False,
        }
        again = the_delivery(account, status="delivered")
        assert (again["id"], again["attempts"]) == (failed["id"], 2)
        before, after = endpoint.arrivals
        assert (after.path, after.body, after.delivery_id) == (
            *("/today", before.body, before.delivery_id),
        )
        account.patch("webhooks/crm", {"format": {"kind": "mustache", "template": "{{id}}"}})
        refused = rerun(account, failed)
        assert (refused.status, "only the beginning" in refused.body["detail"]) == (409, True)
        assert rerun(account, failed, "current").body["rerun"] == 2
        eventually(lambda: len(endpoint.arrivals) == 3, QUIET_S)
        assert endpoint.arrivals[2].body == b"9"
        account.post("webhooks/crm/disable")
        assert "disabled" in rerun(account, failed).body["detail"]
        assert rerun(account, {"id": "dl_none"}).status == 404


def test_a_rerun_supersedes_the_retry_that_waits_also_for_a_sender_that_starts_anew(
    pipeline, account
):
    with an_endpoint(answer=lambda _, _count: 500) as endpoint:
        a_webhook_to(account, endpoint, retry={"schedule": ["5s"]})
        ingested(account, id=10)
        waiting = the_delivery(account, status="retrying")
        endpoint.answer = lambda _arrival, _count: 200
        begun = rerun(account, waiting)
        assert (begun.body["rerun"], begun.body["is_superseding"]) == (1, True)
        the_delivery(account, status="delivered")
        pipeline.agents["sender"].kill()
        restarted = pipeline.start("sender", **pipeline.environment)
        pipeline.agents["sender"] = restarted
        restarted.wait_ready(START_S)
        eventually(lambda: "job.superseded" in restarted.log.read_text(), QUIET_S)
        assert len(endpoint.arrivals) == 2
        log = account.get(f"deliveries/{waiting['id']}").body
        assert [(it["rerun"], it["attempt"]) for it in log["log"]] == [(1, 2), (0, 1)]
