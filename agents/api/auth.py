"""Who asks: a key, by its hash, and what that key may do.

A key is `hk<account>-<random>.<secret>`; its first half is its id, so that it is found without a
search, and an admin key's account is 0. Bearer takes the whole, Basic the halves as user and
password. Whatever is wrong with a key, the answer is the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from agents.api.problems import FORBIDDEN, UNAUTHORIZED, Problem
from pipeline.configs import Configs
from schemas.config import ConfigKey
from schemas.key import ADMIN_ACCOUNT, Key

# Longer than any key; what is longer is not even hashed.
_CREDENTIALS_CHARACTERS_MAX: Final = 500
_KEY_ID: Final = re.compile(r"hk(0|[1-9][0-9]{0,18})-[a-z0-9]{1,40}")
# Compared with when there is no such key, so that both take the same time.
_NOBODY: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever holds a key. `account_id` is None for an admin key, which may do everything."""

    key_id: str
    account_id: int | None
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the key belongs to the installation rather than to an account."""
        return self.account_id is None

    def may_see(self, account_id: int) -> bool:
        """Whether that account exists for this key, as far as anybody can tell from answers."""
        return self.is_admin or self.account_id == account_id

    def require(self, scope: str) -> None:
        """Raise the problem when the key has not this scope."""
        if not self.is_admin and scope not in self.scopes:
            wanted = "an admin key" if scope == "admin" else f"a key with the scope {scope}"
            raise Problem(FORBIDDEN, f"this needs {wanted}")


# Whoever asks for what is public.
ANONYMOUS: Final = Principal("anonymous", account_id=ADMIN_ACCOUNT, scopes=frozenset())


def secret_hash(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authenticated(authorization: str | None, configs: Configs) -> Principal:
    """Who an `Authorization` header belongs to; raises the problem when it is nobody's."""
    key_id, secret = _credentials(authorization or "")
    key = _find(key_id, configs)
    expected = _NOBODY if key is None else key.secret_hash
    is_right = hmac.compare_digest(secret_hash(secret), expected)
    if key is None or not is_right:
        raise _unauthorized("the key is missing, wrong or revoked")
    return Principal(key.id, key.account_id, frozenset(key.scopes))


def _find(key_id: str, configs: Configs) -> Key | None:
    found = _KEY_ID.fullmatch(key_id)
    if found is None:
        return None
    key = configs.get(ConfigKey(int(found[1]), "key", key_id))
    return key if isinstance(key, Key) else None


def _credentials(authorization: str) -> tuple[str, str]:
    """The id and the secret in a header; raises the problem when it has another form."""
    scheme, _, given = authorization.strip().partition(" ")
    given = given.strip()
    if len(given) > _CREDENTIALS_CHARACTERS_MAX:
        raise _unauthorized("the key is longer than any key")
    if scheme.lower() == "bearer":
        key_id, _, secret = given.partition(".")
        return key_id, secret
    if scheme.lower() == "basic":
        key_id, _, secret = _decoded(given).partition(":")
        return key_id, secret
    raise _unauthorized("send `Authorization: Bearer KEY`, or Basic with the key's two halves")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _unauthorized("what follows Basic is not base64 of user:password") from None


def _unauthorized(detail: str) -> Problem:
    return Problem(UNAUTHORIZED, detail, headers={"WWW-Authenticate": 'Bearer realm="hookline"'})
