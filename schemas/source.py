"""A source: an account's inbound endpoint, and how foreign fields become an activity's.

A mapping is data: rows, each of which looks for a value in the request and makes a field of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from schemas.codec import Many, Record
from schemas.common import (
    AccountId,
    Hash,
    Name,
    Position,
    SlugLike,
    Text,
    Time,
    TimeZone,
    form,
    shown,
)
from schemas.http_fields import HeaderName
from schemas.secret import OR_SEALED

ROWS_MAX: Final = 200
PATHS_MAX: Final = 10
TRANSFORMS_MAX: Final = 10
LOOKUP_MAX: Final = 500
TEMPLATE_CHARACTERS_MAX: Final = 4_000
# Secrets that a sender signs with: two while one is rotated out.
SECRETS_MAX: Final = 4
PER_SECOND_DEFAULT: Final = 50.0
PER_SECOND_MAX: Final = 1_000.0

_REGION: Final = r"[A-Z]{2}"

Path = Annotated[str, Field(min_length=1, max_length=256)]
Region = Annotated[
    str,
    Field(json_schema_extra=shown(_REGION)),
    form(_REGION, "must be a country's two letters, such as US"),
]
Word = Annotated[str, Field(max_length=200)]
Secret = Annotated[str, Field(min_length=1, max_length=500), OR_SEALED]


class Simple(Record):
    """A transform without settings: `number` and `bool` give JSON's, `digits` keeps only digits."""

    type: Literal["trim", "lower", "upper", "digits", "number", "bool"]


class ToE164(Record):
    """A telephone number in E.164; `region` is where a national one is from."""

    type: Literal["e164"]
    region: Region | None = None


class Split(Record):
    """The part at `index` (from 0, or from the end below 0) of a text parted by `by`."""

    type: Literal["split"]
    by: Annotated[str, Field(min_length=1, max_length=20)]
    index: Annotated[int, Field(ge=-100, le=100)] = 0


class Concat(Record):
    """All values that the row's paths find, joined by `separator`; a list's elements, too."""

    type: Literal["concat"]
    separator: Annotated[str, Field(max_length=20)] = " "


class ToDate(Record):
    """A time in ISO 8601, read by `format` (strptime's) or as ISO.

    `time_zone` is where one without an offset is from; none is the account's.
    """

    type: Literal["date"]
    format: Word | None = None
    time_zone: TimeZone | None = None


class Lookup(Record):
    """The value that `table` has for the text, in any case; else `otherwise`, else an error."""

    type: Literal["lookup"]
    table: Annotated[dict[Word, Any], Field(min_length=1, max_length=LOOKUP_MAX)]
    otherwise: Any = None


class Templated(Record):
    """A Mustache template over the request's fields; `{{value}}` is what the row found."""

    type: Literal["template"]
    template: Annotated[str, Field(min_length=1, max_length=TEMPLATE_CHARACTERS_MAX)]


Transform = Annotated[
    Simple | ToE164 | Split | Concat | ToDate | Lookup | Templated, Field(discriminator="type")
]


class MappingRow(Record):
    """One row: the first of `paths` that holds something becomes `target`, transformed.

    `on_error` says what becomes of a value that a transform cannot take: the request is rejected,
    the field is left out, or the value is kept as it came.
    """

    target: Path
    paths: Annotated[Many[Path], Field(max_length=PATHS_MAX)] = ()
    transforms: Annotated[Many[Transform], Field(max_length=TRANSFORMS_MAX)] = ()
    default: Any = None
    required: bool = False
    on_error: Literal["reject", "null", "keep"] = "reject"


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


class PresetVerification(Record):
    """A signature as these senders make it. Any of `secrets` may have made it."""

    type: Literal["standard_webhooks", "github", "stripe", "shopify", "twilio"]
    secrets: Annotated[Many[Secret], Field(min_length=1, max_length=SECRETS_MAX)]
    tolerance_s: Annotated[int, Field(ge=30, le=3_600)] = 300


class HmacVerification(Record):
    """An HMAC of the body in a header, `prefix` before it."""

    type: Literal["hmac"]
    header: HeaderName
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(max_length=50)] = ""
    secrets: Annotated[Many[Secret], Field(min_length=1, max_length=SECRETS_MAX)]


Verification = Annotated[
    NoVerification | BasicVerification | HeaderVerification | PresetVerification | HmacVerification,
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
    mapping: Annotated[Many[MappingRow], Field(max_length=ROWS_MAX)] = ()
    per_second: Annotated[float, Field(gt=0, le=PER_SECOND_MAX)] = PER_SECOND_DEFAULT
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
