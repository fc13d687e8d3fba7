"""Signatures over any secret, body and id: the official library of Standard Webhooks agrees."""

import base64
import datetime as dt

import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from pipeline.signatures import sign


@given(
    key=st.binary(min_size=24, max_size=64),
    body=st.text(max_size=200),
    message_id=st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1),
)
def test_the_official_library_accepts_every_signature(key, body, message_id):
    now_s = int(dt.datetime.now(tz=dt.UTC).timestamp())
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign((secret,), message_id, now_s, body.encode()),
    }
    standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
