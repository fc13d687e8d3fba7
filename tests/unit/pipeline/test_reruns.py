"""A delivery begun again: its job, its body, and what it supersedes."""

import pytest

from pipeline.requests import BODY_BYTES_KEPT, Request, as_recorded
from pipeline.reruns import SUPERSEDED_MS, is_same_body, kept_body, rerun_job, superseding
from schemas.job import Body
from tests.support.builders import NOW_MS, a_job, a_webhook, an_event

JSON = (("content-type", "application/json"),)


def a_rerun_job(**given):
    fields = {
        "delivery_id": a_job().delivery_id,
        "number": 2,
        "attempts": 7,
        "first_queued_at_ms": NOW_MS - 9_000,
        "config_offset": 41,
        "body": None,
        "now_ms": NOW_MS,
    }
    return rerun_job(a_webhook(expire_after_s=60), an_event(), **fields | given)


def recorded(text, headers=JSON):
    return as_recorded(Request("POST", "https://a.example/", headers, text.encode()))


def test_a_run_goes_on_counting_attempts_and_has_its_own_time():
    job = a_rerun_job()
    assert (job.rerun, job.attempt, job.tries, job.lane) == (2, 8, 1, "replay")
    assert (job.first_queued_at_ms, job.due_at_ms) == (NOW_MS - 9_000, NOW_MS)
    assert (job.expires_at_ms, job.config_offset) == (NOW_MS + 60_000, 41)
    assert job.key == a_job().key


def test_the_record_of_a_rerun_lasts_as_long_as_a_retry_of_an_earlier_run_may_wait():
    record = superseding(a_rerun_job(), NOW_MS)
    assert (record.id, record.webhook_id, record.number) == (a_job().delivery_id, "crm", 2)
    assert record.expires_at_ms - NOW_MS == SUPERSEDED_MS == 7 * 24 * 60 * 60 * 1_000


@pytest.mark.parametrize("text", ["", '{"id": 1}', "ü" * (BODY_BYTES_KEPT // 2)])
def test_a_body_that_was_kept_whole_is_sent_again_with_its_content_type(text):
    assert kept_body(recorded(text)) == Body(text=text, content_type="application/json")


def test_a_pixel_without_a_body_stays_one():
    assert kept_body(recorded("", headers=())) == Body(text="", content_type=None)


def test_of_a_body_that_was_cut_there_is_only_a_proof():
    text = "x" * (BODY_BYTES_KEPT + 1)
    request = recorded(text)
    assert kept_body(request) is None
    assert is_same_body(Body(text=text, content_type=None), request)
    assert not is_same_body(Body(text=text[1:], content_type=None), request)


def test_a_body_that_was_cut_before_there_were_proofs_is_not_taken_for_whole():
    request = recorded("x" * (BODY_BYTES_KEPT + 1)).model_copy(update={"body_sha256": None})
    assert kept_body(request) is None
