"""Signing secrets in the form of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from pydantic import AfterValidator, Field

FORM: Final = "whsec_"
# The bounds of the specification.
KEY_BYTES_MIN: Final = 24
KEY_BYTES_MAX: Final = 64


def signing_key(secret: str) -> bytes:
    """The bytes behind `whsec_…`; raises ValueError when it is not a secret of that form."""
    if not secret.startswith(FORM):
        raise ValueError(f"must begin with {FORM}")
    try:
        key = base64.b64decode(secret.removeprefix(FORM), validate=True)
    except binascii.Error:
        raise ValueError(f"must be base64 after {FORM}") from None
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError(f"must hold {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes, not {len(key)}")
    return key


def _checked(secret: str) -> str:
    signing_key(secret)
    return secret


SigningSecret = Annotated[str, Field(max_length=200), AfterValidator(_checked)]
