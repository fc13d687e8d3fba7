"""Identifiers that are the same for the same thing, however often it is sent or read again."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

# 26 characters of base32 carry 130 bits: no two deliveries will ever share one by chance.
_ID_CHARACTERS: Final = 26
# By this a message's record on `attempts` is told from a delivery's.
NOTICE_PREFIX: Final = "nt_"
_SEPARATOR: Final = "\x1f"  # a unit separator cannot make ("a", "bc") and ("ab", "c") alike


def _digest(*parts: str) -> str:
    digest = hashlib.blake2b(_SEPARATOR.join(parts).encode(), digest_size=20).digest()
    return base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS]


def delivery_id(event_id: str, webhook_id: str, account_id: int) -> str:
    """`dl_` and 26 characters: one event owed to one webhook, over retries, replays and crashes."""
    return f"dl_{_digest(event_id, webhook_id, str(account_id))}"


def derived_event_id(account_id: int, activity_id: str, phase: str, distinction: str) -> str:
    """`ev_` and 26 characters, for an event whose producer gave it no id.

    `distinction` is the sequence number where there is one, else a hash of the content, so that a
    producer's resend is the same event and a later event of the same phase is another.
    """
    return f"ev_{_digest(str(account_id), activity_id, phase, distinction)}"


def notice_id(cause_id: str, trigger_id: str, action: int, account_id: int) -> str:
    """`nt_` and 26 characters: one message by an action (its place, from 0) of a trigger."""
    return f"{NOTICE_PREFIX}{_digest(cause_id, trigger_id, str(action), str(account_id))}"


def command_id(cause_id: str, trigger_id: str, action: int, account_id: int) -> str:
    """`cm_` and 26 characters: one command by an action (its place, from 0) of a trigger."""
    return f"cm_{_digest(cause_id, trigger_id, str(action), str(account_id))}"


def inbound_id(source_id: str, account_id: int, drawn: str) -> str:
    """`in_` and 26 characters: one request that a source took in, or refused."""
    return f"in_{_digest(source_id, str(account_id), drawn)}"


def content_hash(content: bytes) -> str:
    """A hash of an event's content, as the `distinction` of an event without a sequence."""
    return _digest(content.hex())
