"""Senders that prove to be who they say, with examples that they publish, and all that do not."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as StandardWebhook

from pipeline.inbound_bodies import read_payload
from pipeline.verifying import refusal, without_credentials
from tests.support.builders import NOW_MS, a_source
from tests.support.inbound import URL, a_request

NOW_S = NOW_MS // 1_000
STANDARD = "whsec_" + "QUJD" * 8
BODY = '{"phone": "+17205550123"}'
# The examples in the documentation of GitHub, Slack and Twilio.
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_TIME = 1531420618
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
SLACK_BODY = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_BODY = (
    "To=%2B18005551212&From=%2B14158675309&Digits=1234&CallSid=CA1234567890ABCDE"
    "&Caller=%2B14158675309"
)
TWILIO_SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
FORM = "application/x-www-form-urlencoded"


def refused(verification, request):
    return refusal(a_source(verification=verification), request)


def test_a_source_may_ask_for_nothing_but_its_address():
    assert refused({"type": "none"}, a_request(BODY)) is None


BASIC = {"type": "basic", "username": "ann", "password": "pä:ss"}


def basic(pair):
    given = base64.b64encode(pair.encode()).decode()
    return refused(BASIC, a_request(BODY, headers={"authorization": f"Basic {given}"}))


def test_a_user_name_and_a_password_are_compared_as_one():
    assert basic("ann:pä:ss") is None
    assert basic("ann:pä") == "the user name or the password is wrong"
    assert basic("bob:pä:ss") == "the user name or the password is wrong"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "there is no user name and password: the header Authorization is missing"),
        ({"authorization": "Bearer x"}, "there is no user name and password"),
        ({"authorization": "Basic §"}, "the header Authorization is not base64"),
        ({"authorization": "Basic YQ"}, "the header Authorization is not base64"),
    ],
)
def test_what_is_no_user_name_and_password_is_said(headers, why):
    assert refused(BASIC, a_request(BODY, headers=headers)).startswith(why)


def test_a_key_in_a_header_is_one_of_the_secrets():
    asked = {"type": "header", "header": "X-Key", "secrets": ["old", "new"]}
    for given, why in (
        ("old", None),
        ("new", None),
        ("ne", "X-Key has another value"),
        ("n\udce9w", "X-Key has another value"),  # a byte that is no UTF-8
        (None, "X-Key is missing"),
    ):
        headers = {} if given is None else {"x-key": given}
        assert refused(asked, a_request(BODY, headers=headers)) == why


def test_a_key_in_the_address_is_one_of_the_secrets_and_no_field():
    asked = {"type": "query", "parameter": "the key", "secrets": ["s&1"]}
    source = a_source(verification=asked)
    right = a_request(method="GET", query="the+key=s%261&phone=1")
    assert refusal(source, right) is None
    assert read_payload(source, right) == {"phone": "1"}
    assert refused(asked, a_request(query="the+key=s")) == "the key has another value"
    assert refused(asked, a_request(query="phone=1")) == "the key is missing"
    assert refused(asked, a_request(query="&".join(["a=1"] * 2_001))) == "the key is missing"


def standard(headers, secrets=(STANDARD,), body=BODY, tolerance_s=300):
    asked = {"type": "standard_webhooks", "secrets": [*secrets], "tolerance_s": tolerance_s}
    return refused(asked, a_request(body, headers=headers))


def standard_headers(secret=STANDARD, time_s=NOW_S):
    signature = StandardWebhook(secret).sign("msg_1", datetime.fromtimestamp(time_s, UTC), BODY)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(time_s),
        "webhook-signature": signature,
    }


def test_standard_webhooks_are_believed_as_their_own_library_signs_them():
    headers = standard_headers()
    assert standard(headers) is None
    other = standard_headers("whsec_" + "RUZH" * 8)
    assert standard(other) is not None
    assert standard(other, ("whsec_" + "RUZH" * 8, STANDARD)) is None
    both = f"v1a,x {other['webhook-signature']} {headers['webhook-signature']}"
    assert standard({**headers, "webhook-signature": both}) is None


def test_another_body_another_id_or_another_time_is_not_what_was_signed():
    headers = standard_headers()
    why = "the signature in webhook-signature is not one that our secret makes of this request"
    assert standard(headers, body=BODY + " ") == why
    assert standard({**headers, "webhook-id": "msg_2"}) == why
    assert standard({**headers, "webhook-timestamp": str(NOW_S - 1)}) == why


@pytest.mark.parametrize("off_s", [-301, 301])
def test_a_signed_time_must_be_near_ours(off_s):
    side = "ahead" if off_s > 0 else "old"
    why = standard(standard_headers(time_s=NOW_S + off_s))
    assert why == f"the time in webhook-timestamp is 301 s {side}, more than 300"
    assert standard(standard_headers(time_s=NOW_S + off_s), tolerance_s=301) is None


@pytest.mark.parametrize("time", ["", "soon", "-5", "1" * 13])
def test_a_signed_time_must_be_a_time(time):
    headers = {**standard_headers(), "webhook-timestamp": time}
    assert standard(headers) == "webhook-timestamp has no time in seconds since 1970"


def test_a_signature_that_is_missing_is_said_to_be():
    headers = standard_headers()
    why = "there is no signature: the header webhook-signature is missing"
    assert standard({**headers, "webhook-signature": ""}) == why
    assert standard({**headers, "webhook-signature": "v2,abc"}) == why


def test_github_s_own_example_is_believed():
    asked = {"type": "github", "secrets": ["another", GITHUB_SECRET]}
    headers = {"x-hub-signature-256": GITHUB_SIGNATURE}
    assert refused(asked, a_request("Hello, World!", headers=headers)) is None
    why = "the signature in X-Hub-Signature-256 is not one that our secret makes of this request"
    assert refused(asked, a_request("Hello, World", headers=headers)) == why
    assert refused(asked, a_request("Hello, World!")) is not None


def test_stripe_signs_the_time_and_the_body_and_may_sign_twice():
    signature = hmac.new(b"whsec_x", f"{NOW_S}.{BODY}".encode(), hashlib.sha256).hexdigest()
    asked = {"type": "stripe", "secrets": ["whsec_x"]}

    def given(header):
        return refused(asked, a_request(BODY, headers={"stripe-signature": header}))

    assert given(f"t={NOW_S},v1={signature},v0=abc") is None
    assert given(f"t={NOW_S}, v1={'0' * 64}, v1={signature}") is None
    assert "secret makes" in given(f"t={NOW_S - 1},v1={signature}")
    assert given(f"v1={signature}") == "Stripe-Signature has no time in seconds since 1970"
    assert given("") == "Stripe-Signature has no time in seconds since 1970"


def test_shopify_signs_the_body_in_base64():
    digest = hmac.digest(b"shpss_x", BODY.encode(), hashlib.sha256)
    asked = {"type": "shopify", "secrets": ["shpss_x"]}
    headers = {"x-shopify-hmac-sha256": base64.b64encode(digest).decode()}
    assert refused(asked, a_request(BODY, headers=headers)) is None
    assert "secret makes" in refused(asked, a_request(BODY + " ", headers=headers))


TWILIO = {"type": "twilio", "secrets": ["12345"]}


def twilio(**changes):
    known = {"url": TWILIO_URL, "headers": {"x-twilio-signature": TWILIO_SIGNATURE}}
    return refused(
        TWILIO, a_request(changes.pop("body", TWILIO_BODY), FORM, **{**known, **changes})
    )


def test_twilio_s_own_example_is_believed_with_and_without_a_port():
    assert twilio() is None
    assert twilio(url=TWILIO_URL.replace(".com/", ".com:443/")) is None
    assert "secret makes" in twilio(url=TWILIO_URL.replace("bar=2", "bar=3"))
    assert "secret makes" in twilio(body=TWILIO_BODY.replace("1234&", "1235&"))
    assert "missing" in twilio(headers={})
    assert twilio(body="a=%ff") == "the form that is signed cannot be read"
    assert twilio(body="a=1&" * 2_001) == "the form that is signed cannot be read"


def twilio_signature(url):
    return base64.b64encode(hmac.digest(b"12345", url.encode(), hashlib.sha1)).decode()


def test_twilio_signs_the_port_of_some_addresses():
    signed = twilio_signature("https://mycompany.com:443/in/x")
    request = a_request(
        url="https://mycompany.com/in/x", method="GET", headers={"x-twilio-signature": signed}
    )
    assert refused(TWILIO, request) is None


def test_twilio_s_json_is_believed_by_its_hash_in_the_address():
    digest = hashlib.sha256(BODY.encode()).hexdigest()
    query = f"bodySHA256={digest}"
    headers = {"x-twilio-signature": twilio_signature(f"{URL}?{query}")}
    assert refused(TWILIO, a_request(BODY, query=query, headers=headers)) is None
    why = "bodySHA256 in the address is not the body's hash"
    assert refused(TWILIO, a_request(BODY + " ", query=query, headers=headers)) == why
    assert refused(TWILIO, a_request(BODY, headers=headers)) == why


def test_any_hmac_of_the_body_can_be_described():
    digest = hmac.digest(b"s", BODY.encode(), hashlib.sha512)
    asked = {"type": "hmac", "header": "X-Sign", "algorithm": "sha512", "secrets": ["s"]}

    def given(value, **more):
        headers = {"x-sign": value} if value else {}
        return refused({**asked, **more}, a_request(BODY, headers=headers))

    assert given(digest.hex()) is None
    assert given(digest.hex().upper()) is None
    assert given(base64.b64encode(digest).decode(), encoding="base64") is None
    assert given(f"sha512={digest.hex()}", prefix="sha512=") is None
    assert given(digest.hex(), prefix="sha512=") == "X-Sign does not begin with sha512="
    assert given("", prefix="sha512=") == "there is no signature: the header X-Sign is missing"
    assert "secret makes" in given(digest.hex()[:-1])


def test_slack_s_own_example_is_believed_by_a_description_of_it():
    asked = {
        "type": "hmac",
        "header": "X-Slack-Signature",
        "prefix": "v0=",
        "content": "v0:{timestamp}:{body}",
        "timestamp_header": "X-Slack-Request-Timestamp",
        "secrets": [SLACK_SECRET],
    }
    headers = {
        "x-slack-signature": SLACK_SIGNATURE,
        "x-slack-request-timestamp": str(SLACK_TIME),
    }
    request = a_request(SLACK_BODY, FORM, headers=headers, at_ms=SLACK_TIME * 1_000)
    assert refused(asked, request) is None
    late = a_request(SLACK_BODY, FORM, headers=headers)
    assert refused(asked, late).startswith("the time in X-Slack-Request-Timestamp is ")
    forged = {**headers, "x-slack-request-timestamp": "{body}"}
    assert "has no time" in refused(asked, a_request(SLACK_BODY, FORM, headers=forged))


def test_a_request_is_kept_without_its_credentials():
    headers = {
        "authorization": "Basic eDp5",
        "cookie": "a=b",
        "x-key": "secret",
        "x-request-id": "7",
    }
    request = a_request(BODY, query="key=a%26b&other=1&key", headers=headers)
    by_header = a_source(verification={"type": "header", "header": "X-Key", "secrets": ["secret"]})
    kept = without_credentials(by_header, request)
    mask = "•••"
    assert kept.headers == {
        "authorization": mask,
        "cookie": mask,
        "x-key": mask,
        "x-request-id": "7",
    }
    assert (kept.url, kept.query, kept.body) == ("", request.query, request.body)
    by_query = a_source(verification={"type": "query", "parameter": "key", "secrets": ["a&b"]})
    kept = without_credentials(by_query, request)
    assert kept.query == "key=%E2%80%A2%E2%80%A2%E2%80%A2&other=1&key"
    assert kept.headers["x-key"] == "secret"
