"""A new key: its record, and its secret, which is nowhere kept and shown once."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agents.api.auth import secret_hash
from schemas.codec import validate
from schemas.key import ADMIN_ACCOUNT, Key

SCOPES: Final = ("read", "write", "ingest")

# 80 random bits tell keys apart, 256 cannot be guessed.
_ID_BYTES: Final = 10
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Minted:
    """A record to keep and a secret to hand out."""

    record: Key
    secret: str

    @property
    def token(self) -> str:
        """The whole key, as it follows `Bearer`."""
        return f"{self.record.id}.{self.secret}"


def minted(account_id: int | None, name: str, scopes: Iterable[str] = SCOPES) -> Minted:
    """A key that never was; without an account, an admin key."""
    secret = random_text(_SECRET_BYTES)
    owner = ADMIN_ACCOUNT if account_id is None else account_id
    fields = {
        "id": f"hk{owner}-{random_text(_ID_BYTES)}",
        "account_id": account_id,
        "name": name,
        "scopes": sorted(set(scopes), key=SCOPES.index),
        "secret_hash": secret_hash(secret),
    }
    return Minted(validate(Key, fields), secret)


def random_text(count: int) -> str:
    """Random bytes as letters and digits that survive any header, URL and double click."""
    return base64.b32encode(secrets.token_bytes(count)).decode().rstrip("=").lower()
