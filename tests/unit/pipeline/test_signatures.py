"""Signatures, verified by the official library of Standard Webhooks."""

import base64
import datetime as dt

import pytest
import standardwebhooks

from pipeline.requests import request_for
from pipeline.signatures import sign, signature_headers
from schemas.job import Body
from schemas.webhook import Signing
from tests.support.builders import a_job, a_webhook, an_account


def now_s() -> int:
    return int(dt.datetime.now(tz=dt.UTC).timestamp())


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def verify(secret: str, message_id: str, timestamp_s: int, signature: str, body: str) -> None:
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature,
    }
    standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)


OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 64)


def test_while_a_secret_is_rotated_holders_of_either_one_are_content():
    signature = sign((NEW, OLD), "dl_x", now_s(), b"{}")
    for secret in (OLD, NEW):
        verify(secret, "dl_x", now_s(), signature, "{}")


@pytest.mark.parametrize(
    ("secret", "message_id", "late_s", "body"),
    [
        (NEW, "dl_x", 0, "{}"),
        (OLD, "dl_y", 0, "{}"),
        (OLD, "dl_x", 1, "{}"),
        (OLD, "dl_x", 0, "{} "),
    ],
)
def test_another_secret_id_time_or_body_is_refused(secret, message_id, late_s, body):
    signed_s = now_s()
    signature = sign((OLD,), "dl_x", signed_s, b"{}")
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify(secret, message_id, signed_s + late_s, signature, body)


def test_a_request_carries_a_signature_of_just_the_bytes_it_sends():
    body = Body(text='{"name": "Grüße"}', content_type="application/json")
    webhook = a_webhook(signing={"secrets": [NEW, OLD]})
    request = request_for(webhook, an_account(), a_job(), body, now_s=now_s())
    official = standardwebhooks.Webhook(OLD)
    assert official.verify(request.body.decode(), dict(request.headers)) == {"name": "Grüße"}


def test_the_ctm_scheme_signs_its_time_and_the_raw_body_with_one_secret():
    """As openssl says: printf '1777679285{"a":1}' | openssl dgst -sha1 -hmac 'ein Schlüssel'."""
    signing = Signing(scheme="ctm", secrets=("ein Schlüssel",))
    assert signature_headers(signing, "dl_x", 1_777_679_285, b'{"a":1}') == {
        "X-CTM-Time": "1777679285",
        "X-CTM-Signature": "dNsl3lXUbrAtNqFi8EZlHC69aec=",
    }


def test_without_a_body_the_ctm_scheme_signs_the_time_alone():
    """As openssl says: printf 1777679285 | openssl dgst -sha1 -hmac s."""
    headers = signature_headers(Signing(scheme="ctm", secrets=("s",)), "dl_x", 1_777_679_285, b"")
    assert headers["X-CTM-Signature"] == "ZX89egkgTTKivZ57HnBHdjjm7tk="


def test_without_a_body_the_official_library_accepts_what_is_left():
    timestamp_s = now_s()
    signing = Signing(scheme="standard", secrets=(OLD,))
    headers = signature_headers(signing, "dl_x", timestamp_s, b"")
    verify(OLD, "dl_x", timestamp_s, headers["webhook-signature"], "")


def test_a_webhook_that_signs_nothing_gets_no_signature():
    assert signature_headers(Signing(scheme="none"), "dl_x", now_s(), b"{}") == {}
