"""Signatures of requests, made when they are sent: each attempt anew, as receivers refuse old ones.

`standard` is Standard Webhooks (its spec 1.0): HMAC-SHA256 over id, timestamp and body. Several
secrets give several signatures, so that a receiver can change over while both are valid. `ctm` is
CallTrackingMetrics': HMAC-SHA1 over timestamp and body, in headers of its own. A request without a
body, such as a pixel's, signs what is left: `id.timestamp.`, or the timestamp alone. Neither
scheme signs the URL.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from schemas.secret import signing_key
from schemas.webhook import Signing

CTM_TIME = "X-CTM-Time"
CTM_SIGNATURE = "X-CTM-Signature"


def signature_headers(
    signing: Signing, message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """The headers that prove a request, beside `webhook-id` and `webhook-timestamp`."""
    if signing.scheme == "standard":
        return {"webhook-signature": sign(signing.secrets, message_id, timestamp_s, body)}
    if signing.scheme == "ctm":
        time = str(timestamp_s)
        return {CTM_TIME: time, CTM_SIGNATURE: sign_ctm(signing.secrets[0], time, body)}
    return {}


def sign(secrets: tuple[str, ...], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,…` for each secret, separated by blanks."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(f"v1,{_signature(signing_key(secret), content)}" for secret in secrets)


def sign_ctm(secret: str, time: str, body: bytes) -> str:
    """The value of `X-CTM-Signature`; `time` is that of `X-CTM-Time`, as it is written there."""
    digest = hmac.digest(secret.encode(), time.encode() + body, hashlib.sha1)
    return base64.b64encode(digest).decode()


def _signature(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
