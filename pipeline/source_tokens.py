"""Tokens of sources: the end of an inbound address, of which only a hash is kept.

Hookline draws them. Whoever keeps the configuration in a file may choose one there, so that an
address stays the same on another installation; it is a secret that a guess must not find.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from schemas.codec import Fault

CHARACTERS_MIN: Final = 20
CHARACTERS_MAX: Final = 200
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")

_FORM: Final = (
    f"must have {CHARACTERS_MIN} to {CHARACTERS_MAX} of A-Z a-z 0-9 - _, and not be guessable"
)


def hash_of(token: str) -> str:
    """What is kept of a token. It cannot be guessed, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def is_token(text: str) -> bool:
    """Whether it may be a token."""
    is_long_enough = CHARACTERS_MIN <= len(text) <= CHARACTERS_MAX
    return is_long_enough and _TOKEN.fullmatch(text) is not None


def with_hash(fields: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """A source's fields as a person writes them, with the hash in place of a token; and the faults.

    The faults do not repeat the token.
    """
    token = fields.get("token")
    if token is None:
        return {name: value for name, value in fields.items() if name != "token"}, []
    rest = {name: value for name, value in fields.items() if name not in {"token", "token_hash"}}
    faults = []
    if fields.get("token_hash") is not None:
        faults.append(Fault("token_hash", "is made of the token: give one of the two"))
    if not isinstance(token, str) or not is_token(token):
        return rest, [*faults, Fault("token", _FORM)]
    return {**rest, "token_hash": hash_of(token)}, faults
