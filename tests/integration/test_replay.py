"""Replays by real processes: planned, run, killed, cancelled, and what a webhook missed."""

import json
import os
import re
import signal

import pytest
from click.testing import CliRunner

from agents.cli.replay import replay
from tests.support.api_pipelines import START_S, a_pipeline_with_api, admin_of
from tests.support.waiting import eventually

QUIET_S = 40
AGENTS = ("recorder", "matcher", "sender")


@pytest.fixture(scope="module")
def pipeline(broker, tmp_path_factory):
    """An installation with all agents that a replay needs, and the API, all processes."""
    with a_pipeline_with_api(broker, tmp_path_factory.mktemp("installation"), *AGENTS) as made:
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
    once = {"max_attempts": 1}
    webhook = {"id": "crm", "name": "CRM", "position": "end", "url": endpoint.url(), "retry": once}
    made = account.post("webhooks", {**webhook, **fields})
    assert made.status == 201, made.text


def ingested(account, ids, **activity):
    events = [{"phase": "end", "activity": {"id": it, **activity}} for it in ids]
    answer = account.post("activities", events)
    assert answer.body["accepted"] == len(ids), answer.text


def deliveries(account, count, status):
    """The account's deliveries, once so many stand like this."""

    def found():
        path = f"deliveries?limit=200&status={status}"
        items = account.get(path).body["items"]
        return len(items) == count and items

    return eventually(found, QUIET_S)


def some_failed(account, endpoint, count, **webhook):
    """So many deliveries that have ended as failed; the endpoint is well again after that."""
    endpoint.answer = lambda _arrival, _count: 400  # which opens no breaker
    a_webhook_to(account, endpoint, **webhook)
    ids = [f"call-{number}" for number in range(count)]
    ingested(account, ids)
    deliveries(account, count, "failed")
    endpoint.answer = lambda _arrival, _count: 200
    return ids


def ordered(account, **order):
    made = account.post("replays", order)
    assert made.status == 201, made.text
    return made.body["id"]


def in_state(account, replay_id, *states):
    """The replay, once it is in one of these states."""

    def found():
        replay = account.get(f"replays/{replay_id}").body
        return replay["state"] in states and replay

    return eventually(found, QUIET_S)


def requests_of(endpoint):
    """How often each delivery came."""
    return sorted(endpoint.counts().values())


def test_a_plan_counts_and_sends_nothing_and_its_run_sends_the_same_bodies_once(account, endpoint):
    some_failed(account, endpoint, 12)
    bodies = {it.delivery_id: it.body for it in endpoint.arrivals}
    plan = in_state(account, ordered(account, webhook_id="crm"), "planned")
    assert (plan["planned"]["chosen"], plan["planned"]["begun"]) == (12, 12)
    assert {it["reason"] for it in plan["samples"]} == {"http_400"}
    assert (len(plan["samples"]), len(endpoint.arrivals)) == (10, 12)

    assert account.post(f"replays/{plan['id']}/run").status == 200
    done = in_state(account, plan["id"], "done")
    assert (done["counts"]["begun"], done["progress"]) == (12, 1.0)
    eventually(lambda: requests_of(endpoint) == [2] * 12, QUIET_S)
    assert {it.delivery_id: it.body for it in endpoint.arrivals[12:]} == bodies
    deliveries(account, 12, "delivered")
    assert account.get(f"replays/{plan['id']}").body["outcomes"] == {"delivered": 12}

    again = in_state(account, ordered(account, start=True), "done")
    assert (again["counts"]["begun"], again["counts"]["skipped"]) == (0, {"delivered": 12})
    assert account.post(f"replays/{again['id']}/run").status == 409


def test_current_sends_the_activity_as_it_is_now(account, endpoint):
    (call,) = some_failed(account, endpoint, 1)
    later = {"phase": "sale", "activity": {"id": call, "sale": 9}, "sequence": 2}
    assert account.post("activities", later).body["accepted"] == 1
    eventually(lambda: account.get(f"activities/{call}").body["activity"].get("sale"), QUIET_S)
    in_state(account, ordered(account, mode="current", start=True), "done")
    eventually(lambda: len(endpoint.arrivals) == 2, QUIET_S)
    assert [json.loads(it.body).get("sale") for it in endpoint.arrivals] == [None, 9]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}, "to"),
        ({"from": 7}, "from"),
        ({"webhook_id": "nobody"}, "webhook_id"),
        ({"per_second": 0}, "per_second"),
        ({"phases": ["lunch"]}, "phases[0]"),
        ({"source": "activities", "statuses": [500]}, "statuses"),
        ({"only_missed": True}, "only_missed"),
        ({"webhooks": []}, "webhooks"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_field(admin, order, field):
    refused = admin.post(f"accounts/{_any_account(admin)}/replays", order)
    assert (refused.status, list(refused.faults)) == (422, [field])


def _any_account(admin):
    found = admin.get("accounts?limit=1").body["items"]
    return found[0]["id"] if found else admin.post("accounts", {"id": 7, "name": "A"}).body["id"]


def test_a_replay_waits_until_the_history_knows_what_has_ended(pipeline, account, endpoint):
    recorder = pipeline.agents["recorder"]
    recorder.freeze()
    endpoint.answer = lambda _arrival, count: 400 if count == 1 else 200
    a_webhook_to(account, endpoint)
    ingested(account, ["a", "b", "c"])
    eventually(lambda: requests_of(endpoint) == [1] * 3, QUIET_S)
    replayed = ordered(account, start=True)
    path = f"replays/{replayed}"
    eventually(lambda: "attempts behind" in account.get(path).body["detail"], QUIET_S)
    recorder.thaw()
    assert in_state(account, replayed, "done")["counts"]["begun"] == 3
    eventually(lambda: requests_of(endpoint) == [2] * 3, QUIET_S)


def test_the_command_plans_asks_runs_and_tells(account, endpoint):
    some_failed(account, endpoint, 3)
    plan = json.loads(commanded(account, "plan", "--reason", "http_400", "--from", "1h", "--json"))
    assert (plan["state"], plan["planned"]["begun"], len(plan["samples"])) == ("planned", 3, 3)
    assert "Begin 3 deliveries?" in commanded(account, "run", code=1)
    assert "leave out what selects (--mode)" in commanded(
        account, "run", plan["id"], "--mode", "current", code=2
    )
    assert "is no time such as" in commanded(account, "plan", "--to", "soon", code=2)
    assert len(endpoint.arrivals) == 3

    done = commanded(account, "run", plan["id"])
    assert re.search("state +done\n", done)
    assert re.search("begun +3\n", done)
    deliveries(account, 3, "delivered")
    assert json.loads(commanded(account, "status", plan["id"], "--json"))["outcomes"] == {
        "delivered": 3
    }
    missed = json.loads(commanded(account, "run", "--missed", "--yes", "--json"))
    assert missed["counts"]["skipped"] == {"delivered": 3}
    listed = commanded(account, "status").splitlines()
    assert [line.split()[1] for line in listed[1:]] == ["done", "planned", "done"]
    assert re.search("state +cancelled\n", commanded(account, "cancel", missed["id"]))


def commanded(account, *words, code=0):
    """What `hookline replay` prints about the account."""
    api = ("--url", f"http://127.0.0.1:{account.port}", "--key", account.key)
    owner = ("--account", account.root.rstrip("/").rpartition("/")[2])
    result = CliRunner().invoke(replay, (*words, *api, *owner))
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def test_what_a_webhook_missed_while_it_was_not_there_or_disabled_is_found(account, endpoint):
    ingested(account, ["before"])
    a_webhook_to(account, endpoint)
    ingested(account, ["first"])
    deliveries(account, 1, "delivered")
    account.post("webhooks/crm/disable")
    refused = account.post("replays", {"source": "activities", "webhook_id": "crm"})
    assert (refused.status, "disabled" in refused.body["detail"]) == (409, True)
    ingested(account, ["meanwhile"])
    account.post("webhooks/crm/enable")
    ingested(account, ["last"])
    deliveries(account, 2, "delivered")

    order = {"source": "activities", "webhook_id": "crm", "only_missed": True, "start": True}
    done = in_state(account, ordered(account, **order), "done")
    assert (done["counts"]["begun"], done["counts"]["skipped"]) == (2, {"delivered": 2})
    deliveries(account, 4, "delivered")
    assert requests_of(endpoint) == [1] * 4


def test_a_cancelled_replay_stops_within_a_second_and_what_waited_can_be_replayed(
    account, endpoint
):
    some_failed(account, endpoint, 45, rate_limit={"per_second": 30})
    replayed = ordered(account, start=True, per_second=1_000)
    eventually(lambda: len(endpoint.arrivals) > 48, QUIET_S)  # the others wait for their rate
    cancelled = account.post(f"replays/{replayed}/cancel")
    assert (cancelled.status, cancelled.body["state"]) == (200, "cancelled")
    made = len(endpoint.arrivals)
    assert account.post(f"replays/{replayed}/cancel").status == 409

    def ended():
        found = [*deliveries_of(account, "skipped"), *deliveries_of(account, "delivered")]
        return len(found) == 45

    eventually(ended, QUIET_S)
    assert len(endpoint.arrivals) - made <= 30  # no more than a second's
    found = deliveries_of(account, "skipped")
    assert {it["last_reason"] for it in found} == {"replay_cancelled"}

    done = in_state(account, ordered(account, start=True), "done")
    assert done["counts"]["begun"] == len(found)
    deliveries(account, 45, "delivered")
    assert requests_of(endpoint) == [2] * 45


def deliveries_of(account, status):
    return account.get(f"deliveries?limit=200&status={status}").body["items"]


def test_a_replay_whose_process_is_killed_half_way_begins_each_delivery_once(
    pipeline, account, endpoint
):
    some_failed(account, endpoint, 80)
    replayed = ordered(account, start=True, per_second=60)
    eventually(lambda: len(endpoint.arrivals) >= 120, QUIET_S)
    os.kill(pipeline.agents["api"].process.pid, signal.SIGKILL)
    pipeline.agents["api"] = pipeline.start("api", **pipeline.environment)
    pipeline.agents["api"].wait_ready(START_S)
    account = type(account)(pipeline.agents["api"].port, account.key, account.root)
    done = in_state(account, replayed, "done")
    assert done["counts"]["begun"] == 80
    deliveries(account, 80, "delivered")
    assert requests_of(endpoint) == [2] * 80
