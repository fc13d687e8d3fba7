"""Signatures after Standard Webhooks (its spec 1.0): HMAC-SHA256 over id, timestamp and body.

Several secrets give several signatures, so that a receiver can change over while both are valid.
Requests are signed when they are sent, each attempt anew: a receiver refuses old timestamps.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from schemas.secret import signing_key


def sign(secrets: tuple[str, ...], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,…` for each secret, separated by blanks."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(f"v1,{_signature(signing_key(secret), content)}" for secret in secrets)


def _signature(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
