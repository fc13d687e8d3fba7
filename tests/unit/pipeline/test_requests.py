"""The request a job makes, and what the log keeps of it."""

import base64
import hashlib

import pytest

from pipeline.bodies import JSON, body_for
from pipeline.requests import (
    BODY_BYTES_KEPT,
    MASK,
    USER_AGENT,
    Request,
    as_recorded,
    request_for,
)
from schemas.job import Body
from tests.support.builders import a_job, a_webhook, an_account, an_activity, an_event

NOW_S = 1_777_679_285
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, no less").decode()


def requested(job=None, **webhook) -> Request:
    job, webhook = job or a_job(), a_webhook(**webhook)
    body = job.body or body_for(webhook, an_account(), job.event, public_url="https://h.example")
    return request_for(webhook, an_account(), job, body, now_s=NOW_S)


def headers_of(**webhook) -> dict[str, str]:
    request = requested(**webhook)
    assert len({name.lower() for name, _ in request.headers}) == len(request.headers)
    return dict(request.headers)


def test_a_request_says_what_it_is_and_for_which_delivery():
    job = a_job()
    request = requested(job)
    assert (request.method, request.url) == ("POST", "https://crm.example.com/in")
    assert dict(request.headers) == {
        "User-Agent": USER_AGENT,
        "Content-Type": JSON,
        "webhook-id": job.delivery_id,
        "webhook-timestamp": str(NOW_S),
    }


def test_every_attempt_sends_the_bytes_of_the_first_though_the_event_says_something_else():
    frozen = Body(text='{"as": "it was"}', content_type="application/json; v=1")
    later = a_job(attempt=3, body=frozen, event=an_event(activity=an_activity(talk_time=99)))
    request = requested(later)
    assert request.body == b'{"as": "it was"}'
    assert ("Content-Type", "application/json; v=1") in request.headers


def test_a_url_is_made_of_the_activity_at_each_attempt():
    job = a_job(event=an_event(activity=an_activity(id=7, name="Ann & Co")))
    assert requested(job, url="https://a.example/{{id}}?n={{name}}").url == (
        "https://a.example/7?n=Ann%20%26%20Co"
    )


def test_a_pixel_may_be_fetched_and_has_neither_body_nor_content_type():
    url = "https://a.example/:callid.gif"
    request = requested(url=url, method="GET", body_type="pixel", signing={"secrets": [SECRET]})
    assert (request.method, request.body) == ("GET", b"")
    assert request.url == f"https://a.example/{an_activity()['id']}.gif"
    assert "Content-Type" not in dict(request.headers)
    assert dict(request.headers)["webhook-signature"].startswith("v1,")


def test_the_idempotency_key_is_the_deliverys_id_when_it_is_asked_for():
    assert headers_of(idempotency_key=True)["Idempotency-Key"] == a_job().delivery_id
    assert "Idempotency-Key" not in headers_of()


def test_enhanced_tokens_are_blank_unless_the_account_has_them():
    job = a_job(event=an_event(activity=an_activity(extended_lookup={"first_name": "Ann"})))
    webhook, body = (
        a_webhook(url="https://a.example/?f={{extended_lookup.first_name}}"),
        Body(text="", content_type=None),
    )
    entitled = an_account(features={"enhanced_caller_id": True})
    assert request_for(webhook, an_account(), job, body, now_s=NOW_S).url.endswith("?f=")
    assert request_for(webhook, entitled, job, body, now_s=NOW_S).url.endswith("?f=Ann")


def test_a_webhooks_own_header_replaces_ours_in_any_case():
    headers = headers_of(
        headers=[
            {"name": "user-agent", "value": "Denver/1"},
            {"name": "CONTENT-TYPE", "value": "text/plain"},
            {"name": "X-Tenant", "value": "25"},
        ]
    )
    assert headers["user-agent"] == "Denver/1"
    assert headers["CONTENT-TYPE"] == "text/plain"
    assert headers["X-Tenant"] == "25"
    assert "User-Agent" not in headers


def test_basic_auth_is_a_header_unless_the_webhook_has_its_own():
    auth = {"username": "hook", "password": "pässword"}
    token = base64.b64encode("hook:pässword".encode()).decode()
    assert headers_of(basic_auth=auth)["Authorization"] == f"Basic {token}"
    own = [{"name": "authorization", "value": "Bearer t"}]
    assert headers_of(basic_auth=auth, headers=own)["authorization"] == "Bearer t"


def test_a_signature_is_there_only_when_it_is_asked_for():
    assert "webhook-signature" not in headers_of()
    signed = headers_of(signing={"secrets": [SECRET]})
    assert signed["webhook-signature"].startswith("v1,")
    assert "webhook-signature" not in headers_of(signing={"scheme": "none", "secrets": [SECRET]})


def test_the_log_masks_every_header_that_could_hold_a_secret():
    headers = (
        ("Authorization", "Basic c2VjcmV0"),
        ("X-Api-Key", "secret"),
        ("Cookie", "secret"),
        ("X-CTM-Signature", "made with a short secret"),
        ("Content-Type", JSON),
        ("Webhook-Id", "dl_x"),
    )
    recorded = as_recorded(Request("POST", "https://a.example/", headers, b"{}"))
    assert dict(recorded.headers) == {
        "Authorization": MASK,
        "X-Api-Key": MASK,
        "Cookie": MASK,
        "X-CTM-Signature": MASK,
        "Content-Type": JSON,
        "Webhook-Id": "dl_x",
    }


@pytest.mark.parametrize("size", [0, 1, BODY_BYTES_KEPT, BODY_BYTES_KEPT + 1, 1_000_000])
def test_the_log_keeps_the_beginning_of_a_body_and_its_size(size):
    recorded = as_recorded(Request("POST", "https://a.example/", (), b"x" * size))
    assert (len(recorded.body), recorded.body_bytes) == (min(size, BODY_BYTES_KEPT), size)


def test_a_body_that_is_cut_leaves_a_hash_of_the_whole():
    body = b"x" * (BODY_BYTES_KEPT + 1)
    cut = as_recorded(Request("POST", "https://a.example/", (), body))
    whole = as_recorded(Request("POST", "https://a.example/", (), body[1:]))
    assert (cut.body_sha256, whole.body_sha256) == (hashlib.sha256(body).hexdigest(), None)


def test_a_body_cut_within_a_letter_is_still_text():
    recorded = as_recorded(Request("POST", "https://a.example/", (), "ü".encode() * 10_000 + b"x"))
    odd = as_recorded(Request("POST", "https://a.example/", (), b"x" + "ü".encode() * 10_000))
    assert recorded.body == "ü" * (BODY_BYTES_KEPT // 2)
    assert odd.body.endswith("ü\N{REPLACEMENT CHARACTER}")
