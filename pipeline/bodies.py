"""The body of a delivery, made once, at its first attempt, from the event's snapshot.

`log_data` is the activity as upstream sent it, or what the webhook's format makes of it;
`resource_link` says where the activity can be read; a pixel has no body.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import pydantic_core

from pipeline.escaping import mode_of
from pipeline.templates import render_body
from schemas.account import Account
from schemas.event import Event
from schemas.job import Body
from schemas.tokens import ENHANCED_FIELDS
from schemas.webhook import Mustache, Webhook

JSON: Final = "application/json"

_CUSTOM: Final = "custom_"
_CUSTOM_FIELDS: Final = "custom_fields"


def body_for(webhook: Webhook, account: Account, event: Event, *, public_url: str) -> Body:
    """The body of a first attempt; raises `RenderError` when the webhook's template gives none.

    A time series is not made of the event alone: `pipeline.timeseries` makes that body.
    """
    if webhook.body_type == "pixel":
        return Body(text="", content_type=None)
    if webhook.body_type == "resource_link":
        return json_body(_json({"resource_url": resource_url(event, public_url)}))
    if isinstance(webhook.format, Mustache):
        content_type = webhook.format.content_type
        text = render_body(
            webhook.format.template,
            activity_context(event.activity, account),
            mode=mode_of(content_type),
            partials=account.snippets,
        )
        return Body(text=text, content_type=content_type)
    return json_body(_json(event.activity))


def json_body(text: str) -> Body:
    """A body of JSON text."""
    return Body(text=text, content_type=JSON)


def resource_url(event: Event, public_url: str) -> str:
    """Where the API serves the event's activity."""
    activity_id = quote(event.activity_id, safe="")
    return f"{public_url.rstrip('/')}/api/v1/accounts/{event.account_id}/calls/{activity_id}.json"


def visible_activity(activity: dict[str, Any], account: Account) -> dict[str, Any]:
    """The activity as tokens see it: without the Enhanced group unless the account has it."""
    if account.features.enhanced_caller_id:
        return activity
    return {name: value for name, value in activity.items() if name not in ENHANCED_FIELDS}


def activity_context(activity: dict[str, Any], account: Account) -> dict[str, Any]:
    """The visible activity as templates see it: each custom field under both of its names."""
    visible = visible_activity(activity, account)
    listed = visible.get("custom_fields")
    inside = listed if isinstance(listed, dict) else {}
    outside = {
        name.removeprefix(_CUSTOM): value
        for name, value in visible.items()
        if name.startswith(_CUSTOM) and name != _CUSTOM_FIELDS
    }
    if not (inside or outside):
        return visible
    named = {f"{_CUSTOM}{name}": value for name, value in inside.items()}
    return {**named, **visible, _CUSTOM_FIELDS: {**outside, **inside}}


def _json(value: object) -> str:
    return pydantic_core.to_json(value).decode()
