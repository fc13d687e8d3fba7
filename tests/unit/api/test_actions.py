"""Tests and reruns where something they need is away, too old, or too much."""

from __future__ import annotations

import json

import pytest

from agents.api import ingest, rerunning, tester, testing
from agents.api.models.ingest import IngestBody
from agents.api.models.rerunning import RerunBody
from agents.api.models.trying import TryBody
from agents.api.problems import Problem
from agents.api.reading import body_of
from pipeline.requests import BODY_BYTES_KEPT, Request, as_recorded
from pipeline.settings import Settings
from pipeline.trials import trial_configs
from schemas.attempt import Attempt
from schemas.codec import decode
from schemas.event import EVENT_BYTES_MAX
from schemas.job import Body, Job
from tests.support.api_services import ID, History, Services, call_of
from tests.support.builders import NOW_MS, a_job, a_rerun, a_webhook, an_account
from tests.support.configs import forget


@pytest.fixture
def services():
    return Services()


def handler_of(area):
    return area.OPERATIONS[0].handler


async def rerun(services, mode="original"):
    handler = handler_of(rerunning)
    return (await handler(call_of(services, RerunBody(mode=mode), ID))).body


async def refusal_of(services, mode="original"):
    with pytest.raises(Problem) as refused:
        await rerun(services, mode)
    assert services.publisher.records == []
    return refused.value.status, refused.value.detail


def written_job(services):
    return decode(Job, services.publisher.records[-1].value)


async def test_two_reruns_in_a_row_are_two_though_the_history_knows_of_neither(services):
    answers = [await rerun(services), await rerun(services)]
    assert [it.rerun for it in answers] == [2, 3]
    services.configure(a_rerun(number=7))
    assert (await rerun(services)).rerun == 8
    assert written_job(services).config_offset == services.view.configs.offset


async def test_a_delivery_that_has_ended_needs_no_record_that_supersedes(services):
    assert not (await rerun(services)).is_superseding
    assert services.writer.put_records == []


async def test_one_that_waits_for_a_retry_is_superseded_after_its_job_is_written(services):
    services.history.status = "retrying"
    assert (await rerun(services)).is_superseding
    (record,) = services.writer.put_records
    assert (record.id, record.number) == (ID, 2)


async def test_a_rerun_goes_on_when_only_its_record_could_not_be_written(services):
    services.history.status, services.writer.is_away = "retrying", True
    assert (await rerun(services)).rerun == 2


async def test_a_rerun_that_could_not_be_written_supersedes_nothing(services):
    services.history.status, services.publisher.is_away = "retrying", True
    assert (await refusal_of(services))[0] == 503
    assert services.writer.put_records == []


@pytest.mark.parametrize(
    ("history", "mode", "why"),
    [
        (History(request=None), "original", "bodies are kept for 7 days"),
        (History(content=None), "original", "bodies are kept for 7 days"),
        (History(content=None), "current", "its activity is not kept any more"),
        (History(request=None, attempts=0), "original", "no request of it was ever made"),
    ],
)
async def test_what_is_not_kept_any_more_is_refused_with_the_reason(services, history, mode, why):
    services.history = history
    status, detail = await refusal_of(services, mode)
    assert (status, why in detail) == (409, True)


async def test_a_message_of_a_trigger_is_not_rerun_as_if_it_were_a_request(services):
    services.history = History(channel="email")
    status, detail = await refusal_of(services)
    assert (status, "run the trigger again" in detail) == (409, True)


async def test_what_was_never_tried_can_be_made_today(services):
    services.history = History(request=None, attempts=0)
    await rerun(services, "current")
    job = written_job(services)
    assert (job.attempt, job.body, job.event.sequence) == (1, None, 7)


async def test_a_body_that_was_cut_is_sent_if_it_is_the_same_when_made_again(services):
    text = "x" * (BODY_BYTES_KEPT + 1)
    request = as_recorded(Request("POST", "https://a.example/", (), text.encode()))
    services.history.request = request
    services.tester.body = Body(text=text[1:], content_type=None)
    assert (await refusal_of(services))[0] == 409
    services.tester.body = Body(text=text, content_type=None)
    await rerun(services)
    assert written_job(services).body.text == text


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (a_webhook(enabled=False), "disabled"),
        (an_account(features={"webhooks": False}), "no webhooks in its plan"),
    ],
)
async def test_what_would_be_skipped_is_refused_instead(services, record, why):
    services.configure(record)
    assert why in (await refusal_of(services))[1]


async def test_a_webhook_that_was_deleted_has_no_reruns(services):
    forget(services.view.configs, a_webhook())
    assert (await refusal_of(services)) == (409, "its webhook crm was deleted")


async def test_records_of_reruns_are_deleted_when_nothing_can_wait_for_them_any_more(services):
    assert await rerunning.remove_expired(services) == 0
    services.configure(a_rerun(id="dl_old", expires_at_ms=NOW_MS))
    services.configure(a_rerun(id="dl_new", expires_at_ms=NOW_MS + 1))
    assert await rerunning.remove_expired(services) == 1
    assert [str(key) for key in services.writer.deleted] == ["25/rerun/dl_old"]


async def test_a_test_that_could_not_be_recorded_is_answered_all_the_same(services):
    services.publisher.is_away = True
    answer = (await handler_of(testing)(call_of(services, TryBody(), "crm"))).body
    assert (answer.outcome, answer.is_recorded) == ("delivered", False)


async def test_the_record_of_a_test_names_no_job(services):
    await handler_of(testing)(call_of(services, TryBody(), "crm"))
    record = decode(Attempt, services.publisher.records[0].value)
    assert (record.is_test, record.source, record.activity_id) == (True, None, "1")


async def test_no_more_tests_are_made_at_once_than_a_process_can_bear(monkeypatch):
    made = tester.Tester(Settings())
    configs = trial_configs(an_account(), a_webhook(url="http://127.0.0.1/"))
    try:
        job, exchange = await made.attempted(a_job(), configs, ())
        assert (job.body is not None, exchange.result.reason) == (True, "egress_insecure")
        monkeypatch.setattr(tester, "TESTS_MAX", 0)
        with pytest.raises(Problem) as refused:
            await made.attempted(a_job(), configs, ())
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    finally:
        await made.close()


async def test_an_event_that_is_too_large_is_refused_alone(services):
    large = {"phase": "end", "activity": {"id": 1, "notes": "x" * EVENT_BYTES_MAX}}
    small = {"phase": "end", "activity": {"id": 2}, "origin": "delayed"}
    body = IngestBody.model_validate([large, small])
    answer = (await handler_of(ingest)(call_of(services, body, ""))).body
    assert [it.status for it in answer.items] == ["refused", "accepted"]
    assert "more than the 1048576 an event may have" in answer.items[0].errors[0].message
    (record,) = services.publisher.records
    assert b'"origin":"upstream"' in record.value


@pytest.mark.parametrize("given", [b"7", b'"x"', b"[]", b"null"])
def test_what_is_neither_an_event_nor_some_is_refused_in_one_sentence(given):
    with pytest.raises(Problem) as refused:
        body_of("application/json", given, IngestBody)
    (fault,) = refused.value.errors
    assert str(fault) == "must be an event, or a list of 1 to 1000 events"


@pytest.mark.parametrize("given", ["", "x" * 201, True, 1.5, [1]])
def test_an_activity_is_named_by_a_number_or_a_text(given):
    with pytest.raises(Problem) as refused:
        body_of("application/json", json.dumps({"activity_id": given}).encode(), TryBody)
    (fault,) = refused.value.errors
    assert str(fault) == "activity_id: must be an integer, or text of 1 to 200 characters"
