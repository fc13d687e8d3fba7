"""What is asked and answered about webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from agents.api.models.base import PAGE_ITEMS_MAX, Answer, Body, PageQuery
from agents.api.models.forms import body_of, list_of, patch_of, shown_of, with_fields, with_warnings
from pipeline.requests import MASK
from schemas.codec import Many
from schemas.common import Position
from schemas.http_fields import HeaderName
from schemas.webhook import HEADERS_MAX, SECRETS_MAX, Webhook

_KEEPS: Final = f"`{MASK}` keeps the secret that is there."


class HeaderGiven(Body):
    """A header sent with every request of the webhook."""

    name: HeaderName
    value: str = Field(description=f"Kept secret. {_KEEPS} It goes by the header's name.")


class BasicAuthGiven(Body):
    """The user name and password of HTTP basic authentication (RFC 7617)."""

    username: str
    password: str = Field("", description=f"Kept secret. {_KEEPS}")


class SigningGiven(Body):
    """How requests are signed."""

    scheme: Literal["standard", "ctm", "none"] = "standard"
    secrets: Annotated[Many[str], Field(max_length=SECRETS_MAX)] = Field(
        (),
        description="`whsec_` and 24 to 64 bytes in base64 for `standard`, of which each signs; "
        f"one printable text for `ctm`. {_KEEPS} It goes by its place in the list.",
    )


class HeaderShown(Answer):
    """A header sent with every request of the webhook."""

    name: str
    value: str = Field(description=f"Always `{MASK}`, or empty.")


class BasicAuthShown(Answer):
    """The user name of HTTP basic authentication."""

    username: str
    password: str = Field(description=f"Always `{MASK}`, or empty.")


class SigningShown(Answer):
    """How requests are signed, and with how many secrets."""

    scheme: Literal["standard", "ctm", "none"]
    secrets: list[str] = Field(description=f"`{MASK}` for each, the newest first.")


_GIVEN: Final[dict[str, Any]] = {
    "headers": Annotated[Many[HeaderGiven], Field(max_length=HEADERS_MAX)],
    "basic_auth": BasicAuthGiven | None,
    "signing": SigningGiven,
}
_SHOWN: Final[dict[str, Any]] = {
    "headers": list[HeaderShown],
    "basic_auth": BasicAuthShown | None,
    "signing": SigningShown,
}
_TEXTS: Final = {
    "id": "1 to 63 of `a-z 0-9 - _`, unique in the account, never changed; drawn when left out.",
    "name": "For people.",
    "description": "For people.",
    "position": "The phase that fires it, in any accepted spelling; `route` fires by itself never.",
    "enabled": "A disabled webhook fires for nothing.",
    "url": "A full URL, with tokens such as `{{id}}` in path and query; `weburl` is accepted too.",
    "method": "`GET` is for pixels.",
    "body_type": "What is sent: the whole activity, a link to it, or nothing (a pixel).",
    "format": "For `log_data`: a Mustache template or a time series in the activity's place.",
    "filter": "Groups of rules of which one must hold; without it every activity is accepted.",
    "headers": "Sent with every request; values are kept secret.",
    "basic_auth": "HTTP basic authentication.",
    "signing": "How requests are signed.",
    "idempotency_key": "Sends the delivery's id as `Idempotency-Key` too.",
    "retry": "When a failed attempt is tried again.",
    "failure_trigger": "The trigger to run when a delivery fails.",
    "auto_disable": "Disables the webhook once it has failed for so long with nothing delivered; "
    "its failure trigger's emails and texts announce it in steps.",
    "disabled_reason": "Why it was disabled automatically; gone once it is enabled again.",
    "timeout_s": "For the whole of a request.",
    "concurrency_max": "Requests in flight at once.",
    "rate_limit": "Requests a second, at most.",
    "ordered": "The deliveries of one activity one after another.",
    "coalesce": "For position `update`: of those that wait, only the latest goes.",
    "expire_after_s": "A delivery that has not ended by then ends as `expired`.",
    "version": "Counts its changes; `If-Match` names it.",
}
_EXAMPLE: Final = {
    "id": "crm",
    "name": "Calls to the CRM",
    "position": "end",
    "url": "https://crm.example.com/in?call={{id}}",
    "filter": {"any": [{"all": [{"field": "Talk Time", "op": "gte", "value": 30}]}]},
    "retry": {"schedule": ["5s", "30s", "2m", "10m"]},
}

WebhookBody: Final = body_of(Webhook, "WebhookBody", _TEXTS, _GIVEN, example=_EXAMPLE)
WebhookPatch: Final = patch_of(
    Webhook, "WebhookPatch", _TEXTS, _GIVEN, example={"enabled": False, "rate_limit": None}
)
ShownWebhook: Final = shown_of(Webhook, "Webhook", _TEXTS, _SHOWN)
WebhookAnswer: Final = with_warnings(ShownWebhook, "WebhookAnswer")
WebhookPage: Final = list_of(ShownWebhook, "WebhookPage")


class WebhookQuery(PageQuery):
    """Which webhooks to list."""

    position: Position | None = Field(None, description="Only those at this phase.")
    enabled: bool | None = Field(None, description="Only those that are, or are not, enabled.")
    text: str | None = Field(
        None,
        max_length=200,
        description="Only those with this in their id, name, description or URL, in any case.",
    )


class Rotation(Body):
    """How to change the signing secret."""

    keep: int = Field(
        SECRETS_MAX - 1,
        ge=0,
        le=SECRETS_MAX - 1,
        description="How many of the present secrets go on signing beside the new one, until the "
        "receiver knows it; 0 ends them at once.",
    )


class RotationAnswer(Answer):
    """The new secret, which is shown this once."""

    webhook_id: str
    scheme: str
    secret: str
    secrets: int = Field(description="How many secrets sign from now on, this one included.")
    version: int


class CtmWebhook(Answer):
    """A webhook under CallTrackingMetrics' names."""

    id: str
    account_id: int
    name: str
    position: str
    weburl: str
    with_resource_url: bool
    disabled: bool
    username: str | None
    created_at: str | None
    updated_at: str | None


CtmWebhookAnswer: Final = with_fields(
    WebhookAnswer,
    "CtmWebhookAnswer",
    {
        "status": (str, Field(description="`success`.")),
        "webhook": (CtmWebhook, Field(description="The same under CallTrackingMetrics' names.")),
    },
)
CtmWebhookPage: Final = with_fields(
    WebhookPage,
    "CtmWebhookPage",
    {
        "webhooks": (list[CtmWebhook], Field(description="The same under the other names.")),
        "page": (int, Field(description="The page that was asked for, from 1.")),
        "per_page": (int, Field(description="How many a page has at most.")),
        "total_entries": (int, Field(description="How many there are on all pages.")),
        "total_pages": (int, Field(description="How many pages there are.")),
    },
)


class CtmWebhookQuery(WebhookQuery):
    """Which webhooks to list, also by the number of a page."""

    page: int | None = Field(None, ge=1, le=1_000_000, description="In place of a cursor.")
    per_page: int | None = Field(
        None, ge=1, le=PAGE_ITEMS_MAX, description="Another name of `limit`."
    )


class CtmDeleted(Answer):
    """That a webhook is gone."""

    status: str = Field(description="`deleted`.")
    id: str
