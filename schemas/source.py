"""A source: an account's inbound endpoint, and how its sender proves to be who it is."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.codec import Many, Record
from schemas.common import (
    AccountId,
    Hash,
    Name,
    Position,
    SlugLike,
    Text,
    Time,
)
from schemas.http_fields import HeaderName
from schemas.mapping import Mapping, Path, Region, Word
from schemas.phases import ROUTE
from schemas.secret import OR_SEALED, signing_key

# Secrets that a sender signs with: two while one is rotated out.
SECRETS_MAX: Final = 4
PER_SECOND_DEFAULT: Final = 50.0
PER_SECOND_MAX: Final = 1_000.0

Secret = Annotated[str, Field(min_length=1, max_length=500), OR_SEALED]


class NoVerification(Record):
    """The token in the address is all that is asked for."""

    type: Literal["none"] = "none"


class BasicVerification(Record):
    """The sender's user name and password (RFC 7617)."""

    type: Literal["basic"]
    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Secret


class HeaderVerification(Record):
    """A header that has a secret value, such as an API key."""

    type: Literal["header"]
    header: HeaderName
    secrets: Annotated[Many[Secret], Field(min_length=1, max_length=SECRETS_MAX)]


class QueryVerification(Record):
    """A parameter of the address that has a secret value, for senders that can set no header."""

    type: Literal["query"]
    parameter: Annotated[str, Field(min_length=1, max_length=100)]
    secrets: Annotated[Many[Secret], Field(min_length=1, max_length=SECRETS_MAX)]


def _is_key_of_scheme(secret: str, info: ValidationInfo) -> str:
    if info.data.get("type") == "standard_webhooks":
        signing_key(secret)
    return secret


class PresetVerification(Record):
    """A signature as these senders make it. Any of `secrets` may have made it.

    Those of Standard Webhooks are `whsec_` and base64. `tolerance_s` is how old a request may be
    whose time is signed.
    """

    type: Literal["standard_webhooks", "github", "stripe", "shopify", "twilio"]
    secrets: Annotated[
        Many[
            Annotated[
                str,
                Field(min_length=1, max_length=500),
                AfterValidator(_is_key_of_scheme),
                OR_SEALED,
            ]
        ],
        Field(min_length=1, max_length=SECRETS_MAX),
    ]
    tolerance_s: Annotated[int, Field(ge=30, le=3_600)] = 300


class HmacVerification(Record):
    """An HMAC in a header, `prefix` before it; any of `secrets` may have made it.

    `content` is what is signed: `{body}`, once, and `{timestamp}`, which stands in
    `timestamp_header` in seconds since 1970 and may be at most `tolerance_s` off.
    """

    type: Literal["hmac"]
    header: HeaderName
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(max_length=50)] = ""
    content: Annotated[str, Field(max_length=100)] = "{body}"
    timestamp_header: HeaderName | None = None
    secrets: Annotated[Many[Secret], Field(min_length=1, max_length=SECRETS_MAX)]
    tolerance_s: Annotated[int, Field(ge=30, le=3_600)] = 300

    @model_validator(mode="after")
    def _content_has_what_it_needs(self) -> HmacVerification:
        if self.content.count("{body}") != 1:
            raise ValueError("content: must hold {body} once")
        if ("{timestamp}" in self.content) != (self.timestamp_header is not None):
            raise ValueError(
                "timestamp_header: needed with {timestamp} in the content, and only then"
            )
        return self


Verification = Annotated[
    NoVerification
    | BasicVerification
    | HeaderVerification
    | QueryVerification
    | PresetVerification
    | HmacVerification,
    Field(discriminator="type"),
]


class Deduplication(Record):
    """Where the sender's own id of a request stands: in a header, or at a path of its fields."""

    header: HeaderName | None = None
    path: Path | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Deduplication:
        if (self.header is None) == (self.path is None):
            raise ValueError("header: either a header or a path is needed")
        return self


class Source(Record):
    """An inbound endpoint at `/in/{token}`; `token_hash` is the SHA-256 of its token in hex.

    `source_name` is the activities' tracking source where the mapping gives none. `region` is the
    country of telephone numbers written without their country's code. Without `deduplication` a
    request is known again by the usual headers (`webhook-id`, `Idempotency-Key` …), else by what
    it says.
    """

    kind: Literal["source"] = "source"
    id: SlugLike
    account_id: AccountId
    name: Name
    description: Text = ""
    enabled: bool = True
    phase: Position = "form"
    source_name: Word | None = None
    region: Region | None = None
    allow_no_phone: bool = False
    token_hash: Hash | None = None
    verification: Verification = NoVerification()
    deduplication: Deduplication | None = None
    mapping: Mapping = ()
    per_second: Annotated[float, Field(gt=0, le=PER_SECOND_MAX)] = PER_SECOND_DEFAULT
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None

    @field_validator("phase")
    @classmethod
    def _can_be_told(cls, phase: str) -> str:
        if phase == ROUTE:
            raise ValueError("route names what it runs, which no request from outside may do")
        return phase
