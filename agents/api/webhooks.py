"""Webhooks: an account's standing requests, and the rotation of their signing secrets.

The paths that end in `.json` are CallTrackingMetrics': they answer as the others do, and in its
form beside.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal, cast

from pydantic import BaseModel

from agents.api.models.webhooks import (
    CtmDeleted,
    CtmWebhookAnswer,
    CtmWebhookPage,
    CtmWebhookQuery,
    Rotation,
    RotationAnswer,
    WebhookAnswer,
    WebhookBody,
    WebhookPage,
    WebhookPatch,
    WebhookQuery,
)
from agents.api.operation import Call, Handler, Operation, Reply, etag
from agents.api.record_operations import operations_of
from agents.api.records import Records, Resource, existing, save
from agents.api.saving import Checked
from pipeline.configs import Configs
from schemas.secret import FORM
from schemas.webhook import Signing, Webhook

_WEBHOOKS: Final = Resource(
    "webhook", "wh", WebhookBody, WebhookPatch, WebhookAnswer, WebhookPage, WebhookQuery
)
_HANDLERS: Final = Records(_WEBHOOKS)
# As many bytes as the specification's own examples have.
_SECRET_BYTES: Final = 24
_ONLY_NAMED: Final = "Changes what it names, as PATCH does: other fields stay as they are."
_CTM: Final = (
    "Takes CallTrackingMetrics' names too (`weburl`, `with_resource_url`, `username`, `password`, "
    "`disabled`), and answers with them beside its own."
)


async def _rotate(call: Call) -> Reply:
    """Sign with a new secret, shown this once, beside some of those that are there."""
    key, drawn = _HANDLERS.key(call), base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()

    def wanted(configs: Configs) -> Checked:
        webhook = cast("Webhook", existing(configs, key, call.if_match))
        signing = _rotated(webhook.signing, drawn, call.body.keep)
        return Checked(webhook.model_copy(update={"signing": signing}), ())

    saved = await save(call, key, wanted)
    signing = cast("Webhook", saved.record).signing
    answer = RotationAnswer(
        webhook_id=key.id,
        scheme=signing.scheme,
        secret=_secret(signing.scheme, drawn),
        secrets=len(signing.secrets),
        version=saved.record.version,
    )
    return Reply(answer, headers=etag(saved.record.version))


def _rotated(signing: Signing, drawn: str, keep: int) -> Signing:
    """The newest secret first. Only `standard` signs with several; none becomes `standard`."""
    kept = signing.secrets[:keep] if signing.scheme == "standard" else ()
    scheme: Literal["ctm", "standard"] = "ctm" if signing.scheme == "ctm" else "standard"
    return Signing(scheme=scheme, secrets=(_secret(scheme, drawn), *kept))


def _secret(scheme: str, drawn: str) -> str:
    return drawn if scheme == "ctm" else f"{FORM}{drawn}"


def _in_ctm_form(handler: Handler) -> Handler:
    """A handler whose answer has the webhook under the other names too."""

    async def handle(call: Call) -> Reply:
        reply = await handler(call)
        fields = reply.body.model_dump() if isinstance(reply.body, BaseModel) else {}
        both = {**fields, "status": "success", "webhook": _ctm_names(fields)}
        return Reply(CtmWebhookAnswer.model_validate(both), headers=reply.headers)

    return handle


async def _ctm_list(call: Call) -> Reply:
    """Pages by number, as CallTrackingMetrics has them, and by cursor."""
    found, per_page = _HANDLERS.wanted(call), call.query.per_page or call.query.limit
    page = call.query.page or 1
    query = call.query.model_copy(update={"limit": per_page})
    fields = _HANDLERS.page(found[(page - 1) * per_page :], query)
    answer = {
        **fields,
        "webhooks": [_ctm_names(item) for item in fields["items"]],
        "page": page,
        "per_page": per_page,
        "total_entries": len(found),
        "total_pages": -(-len(found) // per_page),
    }
    return Reply(CtmWebhookPage.model_validate(answer))


async def _ctm_delete(call: Call) -> Reply:
    await _HANDLERS.delete(call)
    return Reply(CtmDeleted(status="deleted", id=call.path["id"]))


def _ctm_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    auth = fields["basic_auth"]
    same = ("id", "account_id", "name", "position", "created_at", "updated_at")
    return {
        **{name: fields[name] for name in same},
        "weburl": fields["url"],
        "with_resource_url": fields["body_type"] == "resource_link",
        "disabled": not fields["enabled"],
        "username": auth and auth["username"],
    }


_ONE: Final = f"{_WEBHOOKS.path}/{{id}}"

_ROTATE: Final = Operation(
    "POST",
    f"{_ONE}/secrets/rotate",
    _rotate,
    summary="Rotate a webhook's signing secret",
    tag="Webhooks",
    scope="write",
    body=Rotation,
    answer=RotationAnswer,
    problems=(404, 412, 422, 503),
    description="Draws a secret, answers it this once, and signs with it from now on, beside the "
    "present ones. When the receiver knows it, rotate with `keep: 0`, or write "
    '`{"signing": {"secrets": ["•••"]}}` to keep the newest alone. A webhook that signs with none '
    "begins with the scheme `standard`; `ctm` has one secret, which is replaced at once.",
)


def _ctm_operation(operation: Operation) -> Operation:
    """The same at its path with `.json`."""
    return replace(
        operation,
        path=f"{operation.path}.json",
        handler=_in_ctm_form(operation.handler),
        answer=CtmWebhookAnswer,
        summary=f"{operation.summary} (CTM)",
        description=f"{operation.description} {_CTM}".strip(),
        tag="CTM",
    )


def _ctm_operations(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if operation.path == _WEBHOOKS.path and operation.method == "GET":
            ctm = _ctm_operation(operation)
            yield replace(ctm, handler=_ctm_list, query=CtmWebhookQuery, answer=CtmWebhookPage)
        elif operation.method == "PUT":
            # Its clients send what they know of, and that is not all that there is.
            ctm = _ctm_operation(replace(operation, handler=_HANDLERS.patch))
            yield replace(ctm, body=WebhookPatch, description=f"{_ONLY_NAMED} {_CTM}")
        elif operation.method == "DELETE":
            ctm = _ctm_operation(operation)
            yield replace(ctm, handler=_ctm_delete, answer=CtmDeleted, status=200)
        elif operation.path in (_WEBHOOKS.path, _ONE):
            yield _ctm_operation(operation)


_OWN: Final = operations_of(_WEBHOOKS, _HANDLERS)

OPERATIONS: Final[tuple[Operation, ...]] = (*_OWN, _ROTATE, *_ctm_operations(_OWN))
