"""Texts that are kept secret: in plain form as a person writes them, or sealed (encrypted).

A signing secret of Standard Webhooks is `whsec_` and 24 to 64 bytes in base64; for the `ctm` scheme
it is any printable text. A sealed text is `sealed:<key id>:<base64>` (pipeline/sealing.py); what
begins with `sealed:` is one, so no plain text does.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic_core import CoreSchema, core_schema

FORM: Final = "whsec_"
# The bounds of the specification.
KEY_BYTES_MIN: Final = 24
KEY_BYTES_MAX: Final = 64
# `whsec_` and 64 bytes are 94; other systems' keys are no longer than this either.
SIGNING_CHARACTERS_MAX: Final = 200

SEALED: Final = "sealed:"
KEY_ID: Final = r"[A-Za-z0-9_-]{1,32}"
_SEALED: Final = rf"{SEALED}{KEY_ID}:[A-Za-z0-9+/]+={{0,2}}"
_SEALED_FORM: Final = re.compile(_SEALED)
# The longest plain one is a header of 4,096 bytes; with nonce and tag, in base64, it is 5,500.
SEALED_CHARACTERS_MAX: Final = 6_000

_SIGNING_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]+")


def is_sealed(text: str) -> bool:
    """Whether a secret is encrypted already."""
    return text.startswith(SEALED)


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


class _OrSealed:
    """Lets a field take a sealed text where it takes a plain one, whose own rules do not apply."""

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - pydantic's signature
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_plain_or_sealed, handler(source))

    def __get_pydantic_json_schema__(
        self,
        schema: Any,  # noqa: ANN401 - pydantic's signature
        handler: GetJsonSchemaHandler,
    ) -> dict[str, Any]:
        sealed = {
            "type": "string",
            "maxLength": SEALED_CHARACTERS_MAX,
            "pattern": f"^{_SEALED}$",
        }
        return {"anyOf": [handler(schema["schema"]), sealed]}


def _plain_or_sealed(value: object, plain: core_schema.ValidatorFunctionWrapHandler) -> object:
    if not isinstance(value, str) or not is_sealed(value):
        return plain(value)
    if len(value) > SEALED_CHARACTERS_MAX or not _SEALED_FORM.fullmatch(value):
        raise ValueError(f"what begins with {SEALED} must go on with a key's id and base64")
    return value


OR_SEALED: Final = _OrSealed()


def _fits_scheme(secret: str, info: ValidationInfo) -> str:
    """Each scheme has secrets of its own form."""
    scheme = info.data.get("scheme")
    if scheme == "standard":
        signing_key(secret)
    elif not _SIGNING_TEXT.fullmatch(secret):
        raise ValueError("must be printable text")
    return secret


SigningSecret = Annotated[
    str, Field(max_length=SIGNING_CHARACTERS_MAX), AfterValidator(_fits_scheme), OR_SEALED
]
