"""A webhook: an account's standing request, with everything its delivery needs to know."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from schemas.codec import Many, Record
from schemas.common import AccountId, Name, Position, SlugLike, Text, Time, form, shown
from schemas.filter import Filter
from schemas.http_fields import ContentType, HeaderName, HeaderValue, Url
from schemas.phases import UPDATE
from schemas.secret import OR_SEALED, SigningSecret
from schemas.tiers import TierName

# About 23 hours in ten attempts: short gaps for a hiccup, long ones for a night's outage.
SCHEDULE_DEFAULT: Final = ("5s", "30s", "2m", "10m", "30m", "1h", "3h", "6h", "12h")
ATTEMPTS_MAX: Final = 50
HEADERS_MAX: Final = 40
# What can be sent must be written first; a longer one is a document, not a message.
TEMPLATE_CHARACTERS_MAX: Final = 64 * 1024
# Two secrets while one is rotated out; four leave room for a mistake.
SECRETS_MAX: Final = 4
TIMEOUT_S_MAX: Final = 30
CONCURRENCY_MAX: Final = 64
# One request in a hundred seconds; slower is a job for a report. Ten thousand a second are beyond
# what one sender can do.
PER_SECOND_MIN: Final = 0.01
PER_SECOND_MAX: Final = 10_000
# A webhook that cannot get its turn for three days has lost the interest of whoever wanted it.
EXPIRE_AFTER_S_DEFAULT: Final = 3 * 24 * 60 * 60
# Six days: below the seven that jobs are kept, so an expiry is always recorded.
EXPIRE_AFTER_S_MAX: Final = 6 * 24 * 60 * 60

# An hour may be an outage; what failed for two weeks is not waited for by anybody.
AUTO_DISABLE_S_MIN: Final = 60 * 60
AUTO_DISABLE_S_MAX: Final = 14 * 24 * 60 * 60

_RETRY_ON: Final = r"([345]xx|[345][0-9][0-9]|timeout|dns|connect|tls|reset|protocol)"
RetryOn = Annotated[
    str,
    Field(json_schema_extra=shown(_RETRY_ON)),
    form(
        _RETRY_ON,
        "must be a status such as 429, one of 3xx 4xx 5xx, "
        "or one of timeout dns connect tls reset protocol",
    ),
]

_NO_COLON: Final = r"[^:\x00-\x1f\x7f]*"
_NO_CONTROL: Final = r"[^\x00-\x1f\x7f]*"


class Header(Record):
    """A header sent with every request of the webhook."""

    name: HeaderName
    value: Annotated[HeaderValue, OR_SEALED]


class RateLimit(Record):
    """How many requests an endpoint takes a second; below 1 it is one in so many seconds."""

    per_second: Annotated[float, Field(ge=PER_SECOND_MIN, le=PER_SECOND_MAX)]


class BasicAuth(Record):
    """The user name and password of HTTP basic authentication (RFC 7617)."""

    username: Annotated[
        str,
        Field(min_length=1, max_length=255, json_schema_extra=shown(_NO_COLON)),
        form(_NO_COLON, "must have no colon and no control character"),
    ]
    password: Annotated[
        str,
        Field(max_length=255, json_schema_extra=shown(_NO_CONTROL)),
        form(_NO_CONTROL, "must have no control character"),
        OR_SEALED,
    ] = ""


class Signing(Record):
    """How requests are signed.

    `standard` (Standard Webhooks) takes secrets of `whsec_` and 24 to 64 bytes in base64, each of
    which signs; `ctm` takes one secret, any printable text, as its one header has one signature.
    """

    scheme: Literal["standard", "ctm", "none"] = "standard"
    secrets: Annotated[Many[SigningSecret], Field(max_length=SECRETS_MAX)] = ()

    @model_validator(mode="after")
    def _scheme_has_secrets(self) -> Signing:
        if self.scheme != "none" and not self.secrets:
            raise ValueError(f"secrets: {self.scheme} needs at least one")
        if self.scheme == "ctm" and len(self.secrets) > 1:
            raise ValueError("secrets: ctm signs with one secret only")
        return self


class Retry(Record):
    """When a failed attempt is tried again: after each tier of `schedule` in turn.

    `max_attempts` counts the first one; beyond the schedule its last tier repeats. `retry_on` lists
    the failures worth another try (`5xx`, `429`, `timeout` …); empty means all of them.
    """

    schedule: Annotated[Many[TierName], Field(max_length=ATTEMPTS_MAX)] = SCHEDULE_DEFAULT
    max_attempts: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)] | None = None
    retry_on: Annotated[Many[RetryOn], Field(max_length=50)] = ()

    @property
    def attempts_max(self) -> int:
        """Attempts in all, the first one included."""
        if not self.schedule:
            return 1
        return len(self.schedule) + 1 if self.max_attempts is None else self.max_attempts


class FailureTrigger(Record):
    """The trigger to run when a delivery of the webhook fails, and at which of its failures."""

    trigger_id: SlugLike
    on: Literal["first", "final", "every"] = "first"


class AutoDisable(Record):
    """Disable the webhook once it has failed for `after_s` with nothing delivered."""

    after_s: Annotated[int, Field(ge=AUTO_DISABLE_S_MIN, le=AUTO_DISABLE_S_MAX)]


class Mustache(Record):
    """A body rendered from a Mustache template, escaped as its content type asks."""

    kind: Literal["mustache"]
    template: Annotated[str, Field(min_length=1, max_length=TEMPLATE_CHARACTERS_MAX)]
    content_type: ContentType = "application/json"


class Timeseries(Record):
    """A body with the account's last seven days, a value a day, computed at the event."""

    kind: Literal["timeseries_7d"]
    series: Literal["count", "talk_time", "total_time", "by_source"] = "count"


Format = Annotated[Mustache | Timeseries, Field(discriminator="kind")]


class Webhook(Record):
    """An account's standing request. `weburl` is accepted as another name of `url`.

    `disabled_reason` is why it was disabled automatically; nobody else sets it.
    """

    kind: Literal["webhook"] = "webhook"
    id: SlugLike
    account_id: AccountId
    name: Name
    description: Text = ""
    position: Position
    enabled: bool = True
    url: Url
    method: Literal["POST", "GET"] = "POST"
    body_type: Literal["log_data", "resource_link", "pixel"] = "log_data"
    format: Format | None = None
    filter: Filter | None = None
    headers: Annotated[Many[Header], Field(max_length=HEADERS_MAX)] = ()
    basic_auth: BasicAuth | None = None
    signing: Signing = Signing(scheme="none")
    idempotency_key: bool = False
    retry: Retry = Retry()
    failure_trigger: FailureTrigger | None = None
    auto_disable: AutoDisable | None = None
    disabled_reason: Text | None = None
    timeout_s: Annotated[float, Field(ge=1, le=TIMEOUT_S_MAX)] = 10
    concurrency_max: Annotated[int, Field(ge=1, le=CONCURRENCY_MAX)] = CONCURRENCY_MAX
    rate_limit: RateLimit | None = None
    ordered: bool = False
    coalesce: bool = False
    expire_after_s: Annotated[int, Field(ge=60, le=EXPIRE_AFTER_S_MAX)] = EXPIRE_AFTER_S_DEFAULT
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None

    @model_validator(mode="before")
    @classmethod
    def _enabled_for_no_reason(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was written
        """Forget why it was disabled as soon as it is enabled again, by whatever way."""
        if isinstance(value, dict) and value.get("enabled", True) is True:
            return {name: given for name, given in value.items() if name != "disabled_reason"}
        return value

    @model_validator(mode="before")
    @classmethod
    def _weburl(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was written
        if isinstance(value, dict) and "weburl" in value and "url" not in value:
            return {("url" if name == "weburl" else name): given for name, given in value.items()}
        return value

    @model_validator(mode="after")
    def _parts_fit(self) -> Webhook:
        if self.method == "GET" and self.body_type != "pixel":
            raise ValueError(f"method: only a pixel may be sent with GET, not {self.body_type}")
        if self.format is not None and self.body_type != "log_data":
            raise ValueError(f"format: only log_data has one, not {self.body_type}")
        if self.coalesce and self.position != UPDATE:
            raise ValueError(f"coalesce: only an update replaces another, not {self.position}")
        return self

    @field_validator("headers")
    @classmethod
    def _each_name_once(cls, headers: tuple[Header, ...]) -> tuple[Header, ...]:
        names = [header.name.lower() for header in headers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} given more than once")
        return headers
