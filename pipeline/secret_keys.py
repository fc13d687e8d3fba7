"""Keys that seal the secrets of webhooks, as `HOOKLINE_SECRET_KEYS` and a key file name them.

`id:base64key,id:base64key`: the first key seals, all of them open. A fault never quotes a key.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from schemas.secret import KEY_ID

# AES-256.
KEY_BYTES: Final = 32

_ENTRY: Final = re.compile(rf"({KEY_ID}):([A-Za-z0-9+/_=-]+)")
_BETWEEN: Final = re.compile(r"[,\s]+")  # a file may have a line for each
_STANDARD: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of 32 bytes, and the id that sealed texts call it by; as text, only the id shows."""

    id: str
    key: bytes = field(repr=False)


def parse_keys(text: str) -> tuple[SecretKey, ...]:
    """The keys that `text` names; raises ValueError with all faults."""
    keys: dict[str, SecretKey] = {}
    faults = []
    for number, entry in enumerate(filter(None, _BETWEEN.split(text)), start=1):
        try:
            key = _parsed(entry)
        except ValueError as error:
            faults.append(f"key {number}: {error}")
            continue
        if keys.setdefault(key.id, key) is not key:
            faults.append(f"key {number}: an earlier key has the id {key.id} too")
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(keys.values())


def written(*keys: SecretKey) -> str:
    """The keys as `parse_keys` reads them: to be kept as secret as they are."""
    return ",".join(f"{key.id}:{base64.b64encode(key.key).decode()}" for key in keys)


def _parsed(entry: str) -> SecretKey:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError("must be an id of A-Z a-z 0-9 _ -, a colon, and 32 bytes in base64")
    try:
        key = base64.b64decode(found[2].translate(_STANDARD), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {found[1]}: is not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"{found[1]} must have {KEY_BYTES} bytes, not {len(key)}")
    return SecretKey(found[1], key)
